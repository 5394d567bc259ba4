"""Frames and inputs that lie in a folder of somebody else's: what they must be before they are taken over."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from .files import open_regular, patiently
from .packing import inflate
from .resolve import frame_key

#: The PNG chunk that holds what a frame was made from. Blender's preview prints a PNG's text over the picture, so it is
#: a private chunk: ancillary, safe to copy.
CHUNK = b"beNd"
#: More than any resolved frame takes, unpacked.
LARGEST_ORIGIN = 1 << 23
#: A little more than the numbers of any sound's vector.
LARGEST_VECTOR = 1 << 20

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_frame(path: Path, key: str, size: tuple[int, int]) -> bytes:
    """The content of a file that is the frame of a key.

    Parameters
    ----------
    size : width and height in pixels

    Raises
    ------
    OSError if it is no file, or cannot be read; ValueError if it is another picture, or none
    """
    content = _read(path, _largest(size))
    _check_frame(content, key, size)
    return content


def read_input(path: Path, digest: str, size: tuple[int, int]) -> bytes:
    """The content of a file that is the captured picture, or the vector of a sound, of a digest.

    Raises
    ------
    OSError if it is no file, or cannot be read; ValueError if it is another one
    """
    content = _read(path, LARGEST_VECTOR if path.suffix == ".f32" else _largest(size))
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError("not what it is named after")
    return content


def _largest(size: tuple[int, int]) -> int:
    """More than the file of a picture takes that cannot be packed at all."""
    width, height = size
    return width * height * 4 + LARGEST_ORIGIN


def _read(path: Path, most: int) -> bytes:
    def read() -> bytes:
        with open_regular(path, most) as file:
            return file.read(most + 1)

    content = patiently(read)
    if len(content) > most:
        raise ValueError("too large")
    return content


def _check_frame(content: bytes, key: str, size: tuple[int, int]) -> None:
    """Refuse what is not the frame of a key: its origin, all of its pixels, and nothing else.

    Raises
    ------
    ValueError
    """
    width, height = size
    parts = list(_chunks(content))
    kinds = [kind for kind, _ in parts]
    pictures = len(kinds) - 3
    if pictures < 1 or kinds != [b"IHDR", CHUNK, *[b"IDAT"] * pictures, b"IEND"]:
        raise ValueError("not as Bend writes frames")
    form = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    if parts[0][1] != form:
        raise ValueError("of another size or kind")
    try:
        origin = json.loads(inflate(parts[1][1], LARGEST_ORIGIN))
        found = frame_key(origin)
    except (TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError("without an origin") from error
    if found != key:
        raise ValueError("of another origin")
    line = 1 + 3 * width
    pixels = inflate(b"".join(data for kind, data in parts if kind == b"IDAT"), line * height + 1)
    if len(pixels) != line * height or max(pixels[::line]) > 4:
        raise ValueError("without its pixels")


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a PNG file.

    Raises
    ------
    ValueError if it is none, or damaged
    """
    if not content.startswith(_SIGNATURE):
        raise ValueError("no PNG file")
    place = len(_SIGNATURE)
    while place < len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        kind, data = content[place + 4 : place + 8], content[place + 8 : end]
        if content[end : end + 4] != zlib.crc32(kind + data).to_bytes(4, "big"):
            raise ValueError("damaged")
        yield kind, data
        place = end + 4
