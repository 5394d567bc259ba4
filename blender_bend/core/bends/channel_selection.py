"""Which channels of a site a bend takes: all, a list, a random share, the most active ones, or a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..errors import BendError, Code

#: Into how many groups the channels of a site are parted when a selection does not say (Broad et al.: 3 to 5).
CLUSTERS = 5

#: No site has more; the widest layers of published models have some ten thousand.
MOST = 100_000
#: The longest list that anyone writes.
_LONGEST = 10_000

_HINT = "Use all, numbers and ranges (0-3, 7), random 25%, top 16, or cluster 2."


@dataclass(frozen=True)
class Selection:
    """A parsed choice of channels.

    Parameters
    ----------
    numbers : the channels of a ``list``, in order
    share : the part 0...1 of a ``random`` choice
    count : how many of the most active ones a ``top`` choice takes, or into how many clusters all are parted
    cluster : which one, from 0
    """

    kind: Literal["all", "list", "random", "top", "cluster"] = "all"
    numbers: tuple[int, ...] = ()
    share: float = 1.0
    count: int = 0
    cluster: int = 0

    def __str__(self) -> str:
        match self.kind:
            case "list":
                return ", ".join(_ranges(self.numbers))
            case "random":
                return f"random {self.share * 100:g}%"
            case "top":
                return f"top {self.count}"
            case "cluster":
                return f"cluster {self.cluster} of {self.count}"
        return "all"

    def check(self, channels: int) -> None:
        """Refuse a choice that a site with so many channels does not have.

        Raises
        ------
        BendError(CHANNEL_MISSING)
        """
        if self.numbers and self.numbers[-1] >= channels:
            raise BendError(
                Code.CHANNEL_MISSING,
                f"Channel {self.numbers[-1]} doesn't exist at this site.",
                f"This site has channels 0 to {channels - 1}.",
            )


def parse(text: str) -> Selection:
    """Read a choice of channels: ``all``, ``0-3, 7``, ``random 25%``, ``top 16``, ``cluster 2``, ``cluster 2 of 8``.

    Raises
    ------
    BendError(PARAMETER_INVALID) if it cannot be read
    """
    if len(text) > _LONGEST:
        raise BendError(Code.PARAMETER_INVALID, f"A list of channels has at most {_LONGEST} characters.", _HINT)
    words = text.strip().lower()
    if words in {"", "all"}:
        return Selection()
    if found := re.fullmatch(r"random\s+(\d{1,3}(?:\.\d+)?)\s*%", words):
        return Selection("random", share=_within(float(found[1]) / 100, text))
    if found := re.fullmatch(r"random\s+(\d?\.\d+|[01])", words):
        return Selection("random", share=_within(float(found[1]), text))
    if found := re.fullmatch(r"top\s+(\d{1,6})", words):
        return Selection("top", count=max(int(found[1]), 1))
    if found := re.fullmatch(r"cluster\s+(\d{1,3})(?:\s+of\s+(\d{1,3}))?", words):
        count = int(found[2] or CLUSTERS)
        if int(found[1]) >= count:
            raise BendError(
                Code.CHANNEL_MISSING, f"There is no cluster {found[1]} of {count}.", "They are counted from 0."
            )
        return Selection("cluster", cluster=int(found[1]), count=count)
    return Selection("list", numbers=_numbers(text))


def _within(share: float, text: str) -> float:
    if not 0 < share <= 1:
        raise BendError(Code.PARAMETER_INVALID, f"'{text}' is not a share of the channels.", _HINT)
    return share


def _numbers(text: str) -> tuple[int, ...]:
    ranges = sorted(_range(part, text) for part in text.split(","))
    chosen: list[int] = []
    for first, last in ranges:  # each number once, however often the ranges name it
        chosen.extend(range(max(first, chosen[-1] + 1 if chosen else 0), last + 1))
    return tuple(chosen)


def _range(part: str, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", part)
    if not found:
        raise BendError(Code.PARAMETER_INVALID, f"'{text}' is not a list of channels.", _HINT)
    first = int(found[1])
    last = int(found[2] or first)
    if not first <= last < MOST:
        raise BendError(Code.PARAMETER_INVALID, f"'{part.strip()}' is not a range of channels.", _HINT)
    return first, last


def _ranges(numbers: tuple[int, ...]) -> list[str]:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
