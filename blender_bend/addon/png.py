"""Pictures as PNG files: written whole, the same bytes for the same pixels; read through Blender."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import bpy
import numpy as np


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
    return b"\x89PNG\r\n\x1a\n" + body


def read(path: Path) -> np.ndarray:
    """The pixels of a picture as they stand in the file.

    Returns
    -------
    uint8 array, shape (height, width, 3), the top row first
    """
    image = bpy.data.images.load(str(path), check_existing=False)
    try:
        image.colorspace_settings.name = "Non-Color"
        width, height = image.size
        values = np.empty(len(image.pixels), np.float32)
        image.pixels.foreach_get(values)
    finally:
        bpy.data.images.remove(image)
    pixels = np.rint(values.reshape(height, width, -1)[::-1, :, :3] * 255)
    return np.ascontiguousarray(pixels.astype(np.uint8))
