"""Words that more than one message is made of."""

from __future__ import annotations

from collections.abc import Sequence

#: Words that a title does not capitalize unless they begin or end it.
_SMALL = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "off", "on", "or", "the", "to", "with")
)


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


def titled(words: str) -> str:
    """Words as a title, as Blender writes them: 'leap on the one' becomes 'Leap on the One'."""
    parts = words.split()
    last = len(parts) - 1
    return " ".join(
        word if word in _SMALL and 0 < place < last else word.capitalize() for place, word in enumerate(parts)
    )


def about(seconds: float) -> str:
    """A length of time as one says it: '20 s', '12 min', '2 h 30 min'."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h{f' {rest} min' if rest else ''}"
