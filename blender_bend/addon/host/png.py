"""Pictures as PNG files: written whole, the same bytes for the same pixels; read through Blender."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import bpy
import numpy as np

from ...core.errors import BendError, Code
from ...core.files import png_file
from ...core.files.whole import open_regular


def encode(pixels: np.ndarray) -> bytes:
    """A PNG file.

    Parameters
    ----------
    pixels : uint8 array, shape (height, width, 3), the top row first
    """
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b"")
    return png_file.SIGNATURE + body


def read(path: Path, hint: str = "Capture it again.") -> np.ndarray:
    """The pixels of a picture as they stand in the file.

    Parameters
    ----------
    hint : what to do if it cannot be read

    Returns
    -------
    uint8 array, shape (height, width, 3), the top row first

    Raises
    ------
    BendError(INPUT_MISSING) if it is no PNG file, of a size that no picture has, or damaged
    """
    try:
        with open_regular(path, follow=True) as file:
            size = png_file.size(file.read(png_file.HEAD))  # Blender would take the memory that the file asks for
    except (OSError, ValueError) as error:
        raise _unreadable(path, hint) from error
    image = bpy.data.images.load(str(path), check_existing=False)
    try:
        image.colorspace_settings.name = "Non-Color"
        width, height = image.size
        if (width, height) != size:  # 0 by 0 is what Blender makes of a damaged one
            raise _unreadable(path, hint)
        values = np.empty(len(image.pixels), np.float32)
        image.pixels.foreach_get(values)
    finally:
        bpy.data.images.remove(image)
    pixels = np.rint(values.reshape(height, width, -1)[::-1, :, :3] * 255)
    return np.ascontiguousarray(pixels.astype(np.uint8))


def _unreadable(path: Path, hint: str) -> BendError:
    return BendError(Code.INPUT_MISSING, f"{path.name} is not a readable image.", hint)
