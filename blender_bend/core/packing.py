"""Unpacking what somebody else may have packed."""

from __future__ import annotations

import zlib

#: More than any honest record takes; a kilobyte can claim to be a gigabyte.
LARGEST = 1 << 26


def inflate(data: bytes, most: int = LARGEST) -> bytes:
    """Unpack what ``zlib.compress`` has packed.

    Raises
    ------
    ValueError if it is not that, is cut off, or would be larger than ``most``
    """
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(data, most)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacking.eof:
        raise ValueError("cut off, or too large")
    return unpacked
