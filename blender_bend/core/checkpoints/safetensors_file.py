"""What a safetensors file holds, by its header alone. Format: github.com/huggingface/safetensors#format"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import foreign_json
from ..files.foreign_json import Unreadable
from ..files.whole import open_regular

#: Headers of published models have some 100 bytes a tensor: SDXL 0.3 MB, large merges 1 MB.
LONGEST_HEADER = 16_000_000
#: Values in it, seven or so a tensor.
_MOST_VALUES = 800_000
#: Names of tensors in published files have some 150 characters at most, and patterns are looked for in them.
LONGEST_NAME = 500
#: No length and no place in a file is as large.
_LARGEST = 1 << 48


#: What is said of a file whose header is none, too long, or speaks of other bytes than there are.
_DAMAGED = "its file is damaged or incomplete"


class CutOff(Unreadable):
    """A file ends before its header, or its tensors, do."""


@dataclass(frozen=True)
class Entry:
    """A tensor of a file.

    Parameters
    ----------
    key : its name in the file
    dtype : in the format's own words: ``F32``, ``BF16``, ``F8_E4M3`` …
    begin, end : where its bytes are in the file
    """

    key: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Contents:
    """What a file says of itself.

    Parameters
    ----------
    tensors : by name
    metadata : what its writer noted in it
    digest : of the whole header
    """

    tensors: Mapping[str, Entry]
    metadata: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


def _header(file: Path) -> tuple[dict[str, Any], bytes, int]:
    """What it says, the bytes in which it says so, and the size that the file has now."""
    with open_regular(file, follow=True) as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > LONGEST_HEADER:
            raise Unreadable(_DAMAGED)
        text = stream.read(length)
        size = os.fstat(stream.fileno()).st_size
    if len(text) < length:
        raise CutOff(_DAMAGED)
    try:
        return foreign_json.parse(text, LONGEST_HEADER, _MOST_VALUES, unique=True), text, size
    except Unreadable as error:
        raise Unreadable(_DAMAGED) from error


def contents(file: Path) -> Contents:
    """What a file holds; read once for as long as it does not change.

    Raises
    ------
    OSError, Unreadable if it is no safetensors file, or longer than it says; CutOff if it is shorter
    """
    status = file.stat()
    return _contents(str(file), status.st_size, (status.st_mtime_ns, status.st_ctime_ns))


@functools.lru_cache(maxsize=16)
def _contents(path: str, _size: int, _changed: tuple[int, int]) -> Contents:
    found, text, size = _header(Path(path))
    metadata = found.pop("__metadata__", {})
    start = 8 + len(text)
    try:
        tensors = {name: _entry(name, value, start) for name, value in found.items()}
    except Unreadable:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Unreadable(_DAMAGED) from error
    ends = max((entry.end for entry in tensors.values()), default=start)
    if ends != size:
        raise (CutOff if ends > size else Unreadable)(_DAMAGED)
    noted = metadata if isinstance(metadata, dict) else {}
    return Contents(tensors, {str(key): str(value) for key, value in noted.items()}, hashlib.sha256(text).hexdigest())


def _entry(name: str, value: dict[str, Any], start: int) -> Entry:
    if len(name) > LONGEST_NAME:
        raise Unreadable(f"it has a tensor whose name has {len(name)} characters")
    begin, end = value["data_offsets"]
    if not all(type(number) is int and 0 <= number < _LARGEST for number in (begin, end, *value["shape"])):
        raise Unreadable(_DAMAGED)
    return Entry(name, str(value["dtype"]), tuple(int(n) for n in value["shape"]), start + int(begin), start + int(end))
