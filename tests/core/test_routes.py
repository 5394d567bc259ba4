"""A route turns a feature into the values of a parameter."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.routes import Route
from blender_bend.core.timebase import FrameRate

RATE = FrameRate(Fraction(24))
RAMP = np.linspace(0.0, 1.0, 101)
LIMIT = st.floats(-100, 100)


def test_silence_gives_the_low_and_full_strength_the_high_value() -> None:
    values = Route("rms", low=-1.0, high=3.0).shape(RAMP, RATE)
    assert values[0] == -1.0 and values[-1] == 3.0
    assert np.all(np.diff(values) >= 0)


def test_a_route_may_run_downwards() -> None:
    values = Route("rms", low=3.0, high=-1.0).shape(RAMP, RATE)
    assert values[0] == 3.0 and values[-1] == -1.0


def test_an_inverted_route_is_its_mirror_image() -> None:
    plain = Route("rms", low=2.0, high=6.0).shape(RAMP, RATE)
    inverted = Route("rms", low=2.0, high=6.0, invert=True).shape(RAMP, RATE)
    assert np.allclose(plain + inverted, 8.0)


@pytest.mark.parametrize(("invert", "value"), [(False, 0.25), (True, 0.75)])
def test_a_constant_feature_rests_at_one_end(invert: bool, value: float) -> None:
    values = Route("rms", low=0.25, high=0.75, invert=invert).shape(np.full(50, 0.3), RATE)
    assert np.all(values == value)


def test_more_gain_reaches_the_high_value_earlier() -> None:
    soft = Route("rms", 0.0, 1.0, gain=1.0).shape(RAMP, RATE)
    loud = Route("rms", 0.0, 1.0, gain=4.0).shape(RAMP, RATE)
    assert np.argmax(loud >= 1.0) < np.argmax(soft >= 1.0) / 3


def test_no_gain_leaves_the_low_value() -> None:
    assert np.all(Route("rms", 0.5, 1.0, gain=0.0).shape(RAMP, RATE) == 0.5)


def test_a_release_lets_a_hit_ring() -> None:
    feature = np.zeros(100)
    feature[10] = 1.0
    values = Route("onset", 0.0, 1.0, release=0.25).shape(feature, RATE)
    assert values[9] == 0.0 and values[10] == 1.0
    assert np.isclose(values[16], np.exp(-1))


@given(
    feature=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=100).map(np.array),
    low=LIMIT,
    high=LIMIT,
    gain=st.floats(0, 10),
    attack=st.floats(0, 2),
    release=st.floats(0, 2),
    invert=st.booleans(),
)
def test_a_route_never_leaves_its_range(
    feature: np.ndarray, low: float, high: float, gain: float, attack: float, release: float, invert: bool
) -> None:
    values = Route("rms", low, high, gain, attack, release, invert).shape(feature, RATE)
    assert values.shape == feature.shape
    assert min(low, high) - 1e-9 <= values.min() and values.max() <= max(low, high) + 1e-9
