"""Keys: few of them keep their word, as Blender reads them."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.curves import bezier_fit
from blender_bend.core.curves.keys import (
    BEZIER,
    CONSTANT,
    TOLERANCE,
    Keys,
    add,
    closed,
    dense,
    evaluate,
    simplify,
    simplifying,
)
from blender_bend.core.curves.routes import Route
from blender_bend.core.timebase import FrameRate


def bezier(keys: Keys, frames: np.ndarray) -> np.ndarray:
    """The curve at frames, as Blender evaluates Bézier keys: find the curve parameter of the time, then the value."""
    assert keys.left is not None and keys.right is not None
    keys = Keys(
        *(np.asarray(part, np.float32).astype(float) for part in (keys.frames, keys.values, keys.left, keys.right))
    )
    assert keys.left is not None and keys.right is not None
    values = np.empty(len(frames))
    for index, frame in enumerate(frames):
        segment = int(np.searchsorted(keys.frames, frame, side="right")) - 1
        if frame == keys.frames[max(segment, 0)]:
            values[index] = keys.values[segment]
            continue
        if segment >= len(keys.frames) - 1:
            values[index] = keys.values[-1]
            continue
        times = keys.frames[segment], keys.right[segment, 0], keys.left[segment + 1, 0], keys.frames[segment + 1]
        heights = keys.values[segment], keys.right[segment, 1], keys.left[segment + 1, 1], keys.values[segment + 1]
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _bernstein(times, middle) < frame else (low, middle)
        values[index] = _bernstein(heights, (low + high) / 2)
    return values


def _bernstein(points: tuple[float, float, float, float], t: float) -> float:
    a, b, c, d = points
    return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d


def test_dense_keys_are_the_values_on_every_frame() -> None:
    keys = dense(np.array([3.0, 1.0, 2.0]), first_frame=-1)
    assert keys.frames.tolist() == [-1, 0, 1]
    assert keys.values.tolist() == [3, 1, 2]


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60).map(np.array),
    first_frame=st.integers(-100_000, 1_000_000),
    tolerance=st.floats(1e-3, 100),
)
def test_simplified_keys_stay_within_the_stated_error_on_every_frame(
    values: np.ndarray, first_frame: int, tolerance: float
) -> None:
    frames = np.arange(first_frame, first_frame + len(values), dtype=float)
    # A key's value is a 32-bit number in Blender.
    held = tolerance + 1e-7 * np.abs(values).max()
    assert np.abs(bezier(simplify(values, first_frame, tolerance), frames) - values).max() <= held


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60).map(np.array), tolerance=st.floats(1e-3, 100))
def test_simplified_keys_are_in_order_with_their_handles_between_them(values: np.ndarray, tolerance: float) -> None:
    keys = simplify(values, 10, tolerance)
    assert keys.left is not None and keys.right is not None
    assert keys.frames[0] == 10 and keys.frames[-1] == 10 + len(values) - 1
    assert np.all(np.diff(keys.frames) >= 1)
    assert np.all(keys.right[:-1, 0] <= keys.left[1:, 0])
    assert np.all(keys.left[:, 0] < keys.frames) and np.all(keys.frames < keys.right[:, 0])


@pytest.mark.parametrize("tolerance", [0.02, 0.1])
def test_smooth_values_need_few_keys(tolerance: float) -> None:
    values = np.sin(np.linspace(0, 4 * math.tau, 960))
    assert len(simplify(values, 1, tolerance).frames) <= 40


def test_a_larger_error_needs_fewer_keys() -> None:
    values = np.cumsum(np.random.default_rng(5).normal(0, 1, 600))
    counts = [len(simplify(values, 1, tolerance).frames) for tolerance in (0.01, 0.5, 2.0, 8.0)]
    assert counts == sorted(counts, reverse=True) and counts[-1] < 0.2 * counts[0]


def test_a_constant_curve_is_two_keys_and_one_frame_is_one() -> None:
    assert simplify(np.full(500, 2.5), 1, 0.01).frames.tolist() == [1, 500]
    assert simplify(np.array([2.5]), 7, 0.01).frames.tolist() == [7]


def music(seconds: float, rate: FrameRate) -> np.ndarray:
    """Something like the loudness of a drum track of 112 BPM: kick, snare, hi-hats a swelling pad."""
    rng = np.random.default_rng(7)
    time = np.arange(int(seconds * rate.value)) / float(rate.value)
    level = 0.1 + 0.08 * np.sin(0.7 * time) + rng.normal(0, 0.004, len(time))
    for step, moment in enumerate(np.arange(0, seconds, 60 / 112 / 4)):
        strength = {0: 1.0, 4: 0.7, 8: 0.9, 12: 0.75}.get(step % 16, 0.25 * (step % 2)) * rng.uniform(0.6, 1.0)
        level += strength * np.exp(-np.clip(time - moment, 0, None) / 0.08) * (time >= moment)
    return level


@pytest.mark.parametrize(
    "rate", [FrameRate(Fraction(24)), FrameRate(Fraction(30000, 1001)), FrameRate(Fraction(60))], ids=str
)
def test_music_needs_at_least_five_times_fewer_keys_at_the_usual_error(rate: FrameRate) -> None:
    values = Route.of("rms", 0.0, 1.0, release=0.25).shape({"rms": music(60, rate)}, rate)
    keys = simplify(values, 1, TOLERANCE)
    assert len(values) >= 5 * len(keys.frames)
    assert np.abs(bezier(keys, np.arange(1.0, len(values) + 1)) - values).max() <= TOLERANCE


def test_two_minutes_of_curve_are_simplified_in_the_blink_of_an_eye() -> None:
    rate = FrameRate(Fraction(60))
    values = Route.of("rms", 0.0, 1.0, release=0.25).shape({"rms": music(120, rate)}, rate)
    simplify(values[:100], 1, 0.02)
    seconds = []
    for _ in range(3):
        began = time.process_time()
        simplify(values, 1, 0.02)
        seconds.append(time.process_time() - began)
    assert len(values) == 7200 and min(seconds) < 0.15


def test_long_rests_are_one_piece() -> None:
    values = np.zeros(5000)
    values[2000:2010] = 1.0
    assert len(simplify(values, 1, 0.01).frames) <= 12


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40).map(np.array),
    first_frame=st.integers(-1000, 100_000),
    tolerance=st.floats(1e-2, 100),
)
def test_bezier_keys_are_evaluated_between_frames_too(values: np.ndarray, first_frame: int, tolerance: float) -> None:
    keys = simplify(values, first_frame, tolerance)
    frames = np.linspace(first_frame - 2, first_frame + len(values) + 1, 77)
    inside = np.clip(frames, keys.frames[0], keys.frames[-1])
    assert np.allclose(evaluate(keys, frames), bezier(keys, inside), atol=1e-3 * (1 + np.abs(values).max()))


def test_straight_and_constant_keys_are_evaluated_as_such() -> None:
    frames, values = np.array([0.0, 4.0, 6.0]), np.array([0.0, 8.0, 1.0])
    at = np.array([-1.0, 0.0, 1.0, 3.5, 4.0, 5.0, 6.0, 9.0])
    assert evaluate(Keys(frames, values), at).tolist() == [0, 0, 2, 7, 8, 4.5, 1, 1]
    assert evaluate(Keys(frames, values, interpolation=CONSTANT), at).tolist() == [0, 0, 0, 0, 8, 8, 1, 1]


@pytest.mark.parametrize("keys", [dense(np.array([3.0, 1.0, 2.0]), 1), simplify(np.sin(np.arange(50.0)), 1, 0.01)])
def test_a_closed_curve_ends_where_it_begins_and_is_else_the_same(keys: Keys) -> None:
    loop = closed(keys)
    assert loop.values[-1] == loop.values[0]
    assert np.array_equal(loop.values[:-1], keys.values[:-1]) and np.array_equal(loop.frames, keys.frames)
    assert loop.interpolation == keys.interpolation
    if keys.left is not None and loop.left is not None:
        assert keys.interpolation == BEZIER
        assert math.isclose(loop.left[-1, 1] - loop.values[-1], keys.left[-1, 1] - keys.values[-1])


def test_adding_a_route_at_rest_changes_no_bit_of_what_is_there() -> None:
    base = np.random.default_rng(1).normal(size=50)
    assert np.array_equal(add(base, np.full(50, 0.3), 0.3), base)
    assert add(np.array([1.0, 1.0]), np.array([0.5, 2.5]), 0.5).tolist() == [1.0, 3.0]


@pytest.mark.parametrize("together", [1, 7, 64, 299, 300, 301])
@pytest.mark.parametrize("tolerance", [0.01, 0.1, 1.0])
def test_what_is_tried_together_makes_no_difference(
    together: int, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.cumsum(np.random.default_rng(3).normal(size=300)) / 4
    whole = simplify(values, 1, tolerance)
    monkeypatch.setattr(bezier_fit, "TOGETHER", together)
    slices, parted = simplifying(values, 1, tolerance), None
    count = 0
    while parted is None:
        try:
            next(slices)
            count += 1
        except StopIteration as done:
            parted = done.value
    assert count == -(-300 // together) + 1
    for name in ("frames", "values", "left", "right"):
        assert np.array_equal(getattr(parted, name), getattr(whole, name))
