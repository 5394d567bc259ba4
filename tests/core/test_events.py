"""A key per event: the curve is at the peak on the event's frame and falls back as it should."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.curves.event_keys import SHAPES, events
from blender_bend.core.curves.keys import CONSTANT, LINEAR, Keys, evaluate
from blender_bend.core.timebase import FrameRate

RATE = FrameRate(Fraction(24))
NAMES = [name for name, _, _ in SHAPES]


def keys_of(
    frames: list[float], strengths: list[float], shape: str, attack: float = 0.1, decay: float = 0.5, **others: object
) -> Keys:
    settings: dict = {"rest": 0.0, "peak": 1.0, "rate": RATE, "first": 0, "last": 100, **others}
    return events(np.array(frames), np.array(strengths), attack=attack, decay=decay, shape=shape, **settings)


def curve_of(*arguments: object, **settings: object) -> np.ndarray:
    return evaluate(keys_of(*arguments, **settings), np.arange(101.0))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", NAMES)
def test_an_event_peaks_on_its_frame_and_is_at_rest_before_and_after(shape: str) -> None:
    curve = curve_of([40.0], [0.8], shape, rest=2.0, peak=12.0)
    assert math.isclose(curve[40], 10.0, rel_tol=1e-6) and curve.argmax() == 40
    assert np.allclose(curve[:38], 2.0) and np.allclose(curve[52:], 2.0)


@pytest.mark.parametrize("shape", NAMES)
def test_a_few_keys_make_an_event(shape: str) -> None:
    keys = keys_of([40.0], [1.0], shape)
    assert len(keys.frames) <= 5
    assert keys.frames[0] == 0 and keys.frames[-1] == 100
    assert np.array_equal(keys.frames, np.round(keys.frames))


def test_the_shapes_fall_as_they_are_called() -> None:
    x = np.arange(13) / 12
    linear, exponential, smooth, hold = (
        curve_of([40.0], [1.0], shape)[40:53] for shape in ("linear", "exponential", "smooth", "hold")
    )
    assert np.allclose(linear, 1 - x, atol=1e-6)
    assert np.allclose(exponential, (np.exp(-3 * x) - np.exp(-3)) / (1 - np.exp(-3)), atol=0.012)
    assert np.allclose(smooth, 1 - 3 * x**2 + 2 * x**3, atol=1e-6)
    assert np.all(hold[:12] == 1.0) and hold[12] == 0.0


def test_the_interpolation_of_the_keys_is_that_of_the_shape() -> None:
    assert keys_of([40.0], [1.0], "linear").interpolation == LINEAR
    assert keys_of([40.0], [1.0], "hold").interpolation == CONSTANT


@pytest.mark.parametrize("shape", ["linear", "exponential", "smooth"])
def test_an_event_rises_over_the_attack(shape: str) -> None:
    curve = curve_of([40.0], [1.0], shape, attack=0.5)
    assert curve[28] == 0.0 and np.all(np.diff(curve[28:41]) > 0)


@pytest.mark.parametrize("rate", [Fraction(12), Fraction(30000, 1001), Fraction(60)], ids=str)
@pytest.mark.parametrize("shape", NAMES)
def test_attack_and_decay_last_as_long_at_any_frame_rate(shape: str, rate: Fraction) -> None:
    seconds, other = np.arange(48) / 12, FrameRate(rate)
    slow = events(np.array([24]), np.ones(1), 0, 1, 0.5, 1.0, shape, FrameRate(Fraction(12)), 0, 48)
    moment = other.frames_at(np.array([2.0]))
    quick = events(moment, np.ones(1), 0, 1, 0.5, 1.0, shape, other, 0, math.ceil(4 * rate))
    apart = np.abs(evaluate(slow, seconds * 12) - evaluate(quick, moment + (seconds - 2) * float(rate)))
    # A hold may end a frame apart.
    assert np.sum(apart > 0.05) <= (1 if shape == "hold" else 0)


@pytest.mark.parametrize("shape", ["linear", "exponential", "smooth"])
def test_an_attack_begins_where_the_fall_before_it_is(shape: str) -> None:
    alone = curve_of([40.0], [1.0], shape, attack=4 / 24)
    both = curve_of([40.0, 48.0], [1.0, 0.9], shape, attack=4 / 24)
    assert np.allclose(both[:45], alone[:45], atol=1e-6), "until the attack nothing changes"
    assert math.isclose(both[48], 0.9, rel_tol=1e-6)
    assert np.allclose(np.diff(both[44:49]), np.diff(both[44:49])[0]) or shape == "smooth"
    assert both[44:49].min() == both[44]


@pytest.mark.parametrize("shape", ["linear", "exponential", "smooth"])
def test_a_weak_event_in_a_strong_ones_fall_is_not_heard(shape: str) -> None:
    assert np.array_equal(curve_of([40.0, 42.0], [1.0, 0.2], shape), curve_of([40.0], [1.0], shape))


def test_of_held_events_the_later_counts() -> None:
    curve = curve_of([40.0, 44.0], [1.0, 0.25], "hold")
    assert curve[43] == 1.0 and np.all(curve[44:56] == 0.25) and curve[56] == 0.0


@pytest.mark.parametrize("shape", NAMES)
def test_of_two_events_in_one_frame_the_stronger_counts(shape: str) -> None:
    assert np.array_equal(curve_of([40.2, 40.9], [0.4, 0.9], shape), curve_of([40.0], [0.9], shape))


@pytest.mark.parametrize("shape", NAMES)
def test_no_event_is_rest(shape: str) -> None:
    assert np.allclose(curve_of([], [], shape, rest=3.0), 3.0)
    assert np.allclose(curve_of([-5.0, 101.0], [1.0, 1.0], shape, rest=3.0), 3.0)


@pytest.mark.parametrize("shape", NAMES)
def test_an_event_on_the_first_or_last_frame_has_its_key_there(shape: str) -> None:
    curve = curve_of([0.0, 100.0], [1.0, 1.0], shape)
    assert curve[0] == 1.0 and curve[100] == 1.0


@given(
    frames=st.lists(st.floats(-10, 110), max_size=30),
    seed=st.integers(0, 1000),
    shape=st.sampled_from(NAMES),
    attack=st.floats(0, 3),
    decay=st.floats(0, 3),
    rest=st.floats(-5, 5),
    peak=st.floats(-5, 5),
)
def test_events_never_leave_the_range_and_every_key_is_in_order(
    frames: list[float], seed: int, shape: str, attack: float, decay: float, rest: float, peak: float
) -> None:
    strengths = np.random.default_rng(seed).uniform(0, 1, len(frames)).tolist()
    keys = keys_of(frames, strengths, shape, attack, decay, rest=rest, peak=peak)
    assert np.all(np.diff(keys.frames) >= 1) and keys.frames[0] == 0 and keys.frames[-1] == 100
    curve = evaluate(keys, np.linspace(0, 100, 1001))
    assert min(rest, peak) - 1e-5 <= curve.min() and curve.max() <= max(rest, peak) + 1e-5
