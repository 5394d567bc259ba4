"""From rough to fine: every frame once, and evenly spread at any moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.job.rough_to_fine import STRIDES, rough_to_fine

RANGES = st.tuples(st.integers(-50, 50), st.integers(0, 120)).map(lambda pair: range(pair[0], sum(pair)))


@given(RANGES, st.integers(-60, 200))
def test_every_frame_comes_once(frames: range, playhead: int) -> None:
    order = list(rough_to_fine(frames, playhead))
    assert sorted(order) == list(frames)
    if playhead in frames:
        assert order[0] == playhead


@given(RANGES, st.integers(-60, 200))
def test_no_stride_begins_before_the_one_before_has_ended(frames: range, playhead: int) -> None:
    begin = playhead if playhead in frames else frames.start
    found = [next(stride for stride in STRIDES if (n - begin) % stride == 0) for n in rough_to_fine(frames, playhead)]
    assert found == sorted(found, reverse=True)


def test_it_goes_on_from_the_playhead_and_then_from_the_beginning() -> None:
    assert list(rough_to_fine(range(1, 25), 10)) == [
        *(10, 18, 2),
        *(14, 22, 6),
        *(12, 16, 20, 24, 4, 8),
        *(11, 13, 15, 17, 19, 21, 23, 1, 3, 5, 7, 9),
    ]
