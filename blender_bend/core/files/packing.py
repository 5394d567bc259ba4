"""Unpacking what somebody else may have packed: no more than it can mean, and not into Python objects."""

from __future__ import annotations

import binascii
import zlib

import numpy as np

#: More than any honest record takes; a kilobyte can claim to be a gigabyte.
LARGEST = 1 << 26

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_VALUES = np.full(256, 255, np.uint8)
_VALUES[list(_ALPHABET)] = np.arange(85)


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


def longest_text(most: int, digits: int, width: int) -> int:
    """The longest text that so many bytes come to when they are packed and written ``digits`` for every ``width``.

    What cannot be packed grows by its blocks' heads, less than a hundredth.
    """
    return (most + most // 100 + 64) * digits // width + digits


def unpack85(text: str, most: int) -> bytes:
    """What ``b85encode(zlib.compress(data))`` has made of up to ``most`` bytes; text of megabytes costs no second.

    Raises
    ------
    ValueError if it is not that, or would be larger
    """
    if len(text) > longest_text(most, 5, 4):
        raise ValueError("too large")
    return inflate(_b85decode(text), most)


def unpack64(text: str, most: int) -> bytes:
    """What ``b64encode(zlib.compress(data))`` has made of up to ``most`` bytes.

    Raises
    ------
    ValueError if it is not that, or would be larger
    """
    if len(text) > longest_text(most, 4, 3):
        raise ValueError("too large")
    return inflate(binascii.a2b_base64(text, strict_mode=True), most)


def _b85decode(text: str) -> bytes:
    """As ``base64.b85decode``, all digits at once."""
    digits = _VALUES[np.frombuffer(text.encode("ascii"), np.uint8)]
    padding = -len(digits) % 5
    digits = np.concatenate([digits, np.full(padding, 84, np.uint8)]).reshape(-1, 5)
    if (digits == 255).any():
        raise ValueError("not a digit")
    numbers = digits[:, 0].astype(np.uint64)
    for place in range(1, 5):
        numbers *= np.uint64(85)
        numbers += digits[:, place]
    if (numbers >> np.uint64(32)).any():
        raise ValueError("more than four bytes hold")
    data = numbers.astype(">u4").tobytes()
    return data[:-padding] if padding else data
