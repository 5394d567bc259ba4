"""Shaping: normalising, following, and few keys that keep their word."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.curves import Keys, dense, follow, normalise, simplify
from blender_bend.core.timebase import FrameRate

RATES = [FrameRate(value) for value in (Fraction(12), Fraction(24), Fraction(30000, 1001), Fraction(60), Fraction(240))]
FEATURE = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=200).map(np.array)


def bezier(keys: Keys, frames: np.ndarray) -> np.ndarray:
    """The curve at frames, as Blender evaluates Bézier keys: find the curve parameter of the time, then the value."""
    assert keys.left is not None and keys.right is not None
    values = np.empty(len(frames))
    for index, frame in enumerate(frames):
        segment = int(np.searchsorted(keys.frames, frame, side="right")) - 1
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


@given(FEATURE)
def test_a_normalised_feature_lies_within_0_and_1(feature: np.ndarray) -> None:
    normal = normalise(feature)
    assert normal.shape == feature.shape
    assert np.all((normal >= 0) & (normal <= 1))


@given(FEATURE)
def test_normalising_keeps_the_order_of_values(feature: np.ndarray) -> None:
    assert np.all(np.diff(normalise(np.sort(feature))) >= 0)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e6])
@pytest.mark.parametrize("frames", [0, 1, 100])
def test_a_constant_feature_becomes_silence(value: float, frames: int) -> None:
    assert np.array_equal(normalise(np.full(frames, value)), np.zeros(frames))


def test_the_floor_of_a_feature_becomes_0_and_its_top_1() -> None:
    feature = np.random.default_rng(1).uniform(3.0, 8.0, 1000)
    normal = normalise(feature)
    assert normal.min() == 0.0 and normal.max() == 1.0
    assert abs(np.median(normal) - 0.5) < 0.05


def test_rare_peaks_keep_their_full_height() -> None:
    feature = np.random.default_rng(2).uniform(0.0, 0.01, 2000)
    feature[::200] = 1.0
    normal = normalise(feature)
    assert np.all(normal[::200] > 0.99)
    assert np.delete(normal, np.arange(0, 2000, 200)).max() < 0.02


def test_one_loud_hit_does_not_flatten_the_rest() -> None:
    feature = np.random.default_rng(3).uniform(0.0, 1.0, 1000)
    quiet = normalise(feature)
    feature[500] = 10.0
    assert np.abs(normalise(feature) - quiet)[np.arange(1000) != 500].max() < 0.1


def test_loudness_and_offset_of_the_feature_do_not_matter() -> None:
    feature = np.random.default_rng(4).exponential(1.0, 500)
    assert np.allclose(normalise(feature), normalise(1000 * feature - 77), atol=1e-9)


@given(FEATURE, st.sampled_from(RATES))
def test_following_without_times_changes_nothing(feature: np.ndarray, rate: FrameRate) -> None:
    assert np.array_equal(follow(feature, rate, 0.0, 0.0), feature)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_after_the_attack_time_63_percent_are_reached_at_any_frame_rate(rate: FrameRate, seconds: float) -> None:
    frames = np.arange(1000)
    rising = follow((frames > 0).astype(float), rate, attack=seconds, release=9.0)
    elapsed = frames * float(rate.seconds(1))
    assert np.allclose(rising, 1 - np.exp(-elapsed / seconds))
    assert math.isclose(np.interp(seconds, elapsed, rising), 0.632, abs_tol=0.01)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_the_release_falls_with_its_own_time_at_any_frame_rate(rate: FrameRate) -> None:
    frames = np.arange(1000)
    falling = follow((frames == 0).astype(float), rate, attack=9.0, release=0.5)
    assert np.allclose(falling, np.exp(-frames * float(rate.seconds(1)) / 0.5))


def test_an_attack_of_0_reaches_a_peak_at_once() -> None:
    feature = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
    followed = follow(feature, RATES[1], attack=0.0, release=0.2)
    assert followed[2] == 1.0
    assert 0 < followed[4] < followed[3] < 1


@given(FEATURE, st.sampled_from(RATES), st.floats(0, 2), st.floats(0, 2))
def test_following_never_leaves_the_range_of_the_feature(
    feature: np.ndarray, rate: FrameRate, attack: float, release: float
) -> None:
    followed = follow(feature, rate, attack, release)
    slack = 1e-9 * max(1.0, float(np.abs(feature).max()))
    assert followed.shape == feature.shape
    assert feature.min() - slack <= followed.min() and followed.max() <= feature.max() + slack


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
    assert np.abs(bezier(simplify(values, first_frame, tolerance), frames) - values).max() <= tolerance


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
