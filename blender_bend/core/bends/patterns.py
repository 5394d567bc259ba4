"""Patterns that strangers wrote, matched letter by letter: the time is a letter's times the pattern's length.

A regular expression with many stars goes through every way to share the letters between them, which takes longer than
anyone waits. Here all ways are followed at once: bit ``i`` of a number says that what was read fits the first ``i``
pieces of the pattern.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

#: No path of a network and no file name is as long.
LONGEST = 300


class Piece(NamedTuple):
    """One letter of a pattern, or any number of them."""

    accepts: Callable[[str], bool]
    repeats: bool = False


class Pattern:
    """A sequence of pieces that a whole text fits or not."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(pieces)
        self._repeating = sum(1 << place for place, piece in enumerate(self.pieces) if piece.repeats)
        self._accepting: dict[str, int] = {}

    def fits(self, text: str) -> bool:
        """Whether the pattern stands for a text."""
        reached = self._passed(1)
        for letter in text:
            taken = reached & self.that_accept(letter)
            reached = self._passed((taken & ~self._repeating) << 1 | taken & self._repeating)
        return bool(reached >> len(self.pieces))

    def that_accept(self, letter: str) -> int:
        if letter not in self._accepting:
            fitting = (1 << place for place, piece in enumerate(self.pieces) if piece.accepts(letter))
            self._accepting[letter] = sum(fitting)
        return self._accepting[letter]

    def _passed(self, reached: int) -> int:
        """What is reached with the pieces that may stand for nothing."""
        while (more := reached | (reached & self._repeating) << 1) != reached:
            reached = more
        return reached


def _any(letter: str) -> bool:
    return True


def _within(letter: str) -> bool:
    return letter != "."


def _one(letter: str) -> Piece:
    return Piece(letter.__eq__)


@functools.lru_cache(maxsize=1024)
def wildcard(text: str) -> Pattern:
    """A path with stars: ``*`` is any text within one part of it, ``**`` any parts."""
    found: list[str] = re.findall(r"\*+|[^*]", text)
    stars = {"*": Piece(_within, repeats=True)}
    return Pattern(stars.get(token, Piece(_any, repeats=True) if "*" in token else _one(token)) for token in found)


_DIGITS = frozenset("0123456789")
#: What a simple regular expression is made of: a letter, ``.``, ``\\.`` or ``\\d``, and how often it stands there.
_EXPRESSION = re.compile(r"(\\[.d_-]|\[0-9\]|[\w.-])([*+]?)")
_CLASSES: dict[str, Callable[[str], bool]] = {".": _any, "\\d": _DIGITS.__contains__, "[0-9]": _DIGITS.__contains__}


def fits_end(text: str, path: str) -> bool | None:
    """Whether the last parts of a path fit a simple regular expression as peft writes them: ``to_q``, ``^proj_in``,
    ``blocks\\.\\d+\\.to_q``; None if it is not so simple."""
    pattern = _expression(text)
    return None if pattern is None else pattern.fits(f".{path}")


@functools.lru_cache(maxsize=1024)
def _expression(text: str) -> Pattern | None:
    plain = text.removeprefix("^").removesuffix("$")
    found = _EXPRESSION.findall(plain)
    if len(plain) > LONGEST or "".join(map("".join, found)) != plain:
        return None
    pieces = [_one(".")] if text.startswith("^") else [Piece(_any, repeats=True), _one(".")]
    for letter, often in found:
        accepts = _CLASSES.get(letter, letter[-1].__eq__)
        pieces += [Piece(accepts)] if often != "*" else []
        pieces += [Piece(accepts, repeats=True)] if often else []
    return Pattern(pieces)
