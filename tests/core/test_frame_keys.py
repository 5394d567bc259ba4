"""Packed frame keys are a mapping like any other, and take little memory."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.job.frame_keys import FrameKeys


def key(number: int) -> str:
    """A key as frames have them."""
    return hashlib.sha256(str(number).encode()).hexdigest()


@given(st.sets(st.integers(-1_000_000, 1_000_000), max_size=30), st.integers(-1_000_000, 1_000_000))
def test_they_are_what_a_dictionary_would_be(numbers: set[int], other: int) -> None:
    plain = {number: key(number) for number in sorted(numbers)}
    packed = FrameKeys(plain)
    assert packed == plain and list(packed) == list(plain) and len(packed) == len(plain)
    assert (other in packed) == (other in plain) and packed.get(other) == plain.get(other)


@pytest.mark.parametrize("number", [6, 7])
def test_a_frame_before_another_is_refused(number: int) -> None:
    packed = FrameKeys({3: key(3), 7: key(7)})
    with pytest.raises(ValueError, match="cannot be added"):
        packed.append(number, key(number))


@pytest.mark.parametrize("text", ["", "ab", "not a key", "0" * 63])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        FrameKeys({1: text})


def test_a_key_takes_little_memory() -> None:
    keys = [key(number) for number in range(3000)]
    tracemalloc.start()
    try:
        packed = FrameKeys(dict(enumerate(keys)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(packed) == 3000
    assert kept / 3000 < 60, "bytes a frame"
