"""The papers' smoothing and ranges agree with their formulas, written out a second time here."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core import catalogue
from blender_bend.core.curves import paper_smoothing
from blender_bend.core.curves.routes import Route
from blender_bend.core.timebase import FrameRate

RATE = FrameRate(Fraction(20))
FEATURE = st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=100).map(np.array)
KERNELS = [1, 5, 7, 15, 41]
KEEPS = [0.0, 0.5, 0.7, 0.9]
SHARES = [0.0, 0.05, 0.3]


def transcribed_median(x: np.ndarray, k: int) -> np.ndarray:
    """scipy.signal.medfilt, frame by frame: what lies beyond the ends is 0."""
    half = k // 2
    return np.array(
        [sorted(x[j] if 0 <= j < len(x) else 0.0 for j in range(i - half, i + half + 1))[half] for i in range(len(x))]
    )


def transcribed(x: np.ndarray, k: int, alpha: float, p: float) -> np.ndarray:
    """Reference of the papers, 4.2: median, envelope, gate in the form they intend."""
    m = transcribed_median(x, k)
    e = np.zeros(len(m))
    e[0] = m[0]
    for t in range(1, len(m)):
        if abs(m[t]) > abs(e[t - 1]):
            e[t] = m[t]
        else:
            e[t] = (1 - alpha) * m[t] + alpha * e[t - 1]
    low, high = min(e), max(e)
    return np.array([low if value - low < p * (high - low) else value for value in e])


def feature(seed: int, count: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).exponential(3.0, count) * (1 if seed % 2 else -1) + 0.5


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_smoothing_is_that_of_the_papers(kernel: int, keep: float, share: float) -> None:
    for seed in (1, 2):
        x = feature(seed)
        assert np.allclose(
            paper_smoothing.smooth(x, kernel, keep, share), transcribed(x, kernel, keep, share), rtol=1e-6, atol=0
        )


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_median_is_scipys_with_zeros_beyond_the_ends(kernel: int) -> None:
    signal = pytest.importorskip("scipy.signal")
    for count in (1, 3, 50, 400):
        x = feature(3, count)
        if count >= kernel:
            assert np.array_equal(paper_smoothing.median(x, kernel), signal.medfilt(x, kernel))
        assert np.array_equal(paper_smoothing.median(x, kernel), transcribed_median(x, kernel))


def test_the_other_order_gates_first() -> None:
    x = feature(5)
    low, high = x.min(), x.max()
    gated = np.array([low if value - low < 0.2 * (high - low) else value for value in x])
    assert np.array_equal(paper_smoothing.gate_median(x, 0.2, 7), transcribed_median(gated, 7))


def test_a_route_with_the_papers_chain_is_smoothing_and_map_of_the_whole_track() -> None:
    x = feature(7)
    smoothed = transcribed(x, 5, 0.7, 0.05)
    low, high = paper_smoothing.RANGES["add_full"]
    mapped = (smoothed - smoothed.min()) * (high - low) / (smoothed.max() - smoothed.min()) + low
    route = Route.of("paper_rms", low, high, chain="papers", kernel=5, keep=0.7, gate=0.05)
    assert np.allclose(route.shape({"paper_rms": x}, RATE), mapped, rtol=1e-6, atol=1e-12)


def test_the_papers_chain_uses_no_other_stage() -> None:
    x = {"rms": feature(9)}
    plain = Route.of("rms", 0.0, 5.0, chain="papers", kernel=5).shape(x, RATE)
    others = Route.of(
        "rms", 0.0, 5.0, chain="papers", kernel=5, gain=3.0, gamma=2.0, attack=1.0, median=1.0, invert=True
    )
    assert np.array_equal(others.shape(x, RATE), plain)


def test_the_gate_makes_no_hole_below_the_least_value_as_the_papers_code_does() -> None:
    x = np.array([2.0, 2.1, 5.0, 3.0])
    assert paper_smoothing.gate(x, 0.2).tolist() == [2.0, 2.0, 5.0, 3.0]
    assert paper_smoothing.gate(-x, 0.2).tolist() == [-2.0, -2.1, -5.0, -3.0]
    assert paper_smoothing.gate(np.array([-5.0, -4.9, -1.0]), 0.2).tolist() == [-5.0, -5.0, -1.0]


@pytest.mark.parametrize("value", [0.0, 3.0, -7.5])
def test_a_constant_feature_is_the_lower_end_and_divides_by_nothing(value: float) -> None:
    with np.errstate(all="raise"):
        assert paper_smoothing.to_range(np.full(9, value), 1.0, 4.0).tolist() == [1.0] * 9
        assert np.all(Route.of("rms", 1.0, 4.0, chain="papers").shape({"rms": np.full(9, value)}, RATE) == 1.0)


@given(FEATURE)
def test_at_the_neutral_values_nothing_changes(x: np.ndarray) -> None:
    assert np.array_equal(paper_smoothing.smooth(x, 1, 0.0, 0.0), x)
    assert np.array_equal(paper_smoothing.gate_median(x, 0.0, 1), x)


@given(FEATURE, st.sampled_from(KERNELS), st.floats(0, 1), st.floats(0, 1))
def test_a_route_of_the_papers_never_leaves_its_range(x: np.ndarray, kernel: int, keep: float, share: float) -> None:
    for chain in ("papers", "gate_median"):
        values = Route.of("rms", -1.0, 3.0, chain=chain, kernel=kernel, keep=keep, gate=share).shape({"rms": x}, RATE)
        assert values.min() >= -1.0 and values.max() <= 3.0


@pytest.mark.parametrize("kernel", [0, 2, -1, 40])
def test_an_even_kernel_is_refused(kernel: int) -> None:
    with pytest.raises(ValueError, match="odd"):
        paper_smoothing.median(np.zeros(10), kernel)


def test_the_ranges_are_those_of_the_papers_and_fit_the_catalogue() -> None:
    assert paper_smoothing.RANGES["rotate_x"] == (0.0, math.tau) and paper_smoothing.RANGES["soft_threshold2"] == (
        0.0,
        2.0,
    )
    for name, (operator, parameter) in paper_smoothing.PARAMETERS.items():
        limits = {p.name: p for p in catalogue.animated_parameters(operator, catalogue.EVERYWHERE)}[parameter]
        assert paper_smoothing.RANGES[name][1] <= limits.maximum
