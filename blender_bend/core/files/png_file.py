"""What a PNG file says of itself, without decoding it: its parts, and its size, which may be a lie of gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: As much of a file as ``size`` looks at.
HEAD = 33
#: Blender renders no larger pictures.
LONGEST_SIDE = 65_536
#: 16384 x 8192; each pixel takes up to 16 bytes when a picture is read.
MOST_PIXELS = 1 << 27


def size(head: bytes) -> tuple[int, int]:
    """Width and height of the picture that a file begins with.

    Raises
    ------
    ValueError if it is no PNG file, or of a size that no picture has
    """
    if not head.startswith(SIGNATURE) or head[12:16] != b"IHDR" or len(head) < HEAD:
        raise ValueError("no PNG file")
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE and width * height <= MOST_PIXELS):
        raise ValueError(f"{width} × {height} pixels")
    return width, height


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a file: the kind and the data of each.

    Raises
    ------
    ValueError if it is no PNG file, or damaged
    """
    if not content.startswith(SIGNATURE):
        raise ValueError("no PNG file")
    place = len(SIGNATURE)
    while place < len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        kind, data = content[place + 4 : place + 8], content[place + 8 : end]
        if content[end : end + 4] != zlib.crc32(kind + data).to_bytes(4, "big"):
            raise ValueError("damaged")
        yield kind, data
        place = end + 4
