"""Shaping: every stage does what it says in seconds, and nothing at its neutral value."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.curves import shaping
from blender_bend.core.curves.shaping import bounds, clean, curve, follow, gate, look_ahead, median, offset, quantise
from blender_bend.core.timebase import FrameRate

RATES = [FrameRate(value) for value in (Fraction(12), Fraction(24), Fraction(30000, 1001), Fraction(60), Fraction(240))]
RATE = RATES[1]
FEATURE = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=200).map(np.array)
STRENGTH = st.lists(st.floats(0, 1), min_size=1, max_size=200).map(np.array)
RATE_OF = st.sampled_from(RATES)


def normalise(feature: np.ndarray, scale: str = "robust", **limits: float) -> np.ndarray:
    return shaping.normalise(feature, *bounds(feature, scale, **limits))


def scene(rate: FrameRate) -> tuple[np.ndarray, np.ndarray]:
    """Ten seconds of a signal with slopes and steps that does not depend on the frame rate; the time of each frame."""
    time = np.arange(math.ceil(10 * rate.value)) / float(rate.value)
    return time, np.clip(np.sin(time) + (time > 4) - 0.5 * (time > 7), 0, None)


NEUTRAL: dict[str, Callable[[np.ndarray, FrameRate], np.ndarray]] = {
    "gate": lambda v, rate: gate(v, 0.0, *bounds(v, "robust")),
    "median": lambda v, rate: median(v, 0.0, rate),
    "follow": lambda v, rate: follow(v, rate, 0.0, 0.0),
    "look-ahead": lambda v, rate: look_ahead(v, 0.0, rate),
    "offset": lambda v, rate: offset(v, 0.0, rate),
    "fixed scale": lambda v, rate: shaping.normalise(v, 0.0, 1.0),
    "gain": lambda v, rate: shaping.gain(v, 1.0),
    "curve": lambda v, rate: curve(v, 0.0, 1.0, "linear"),
    "quantise": lambda v, rate: quantise(v, 0),
}


@pytest.mark.parametrize("stage", NEUTRAL)
@given(strength=STRENGTH, rate=RATE_OF)
def test_a_stage_at_its_neutral_value_changes_no_bit_and_leaves_its_input_alone(
    stage: str, strength: np.ndarray, rate: FrameRate
) -> None:
    before = strength.copy()
    after = NEUTRAL[stage](strength, rate)
    assert np.array_equal(after, before) and np.array_equal(strength, before)
    after += 1.0
    assert np.array_equal(strength, before), "the result must be an array of its own"


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("stage", NEUTRAL)
def test_a_stage_takes_a_strip_of_no_or_few_frames(stage: str, count: int) -> None:
    assert len(NEUTRAL[stage](np.zeros(count), RATE)) == count


MOVING: dict[str, Callable[[np.ndarray, FrameRate], np.ndarray]] = {
    "median": lambda v, rate: median(v, 0.5, rate),
    "attack": lambda v, rate: follow(v, rate, 0.7, 0.0),
    "release": lambda v, rate: follow(v, rate, 0.0, 0.7),
    "look-ahead": lambda v, rate: look_ahead(v, 0.6, rate),
    "later": lambda v, rate: offset(v, 0.25, rate),
    "earlier": lambda v, rate: offset(v, -0.25, rate),
}


@pytest.mark.parametrize("stage", MOVING)
@pytest.mark.parametrize("rate", RATES[1:], ids=str)
def test_times_are_seconds_and_look_the_same_at_any_frame_rate(stage: str, rate: FrameRate) -> None:
    fine_time, fine = scene(RATES[-1])
    time, feature = scene(rate)
    shaped, reference = MOVING[stage](feature, rate), MOVING[stage](fine, RATES[-1])
    apart = np.abs(shaped - np.interp(time, fine_time, reference))
    assert np.median(apart) < 0.012
    # Steps may land on the neighbouring frame, and nowhere else.
    assert np.mean(apart > 0.06) < 0.05


@given(FEATURE)
def test_a_gate_never_makes_a_hole_below_the_least_value(feature: np.ndarray) -> None:
    for scale in ("robust", "whole"):
        gated = gate(feature, 0.3, *bounds(feature, scale))
        assert gated.min() >= feature.min() and gated.max() <= feature.max()


def test_a_gate_silences_what_is_weak_and_leaves_the_rest() -> None:
    feature = np.array([-3.0, -2.5, -2.0, 0.0, 1.0])
    assert gate(feature, 0.2, *bounds(feature, "whole")).tolist() == [-3.0, -3.0, -2.0, 0.0, 1.0]


@given(FEATURE, st.floats(0, 1))
def test_gating_twice_is_gating_once(feature: np.ndarray, share: float) -> None:
    limits = bounds(feature, "whole")
    once = gate(feature, share, *limits)
    assert np.array_equal(gate(once, share, *limits), once)


def test_a_median_removes_a_single_spike_and_keeps_a_step() -> None:
    feature = np.array([0.0, 0, 9, 0, 0, 0, 5, 5, 5, 5])
    assert median(feature, 3 / 24, RATE).tolist() == [0, 0, 0, 0, 0, 0, 5, 5, 5, 5]


def test_a_median_does_not_pull_the_ends_to_zero() -> None:
    assert median(np.full(20, 7.0), 0.5, RATE).tolist() == [7.0] * 20


@given(FEATURE, st.integers(0, 20))
def test_a_median_is_that_of_the_sorted_window(feature: np.ndarray, half: int) -> None:
    padded = np.pad(feature, half, mode="edge")
    windows = [np.median(padded[index : index + 2 * half + 1]) for index in range(len(feature))]
    assert np.allclose(median(feature, (2 * half + 1) / 24, RATE), windows)


def test_a_long_median_of_a_long_strip_is_right_across_its_pieces() -> None:
    feature = np.random.default_rng(1).normal(size=5000)
    padded = np.pad(feature, 300, mode="edge")
    shaped = median(feature, 601 / 24, RATE)
    assert all(shaped[index] == np.median(padded[index : index + 601]) for index in range(0, 5000, 97))


def test_look_ahead_begins_a_rise_before_the_hit_and_arrives_with_it() -> None:
    feature = np.zeros(100)
    feature[60:] = 1.0
    shaped = look_ahead(feature, 0.5, RATE)
    assert shaped[48] == 0.0 and shaped[49] > 0.0 and shaped[60] == 1.0
    assert np.all(np.diff(shaped[48:61]) > 0)
    assert math.isclose(shaped[54], 0.5), "half way at half the time"


@given(FEATURE, st.floats(0, 3), RATE_OF)
def test_look_ahead_only_lifts_and_never_above_what_comes(feature: np.ndarray, seconds: float, rate: FrameRate) -> None:
    shaped = look_ahead(feature, seconds, rate)
    slack = 1e-9 * max(1.0, float(np.abs(feature).max()))
    assert np.all(shaped >= feature) and shaped.max() <= feature.max() + slack


def test_look_ahead_leaves_a_fall_where_it_is() -> None:
    feature = np.linspace(5.0, -5.0, 50)
    assert np.array_equal(look_ahead(feature, 1.0, RATE), feature)


def test_an_offset_of_half_a_frame_lies_half_way_and_the_ends_are_held() -> None:
    assert offset(np.array([2.0, 4.0, 8.0]), 0.5 / 24, RATE).tolist() == [2.0, 3.0, 6.0]
    assert offset(np.array([2.0, 4.0, 8.0]), -1 / 24, RATE).tolist() == [4.0, 8.0, 8.0]


@given(FEATURE, st.integers(-300, 300), RATE_OF)
def test_an_offset_of_whole_frames_moves_every_value_exactly(feature: np.ndarray, frames: int, rate: FrameRate) -> None:
    index = np.clip(np.arange(len(feature)) - frames, 0, len(feature) - 1)
    assert np.array_equal(offset(feature, float(rate.seconds(frames)), rate), feature[index])


@pytest.mark.parametrize(
    ("first", "last", "frames"),
    [(0, -1, range(10)), (3, 5, range(3, 6)), (8, -2, [8]), (7, 3, []), (4, 99, range(4, 10))],
)
def test_a_window_counts_frames_from_the_start_and_from_the_end(first: int, last: int, frames: list[int]) -> None:
    assert np.flatnonzero(shaping.window(10, first, last)).tolist() == list(frames)


def test_a_threshold_cuts_off_what_is_weak_and_stretches_the_rest() -> None:
    assert curve(np.array([0.0, 0.5, 0.75, 1.0]), 0.5, 1.0, "linear").tolist() == [0.0, 0.0, 0.5, 1.0]
    assert curve(np.array([0.0, 0.99, 1.0]), 1.0, 1.0, "linear").tolist() == [0.0, 0.0, 1.0]


def test_gamma_acts_after_the_threshold_and_before_the_ease() -> None:
    assert math.isclose(curve(np.array([0.75]), 0.5, 2.0, "linear")[0], 0.25)
    assert math.isclose(curve(np.array([0.75]), 0.5, 2.0, "smooth")[0], 3 * 0.25**2 - 2 * 0.25**3)
    assert math.isclose(curve(np.array([0.75]), 0.5, 2.0, "in")[0], 0.0625)
    assert math.isclose(curve(np.array([0.75]), 0.5, 2.0, "out")[0], 1 - 0.75**2)


@given(STRENGTH, st.floats(0, 1), st.floats(0.01, 100), st.sampled_from([name for name, _, _ in shaping.EASES]))
def test_a_curve_stays_within_0_and_1_and_keeps_the_order(
    strength: np.ndarray, threshold: float, gamma: float, ease: str
) -> None:
    shaped = curve(np.sort(np.concatenate([strength, [0.0, 1.0]])), threshold, gamma, ease)
    assert shaped[0] == 0.0 and shaped[-1] == 1.0
    assert np.all(np.diff(shaped) >= -1e-12)


@given(STRENGTH, st.integers(2, 64))
def test_quantising_gives_so_many_levels_and_the_nearest(strength: np.ndarray, levels: int) -> None:
    shaped = quantise(strength, levels)
    assert np.all(np.isin(np.round(shaped * (levels - 1), 9), np.arange(levels)))
    assert np.abs(shaped - strength).max() <= 0.5 / (levels - 1) + 1e-12
    assert np.array_equal(quantise(shaped, levels), shaped)


def test_numbers_that_are_none_take_the_nearest_that_is() -> None:
    assert clean(np.array([1.0, math.nan, math.inf, -math.inf, 3.0])).tolist() == [1.0, 1.0, 3.0, 1.0, 3.0]
    assert clean(np.array([math.nan, math.inf])).tolist() == [0.0, 0.0]


def test_the_whole_scale_goes_from_the_least_to_the_greatest_value() -> None:
    assert normalise(np.array([2.0, 3.0, 6.0]), "whole").tolist() == [0.0, 0.25, 1.0]


def test_the_fixed_scale_does_not_depend_on_the_song() -> None:
    limits = {"least": -40.0, "most": 0.0}
    assert normalise(np.array([-60.0, -20.0, 3.0]), "fixed", **limits).tolist() == [0.0, 0.5, 1.0]
    assert normalise(np.array([-20.0]), "fixed", **limits).tolist() == [0.5]
    assert normalise(np.array([-20.0]), "fixed", least=1.0, most=1.0).tolist() == [0.0]


def test_the_percentiles_of_the_robust_scale_can_be_chosen() -> None:
    feature = np.linspace(0.0, 100.0, 10_001)
    shaped = normalise(feature, bottom=20.0, top=50.0)
    assert math.isclose(feature[np.argmax(shaped > 0)], 20.0, abs_tol=0.1)
    assert math.isclose(feature[np.argmax(shaped >= 1)], 62.0, abs_tol=0.1), (
        "half of what rises clearly above the floor"
    )


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
