"""A picture that two processes share through a file: written by the engine, shown by Blender, never half of each.

The file is mapped by both sides. A header tells what the picture is: a sequence number before everything else and once
more after it, and a checksum, because processors may write in another order than a program says. A reader that meets
two numbers, or a picture of another checksum, has met a picture that is being written, and looks again later.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..files.whole import open_regular, read_regular

_MAGIC = b"BENDPIC1"
#: Magic, sequence number, width, height, key, checksum, sequence number.
_HEADER = struct.Struct("<8sQII64sIQ")
_FIRST, _LAST = 8, _HEADER.size - 8
#: Bytes of a pixel: red, green, blue, as in sRGB.
_PIXEL = 3
_MOST_SIDE = 4096


@dataclass(frozen=True)
class Picture:
    """Pixels with the key of what they show.

    Parameters
    ----------
    pixels : red, green and blue of every pixel, row by row from the top
    """

    key: str
    size: tuple[int, int]
    pixels: bytes


def room_for(size: tuple[int, int]) -> int:
    """How many bytes the file of a picture has."""
    return _HEADER.size + _PIXEL * size[0] * size[1]


def kept_path(folder: Path, key: str) -> Path:
    """Where the picture of a draft is kept; see ``core.files.caches.DRAFTS``."""
    return folder / f"{key}.draft"


def packed(picture: Picture, number: int = 1) -> bytes:
    """A picture as its file has it, for one that is kept."""
    return (
        _HEADER.pack(_MAGIC, number, *picture.size, picture.key.encode(), _checksum(picture), number) + picture.pixels
    )


def _checksum(picture: Picture) -> int:
    return zlib.crc32(picture.pixels, zlib.crc32(f"{picture.key} {picture.size}".encode()))


def unpacked(data: bytes) -> Picture | None:
    """What ``packed`` has packed; None if that is not a whole picture."""
    return _taken(data)[1]


def read(path: Path) -> Picture | None:
    """The picture of a file that is kept; None if there is none."""
    try:
        return unpacked(read_regular(path, room_for((_MOST_SIDE, _MOST_SIDE))))
    except OSError:
        return None


def publish(path: Path, picture: Picture, number: int) -> None:
    """Write a picture into a file that somebody maps.

    Parameters
    ----------
    path : a file with room for it; it stays as long as it is
    number : another one than that of the picture before

    Raises
    ------
    OSError if there is no such file, or not enough room
    """
    data = packed(picture, number)
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(handle, "r+b") as file:
        if os.fstat(file.fileno()).st_size < len(data):
            raise OSError(f"{path.name} has no room for {picture.size[0]} x {picture.size[1]} pixels")
        with mmap.mmap(file.fileno(), 0) as shared:
            shared[:_FIRST] = _MAGIC
            shared[_FIRST : _FIRST + 8] = data[_FIRST : _FIRST + 8]
            shared[_FIRST + 8 : _LAST] = data[_FIRST + 8 : _LAST]
            shared[_HEADER.size : len(data)] = data[_HEADER.size :]
            shared[_LAST : _HEADER.size] = data[_LAST : _HEADER.size]


class Shared:
    """Blender's side of a shared picture.

    Parameters
    ----------
    path : a new file, in a folder that nobody else knows
    size : of the largest picture that it is for

    Raises
    ------
    OSError
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self.path, self.size = path, size
        self._seen = 0
        with open(path, "x+b") as file:
            file.truncate(room_for(size))
        with open_regular(path) as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def holds(self, size: tuple[int, int]) -> bool:
        """Whether a picture has room in it."""
        return room_for(size) <= room_for(self.size)

    def take(self) -> Picture | None:
        """The picture that is there; None if it was taken before, or is being written."""
        if struct.unpack_from("<Q", self._map, _LAST)[0] == self._seen:
            return None
        number, picture = _taken(self._map)
        if picture is not None:
            self._seen = number
        return picture

    def close(self) -> None:
        """Let go of the file, and remove it."""
        self._map.close()
        with suppress(OSError):  # Windows, while the engine writes
            self.path.unlink(missing_ok=True)


def _taken(data: bytes | mmap.mmap) -> tuple[int, Picture | None]:
    """The number of a picture, and the picture if it is whole."""
    if len(data) < _HEADER.size:
        return 0, None
    _, _, width, height, key, checksum, last = _HEADER.unpack(data[: _HEADER.size])
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE) or len(data) < room_for((width, height)):
        return 0, None
    pixels = bytes(data[_HEADER.size : room_for((width, height))])
    picture = Picture(key.decode("ascii", "replace"), (width, height), pixels)
    magic, first = struct.unpack_from("<8sQ", data)  # once more, after the pixels
    if magic != _MAGIC or first != last or _checksum(picture) != checksum:
        return 0, None
    return last, picture
