"""JSON that strangers wrote: read only if it is of a sensible size, depth and type, and before that never trusted.

``json.loads`` alone takes seconds and gigabytes for some files, and fails in many ways. Here it is one: ``Unreadable``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: No configuration is larger; the longest published list of shards has a tenth of it.
LARGEST = 4_000_000
#: So many values and names are in it at most.
MOST_VALUES = 400_000
#: The deepest published configuration has 6 levels.
DEEPEST = 64


class Unreadable(ValueError):
    """What was written by others cannot be read, or is too large to be what it should be."""


def parse(text: str | bytes, largest: int = LARGEST, most: int = MOST_VALUES) -> dict[str, Any]:
    """The object that a text is.

    Parameters
    ----------
    largest : characters or bytes that the text has at most
    most : values that are in it at most

    Raises
    ------
    Unreadable if it is no JSON object, too large, nested too deeply, or has text that is not Unicode
    """
    if len(text) > largest:
        raise Unreadable("too large")
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        if plain.count(",") + plain.count("[") + plain.count("{") > most:
            raise Unreadable("too many values")
        found = json.loads(plain)
        if "\\ud" in plain or "\\uD" in plain:  # half a character, which no file name and no panel takes
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unreadable("nested too deeply" if isinstance(error, RecursionError) else str(error)) from error
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    if _is_deeper(found, DEEPEST):
        raise Unreadable("nested too deeply")
    return found


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether something is nested more deeply than so many levels."""
    level = [value]
    while levels and level:
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        levels -= 1
    return bool(level)


def read_text(file: Path, largest: int = LARGEST) -> str | None:
    """The text of a small file; None if it cannot be opened.

    Raises
    ------
    Unreadable if it is too large, no regular file, or no text
    """
    try:
        if not file.is_file():  # a pipe would be waited for
            return None
        with open(file, "rb") as stream:
            data = stream.read(largest + 1)
    except (OSError, ValueError):  # a name that no file can have is a ValueError
        return None
    if len(data) > largest:
        raise Unreadable(f"{file.name} is too large")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{file.name} is not text") from error


def read(file: Path, largest: int = LARGEST) -> dict[str, Any] | None:
    """The object in a file; None if it cannot be opened.

    Raises
    ------
    Unreadable
    """
    text = read_text(file, largest)
    return None if text is None else parse(text, largest)
