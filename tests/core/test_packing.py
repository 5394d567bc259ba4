"""Nothing packed fills the memory, or holds anybody up."""

from __future__ import annotations

import random
import time
import zlib
from base64 import b64encode, b85decode, b85encode
from collections.abc import Callable

import pytest
from mutations import scratched

from blender_bend.core.files.packing import inflate, longest_text, unpack64, unpack85

TEXTS = [(b85encode, unpack85, 5, 4), (b64encode, unpack64, 4, 3)]
Encode, Unpack = Callable[[bytes], bytes], Callable[[str, int], bytes]


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


@pytest.mark.parametrize(("encode", "unpack", "digits", "width"), TEXTS)
def test_a_text_of_any_length_comes_back(encode: Encode, unpack: Unpack, digits: int, width: int) -> None:
    chance = random.Random(3)
    for length in (*range(20), 1000, 65_536, 1_000_003):
        for data in (chance.randbytes(length), bytes(length)):
            text = encode(zlib.compress(data)).decode()
            assert len(text) <= longest_text(length + 1, digits, width)
            assert unpack(text, length + 1) == data


@pytest.mark.parametrize(("encode", "unpack", "digits", "width"), TEXTS)
def test_a_text_that_says_more_than_it_can_mean_is_refused_at_once(
    encode: Encode, unpack: Unpack, digits: int, width: int
) -> None:
    bombs = [encode(zlib.compress(bytes(1 << 26))).decode(), "0" * 50_000_000, "💥" * 1000, "\0", " "]
    began = time.thread_time()
    for bomb in bombs:
        with pytest.raises(ValueError):
            unpack(bomb, 4096)
    assert time.thread_time() - began < 0.5


def test_scratched_texts_are_read_as_python_reads_them() -> None:
    chance, same, refused = random.Random(4), 0, 0
    text = b85encode(zlib.compress(random.Random(1).randbytes(300)))
    for _ in range(500):
        other = scratched(text, chance)
        try:
            expected: bytes | None = inflate(b85decode(other))
        except ValueError:
            expected = None
        try:
            assert unpack85(other.decode("latin-1"), 1 << 20) == expected
            same += 1
        except ValueError:
            assert expected is None
            refused += 1
    assert refused > 300


def test_megabytes_of_honest_text_are_read_in_a_blink() -> None:
    data = random.Random(5).randbytes(4_000_000)
    text = b85encode(zlib.compress(data)).decode()
    times = []
    for _ in range(3):
        began = time.thread_time()
        assert unpack85(text, len(data) + 1) == data
        times.append(time.thread_time() - began)
    began = time.thread_time()
    b85decode(text)
    assert min(times) < (time.thread_time() - began) / 2, "digit by digit it takes half a second"
