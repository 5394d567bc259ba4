"""Nothing packed fills the memory."""

from __future__ import annotations

import random
import zlib

import pytest
from mutations import scratched

from blender_bend.core.packing import inflate


def test_what_was_packed_comes_back() -> None:
    for data in (b"", b"x", random.Random(1).randbytes(100_000)):
        assert inflate(zlib.compress(data)) == data


def test_what_would_be_too_large_is_refused() -> None:
    packed = zlib.compress(bytes(1000))
    assert inflate(packed, 1001) == bytes(1000)
    with pytest.raises(ValueError):
        inflate(packed, 999)
    with pytest.raises(ValueError):
        inflate(zlib.compress(bytes(1 << 27)))


def test_what_was_scratched_or_cut_is_refused_or_read() -> None:
    chance, packed, refused = random.Random(2), zlib.compress(random.Random(1).randbytes(500)), 0
    for _ in range(500):
        try:
            inflate(scratched(packed, chance))
        except ValueError:
            refused += 1
    assert refused > 400
