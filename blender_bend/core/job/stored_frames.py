"""Frames and inputs that lie in a folder of somebody else's: what they must be before they are taken over."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

from ..files import foreign_json, png_file
from ..files.packing import inflate
from ..files.whole import read_regular
from ..limits import SIDE
from .resolve import frame_key
from .resolved import Resolved

#: The PNG chunk that holds what a frame was made from. Blender's preview prints a PNG's text over the picture, so it is
#: a private chunk: ancillary, safe to copy.
CHUNK = b"beNd"
#: More than any resolved frame takes, unpacked.
LARGEST_ORIGIN = 1 << 23
#: A little more than the numbers of any sound's vector.
LARGEST_VECTOR = 1 << 20


def read_frame(path: Path, key: str, size: tuple[int, int]) -> bytes:
    """The content of a file that is the frame of a key.

    Parameters
    ----------
    size : width and height in pixels

    Raises
    ------
    OSError if it is no file, or cannot be read; ValueError if it is another picture, or none
    """
    content = read_regular(path, _largest(size))
    _check_frame(content, key, size)
    return content


def read_origin(path: Path) -> dict[str, Any]:
    """What a frame in a store was made from, whatever its key.

    Raises
    ------
    OSError if it is no file, or cannot be read; ValueError if it is no frame
    """
    content = read_regular(path, _largest((int(SIDE.most), int(SIDE.most))), follow=True)
    return _origin(content, png_file.size(content))


def read_input(path: Path, digest: str, size: tuple[int, int]) -> bytes:
    """The content of a file that is the captured picture, or the vector of a sound, of a digest.

    Raises
    ------
    OSError if it is no file, or cannot be read; ValueError if it is another one
    """
    content = read_regular(path, LARGEST_VECTOR if path.suffix == ".f32" else _largest(size))
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError("not what it is named after")
    return content


def _largest(size: tuple[int, int]) -> int:
    """More than the file of a picture takes that cannot be packed at all."""
    width, height = size
    return width * height * 4 + LARGEST_ORIGIN


def _check_frame(content: bytes, key: str, size: tuple[int, int]) -> None:
    """Refuse what is not the frame of a key: its origin, all of its pixels, and nothing else.

    Raises
    ------
    ValueError
    """
    try:
        found = frame_key(cast(Resolved, _origin(content, size)))
    except (TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError("without an origin") from error
    if found != key:
        raise ValueError("of another origin")


def _origin(content: bytes, size: tuple[int, int]) -> dict[str, Any]:
    """What a frame was made from.

    Raises
    ------
    ValueError if it is of another form, or without its pixels
    """
    width, height = size
    parts = list(png_file.chunks(content))
    kinds = [kind for kind, _ in parts]
    pictures = len(kinds) - 3
    if pictures < 1 or kinds != [b"IHDR", CHUNK, *[b"IDAT"] * pictures, b"IEND"]:
        raise ValueError("not as Bend writes frames")
    form = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    if parts[0][1] != form:
        raise ValueError("of another size or kind")
    origin = foreign_json.parse(inflate(parts[1][1], LARGEST_ORIGIN), LARGEST_ORIGIN)
    line = 1 + 3 * width
    pixels = inflate(b"".join(data for kind, data in parts if kind == b"IDAT"), line * height + 1)
    if len(pixels) != line * height or max(pixels[::line]) > 4:
        raise ValueError("without its pixels")
    return origin
