"""Weights in prompts, as artists write them: ``(word:1.3)``, ``(word)``, ``[word]``, and ``BREAK`` between parts.

The notation is that of AUTOMATIC1111's web UI (github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features,
"Attention/emphasis"); ComfyUI and Deforum read the round brackets alike. Unlike there, a bracket without its partner is
a letter: it doesn't weigh the rest of the prompt.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

#: What a pair of brackets without a number multiplies by, and what it divides by.
EMPHASIS = 1.1
#: Weights beyond these count as these.
LEAST, MOST = 0.0, 10.0

_BREAK = re.compile(r"\bBREAK\b")
_TOKEN = re.compile(r"\\[()\[\]\\]|[()\[\]]|[^()\[\]\\]+|\\")
_NUMBER = re.compile(r"(.*):\s*(\+?(?:\d+(?:\.\d*)?|\.\d+))\s*", re.DOTALL)
_PARTNERS = {")": "(", "]": "["}
#: Pairs within pairs multiply up to this, and no further, so that 0 around them is still 0.
_LARGEST_FACTOR = 1e30


@dataclass(frozen=True)
class Fragment:
    """A piece of a prompt whose words all have one weight."""

    text: str
    weight: float = 1.0


#: A prompt as read: its parts, which ``BREAK`` divides, in fragments.
Parts = tuple[tuple[Fragment, ...], ...]


def read(prompt: str) -> Parts:
    """The weighted fragments of every part of a prompt; at least one part, which may have none.

    Examples
    --------
    >>> read("a (calm:1.3) sea")
    ((Fragment(text='a ', weight=1.0), Fragment(text='calm', weight=1.3), Fragment(text=' sea', weight=1.0)),)
    """
    parts: list[list[Fragment]] = [[]]
    for fragment in _fragments(prompt):
        first, *others = _broken(fragment.text)
        parts[-1].append(Fragment(first, fragment.weight))
        parts += [[Fragment(text, fragment.weight)] for text in others]
    return tuple(_joined(part) for part in parts)


def _broken(text: str) -> list[str]:
    """The pieces between the words ``BREAK``, without the spaces around it."""
    pieces = _BREAK.split(text)
    pieces[1:] = [piece.lstrip() for piece in pieces[1:]]
    pieces[:-1] = [piece.rstrip() for piece in pieces[:-1]]
    return pieces


def _fragments(text: str) -> list[Fragment]:
    tokens = _TOKEN.findall(text)
    opened = _pairs(tokens)
    closed = set(opened.values())
    texts = [token[1:] if len(token) == 2 and token[0] == "\\" else token for token in tokens]
    fragments, around = [], [1.0]
    for index, token in enumerate(tokens):
        if index in opened:
            factor = 1 / EMPHASIS if token == "[" else EMPHASIS
            # A number stands before the closing bracket; where another pair ends there, it is letters.
            last = opened[index] - 1
            numbered = _NUMBER.fullmatch(tokens[last]) if token == "(" and _is_text(tokens[last]) else None
            if numbered:
                factor, texts[last] = float(numbered[2]), numbered[1]
            around.append(min(around[-1] * min(factor, _LARGEST_FACTOR), _LARGEST_FACTOR))
        elif index in closed:
            around.pop()
        else:
            fragments.append(Fragment(texts[index], round(min(max(around[-1], LEAST), MOST), 6)))
    return fragments


def _is_text(token: str) -> bool:
    return token not in ("(", ")", "[", "]") and not token.startswith("\\")


def _pairs(tokens: list[str]) -> dict[int, int]:
    """The places of opening brackets, each with that of its partner; what has none is left out."""
    pairs: dict[int, int] = {}
    waiting: dict[str, list[int]] = {"(": [], "[": []}
    for index, token in enumerate(tokens):
        if token in waiting:
            waiting[token].append(index)
        elif token in _PARTNERS and (same := waiting[_PARTNERS[token]]):
            pairs[found := same.pop()] = index
            for opened in waiting.values():  # what was opened within it and not closed
                while opened and opened[-1] > found:
                    opened.pop()
    return pairs


def _joined(pieces: list[Fragment]) -> tuple[Fragment, ...]:
    """Neighbors of one weight as one fragment, without empty ones."""
    runs = groupby((piece for piece in pieces if piece.text), key=attrgetter("weight"))
    return tuple(Fragment("".join(piece.text for piece in run), weight) for weight, run in runs)


def literal(prompt: str) -> Parts:
    """A prompt whose brackets are letters."""
    return ((Fragment(prompt),) if prompt else (),)


@functools.lru_cache(maxsize=1024)
def is_plain(prompt: str) -> bool:
    """Whether it makes no difference that weights are read."""
    return read(prompt) == literal(prompt)


def words(parts: Parts) -> str:
    """A prompt without its weights."""
    return " ".join("".join(fragment.text for fragment in part) for part in parts)


def is_weighted(parts: Parts) -> bool:
    """Whether any word has a weight of its own."""
    return any(fragment.weight != 1 for part in parts for fragment in part)
