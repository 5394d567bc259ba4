"""The kinds of files that Bend makes in a frame store, each counted and named on its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..files.whole import DIGEST
from ..wording import counted
from .resolve import INPUTS

#: What sounds are embedded as, for the sound condition; small, and kept.
SOUND = "sound embedding"

_FRAME, _HALF = rf"{DIGEST.pattern}\.png", r"\.\w+\.tmp"

#: What a file is called, and which paths within the store are of that kind.
_KINDS = {
    "frame": re.compile(_FRAME),
    "captured picture": re.compile(f"{INPUTS}/{_FRAME}"),
    SOUND: re.compile(rf"{INPUTS}/{DIGEST.pattern}\.f32"),
    "unfinished file": re.compile(f"(?:{INPUTS}/)?{_HALF}"),
}


def kind_of(path: str) -> str:
    """What a file of a store is called; empty if it is none that is counted.

    Parameters
    ----------
    path : within the store, with forward slashes
    """
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(path)), "")


@dataclass(frozen=True)
class Tally:
    """How many files of a kind there are.

    Parameters
    ----------
    bytes : of all of them
    """

    kind: str
    count: int
    bytes: int

    def words(self) -> str:
        """For example '24 captured pictures'."""
        return counted(self.count, self.kind)


def tallies(files: Iterable[tuple[str, int]]) -> tuple[Tally, ...]:
    """The files of a store by kind, in the order of the kinds; kinds without a file are left out.

    Parameters
    ----------
    files : path within the store and size in bytes
    """
    found = dict.fromkeys(_KINDS, (0, 0))
    for path, size in files:
        kind = kind_of(path)
        if kind:
            count, total = found[kind]
            found[kind] = count + 1, total + size
    return tuple(Tally(kind, count, total) for kind, (count, total) in found.items() if count)
