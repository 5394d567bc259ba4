"""Words that more than one message is made of."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], most: int = 3) -> str:
    """The first of many names, and how many more there are; never that there is one more.

    Parameters
    ----------
    most : names that are all told
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def counted(count: int, word: str) -> str:
    """A number with its noun, in the plural unless it is 1: '1 frame', '24 frames'."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
