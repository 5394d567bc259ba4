"""JSON that strangers wrote: read only if it is of a sensible size, depth and type, and before that never trusted.

``json.loads`` alone takes seconds and gigabytes for some files, and fails in many ways. Here it is one: ``Unreadable``.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

from .whole import read_regular

#: No configuration is larger; the longest published list of shards has a tenth of it.
LARGEST = 4_000_000
#: So many values and names are in it at most.
MOST_VALUES = 400_000
#: The deepest published configuration has 6 levels.
DEEPEST = 64
#: How a system says that there is no such file.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
#: What it says of others, in the words of people.
_WORDS = {errno.EFBIG: "it is too large", **dict.fromkeys((errno.EINVAL, errno.EISDIR, errno.ENXIO), "it is no file")}


class Unreadable(ValueError):
    """What was written by others cannot be read, or is too large to be what it should be."""


def parse(text: str | bytes, largest: int = LARGEST, most: int = MOST_VALUES, unique: bool = False) -> dict[str, Any]:
    """The object that a text is.

    NaN and infinity are read, since diffusers writes them; of a name that stands twice in an object the last counts,
    as in the libraries.

    Parameters
    ----------
    largest : characters or bytes that the text has at most
    most : values that are in it at most
    unique : refuse an object in which a name stands twice

    Raises
    ------
    Unreadable if it is no JSON object, too large, nested too deeply, or has text that is not Unicode
    """
    found = parse_any(text, largest, most, unique)
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    return found


def parse_any(text: str | bytes, largest: int = LARGEST, most: int = MOST_VALUES, unique: bool = False) -> Any:
    """The value that a text is, be it an object or not; see ``parse``.

    Raises
    ------
    Unreadable
    """
    if len(text) > largest:
        raise Unreadable("too large")
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        if plain.count(",") + plain.count("[") + plain.count("{") > most:
            raise Unreadable("too many values")
        found = json.loads(plain, object_pairs_hook=_unique if unique else None)
        if "\\ud" in plain or "\\uD" in plain:  # half a character, which no file name and no panel takes
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unreadable("nested too deeply" if isinstance(error, RecursionError) else str(error)) from error
    if _is_deeper(found, DEEPEST):
        raise Unreadable("nested too deeply")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("a name stands twice")
    return found


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether something is nested more deeply than so many levels."""
    level = [value] if isinstance(value, dict | list) else []
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
    """The text of a small file; None if there is none.

    Raises
    ------
    Unreadable if it is too large, no regular file (a pipe would be waited for), not ours to read, or no text
    """
    try:
        data = read_bytes(file, largest)
        return None if data is None else data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{file.name} is not text") from error


def read_bytes(file: Path, largest: int = LARGEST) -> bytes | None:
    """What is in a small file; None if there is none.

    Raises
    ------
    Unreadable as ``read_text``
    """
    try:
        return read_regular(file, largest, follow=True)
    except ValueError:  # a name that no file can have
        return None
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        what = _WORDS.get(error.errno or 0) or error.strerror or str(error)
        raise Unreadable(f"{file.name} cannot be read: {what}") from error


def read(file: Path, largest: int = LARGEST) -> dict[str, Any] | None:
    """The object in a file; None if there is none.

    Raises
    ------
    Unreadable
    """
    text = read_text(file, largest)
    return None if text is None else parse(text, largest)
