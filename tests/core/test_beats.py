"""The grid of beats: a fixed tempo is exact, phase and pulse agree with the beats, corrections do what they say."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code
from blender_bend.core.sound.beats import FACTORS, Grid, Settings, build, snap, tapped
from blender_bend.core.sound.tempo_fit import straightened
from blender_bend.core.timebase import FrameRate

RATES = [FrameRate(Fraction(value)) for value in ("24000/1001", "24", "25", "30000/1001", "60")]
TEN_HOURS = 36000.0
NOTHING = np.zeros(0)

rates = st.sampled_from(RATES)
tempi = st.floats(20, 400)
grids = st.lists(st.floats(0.1, 2.0), min_size=2, max_size=40).map(lambda gaps: np.cumsum(gaps))


@given(tempi, st.floats(-10, 10))
def test_a_fixed_tempo_does_not_drift_in_ten_hours(bpm: float, first: float) -> None:
    grid = build(NOTHING, Settings(source="tempo", bpm=bpm, first=first), TEN_HOURS)
    number = round((Fraction(float(grid.times[-1])) - Fraction(first)) * Fraction(bpm) / 60)
    truth = Fraction(first) + number * 60 / Fraction(bpm)
    assert abs(float(truth) - grid.times[-1]) < (0.02 if float(np.float32(bpm)) == bpm else 1e-9)
    assert np.all((grid.times >= 0) & (grid.times < TEN_HOURS))
    assert TEN_HOURS - grid.times[-1] <= 60 / bpm + 1e-9 and grid.times[0] <= 60 / bpm + 1e-9


@pytest.mark.parametrize("bpm", [60, 97.5, 123.4, 174.01])
def test_a_tempo_from_blenders_32_bits_means_what_was_typed(bpm: float) -> None:
    grid = build(NOTHING, Settings(source="tempo", bpm=float(np.float32(bpm)), first=0.25), TEN_HOURS)
    truth = [float(Fraction(1, 4) + number * 60 / Fraction(str(bpm))) for number in range(len(grid.times))]
    assert np.abs(grid.times - truth).max() < 1e-10


@given(grids, rates)
def test_phase_is_zero_in_the_frame_of_a_beat_and_stays_below_one(times: np.ndarray, rate: FrameRate) -> None:
    frames = math.ceil(float(times[-1] * rate.value)) + 50
    grid = build(times, Settings(), times[-1] + 2)
    phase, bar = grid.phase(rate, frames), grid.bar_phase(rate, frames)
    assert np.all((phase >= 0) & (phase < 1)) and np.all((bar >= 0) & (bar < 1))
    held = grid.frames(rate)
    assert np.all(phase[held] == 0)
    assert np.allclose(bar[held], (grid.numbers - 1) / 4)


@given(grids, rates)
def test_the_pulse_is_one_in_the_frames_of_beats_only(times: np.ndarray, rate: FrameRate) -> None:
    grid = build(times, Settings(), times[-1] + 1)
    frames = math.ceil(float((times[-1] + 1) * rate.value))
    assert set(np.flatnonzero(grid.pulse(rate, frames) == 1)) == set(grid.frames(rate))
    second = grid.pulse(rate, frames, number=2)
    assert set(np.flatnonzero(second == 1)) == set(grid.frames(rate)[grid.numbers == 2])
    assert not grid.pulse(rate, frames, number=5).any()


def test_the_pulse_falls_to_one_over_e_in_150_milliseconds() -> None:
    pulse = Grid(np.array([0.5])).pulse(FrameRate(Fraction(100)), 100)
    assert pulse[49] == 0 and pulse[50] == 1 and pulse[65] == pytest.approx(math.exp(-1))


@given(st.integers(0, 200000), rates)
def test_a_beat_on_a_frames_start_belongs_to_that_frame(frame: int, rate: FrameRate) -> None:
    assert Grid(np.array([float(rate.seconds(frame))])).frames(rate)[0] == frame


def test_before_the_first_beat_and_after_the_last_the_beat_goes_on() -> None:
    rate = FrameRate(Fraction(10))
    grid = Grid(np.array([1.0, 2.0, 4.0]))
    assert np.allclose(grid.phase(rate, 90)[[0, 5, 15, 30, 60, 85]], [0, 0.5, 0.5, 0.5, 0, 0.25])
    assert np.allclose(grid.tempo(rate, 90)[[0, 15, 30, 80]], [60, 60, 30, 30])


def test_without_beats_nothing_fails() -> None:
    rate = FrameRate(Fraction(24))
    for times in (NOTHING, np.array([1.0]), np.array([np.nan])):
        grid = build(times, Settings(), 5.0)
        assert not grid.phase(rate, 50).any() and not grid.tempo(rate, 50).any()
        assert grid.nearest(3.0) in (1.0, 3.0)


def test_a_fixed_tempo_has_a_phase_even_where_no_beat_falls_in_the_range() -> None:
    grid = build(NOTHING, Settings(source="tempo", bpm=30, first=-0.5), 1.0)
    assert len(grid.times) == 0
    assert np.allclose(grid.phase(FrameRate(Fraction(10)), 10), 0.25 + np.arange(10) * 0.05)
    assert np.all(grid.tempo(FrameRate(Fraction(10)), 10) == 30)


@given(grids, st.sampled_from(FACTORS), st.integers(0, 7), st.integers(1, 8))
def test_half_and_double(times: np.ndarray, factor: float, one: int, meter: int) -> None:
    grid = build(times, Settings(factor=factor, one=one, meter=meter), times[-1] + 1)
    plain = build(times, Settings(), times[-1] + 1).times
    if factor >= 1:
        assert np.allclose(grid.times[:: round(factor)], plain)
        assert len(grid.times) == (len(plain) - 1) * factor + 1
    else:
        stride = round(1 / factor)
        assert np.array_equal(grid.times, plain[one % stride :: stride])
        if one < len(plain):
            assert grid.numbers[np.flatnonzero(grid.times == plain[one])[0]] == 1


def test_a_shift_keeps_the_bars_where_they_are_though_a_beat_drops_out() -> None:
    times = np.arange(0.05, 10, 0.5)
    grid = build(times, Settings(shift=-0.1, one=2), 10.0)
    assert grid.times[0] == pytest.approx(0.45)
    assert grid.bars[0] == pytest.approx(times[2] - 0.1)


def test_a_steady_beat_fills_its_drop_outs_and_adds_nothing_at_the_ends() -> None:
    times = np.arange(40) * 0.5 + 3
    heard = np.delete(times, range(12, 20))
    assert np.allclose(build(heard, Settings(), 60.0).times, times)


def test_every_so_many_beats_begins_on_a_bar() -> None:
    grid = build(np.arange(20) * 0.5, Settings(one=2), 10.0)
    assert np.array_equal(grid.every(4), grid.bars)
    assert np.array_equal(grid.every(2, offset=1), grid.times[1::2])
    with pytest.raises(BendError):
        grid.every(0)


@given(grids, st.lists(st.floats(0, 2000), min_size=1, max_size=20), rates, st.floats(0, 1))
def test_snapping_goes_towards_the_nearest_beat(
    times: np.ndarray, keys: list[float], rate: FrameRate, strength: float
) -> None:
    grid = build(times, Settings(), times[-1] + 1)
    values, beats = np.array(keys), grid.frames(rate)
    on = snap(values, grid, rate)
    assert np.isin(on, beats).all()
    assert np.allclose(np.abs(on - values), np.abs(values[:, None] - beats).min(axis=1))
    assert np.allclose(snap(values, grid, rate, strength), values + strength * (on - values))


@given(st.floats(40, 240), st.integers(0, 2**32 - 1))
def test_a_tapped_tempo_forgives_a_missed_and_a_double_tap(bpm: float, seed: int) -> None:
    random, period = np.random.default_rng(seed), 60 / bpm
    truth = 2 + period * np.arange(16)
    taps = np.delete(truth, [5, 9]) + random.uniform(-0.03, 0.03, 14) * period
    found, first = tapped([*sorted([*taps, taps[6] + 0.15 * period])])
    assert found == pytest.approx(bpm, rel=0.01)
    assert abs(first - 2) < 0.06 * period


@pytest.mark.parametrize("taps", [[], [1.0], [1.0, 1.0], [0.0, 0.01, 0.02], [0.0, 9.0]])
def test_taps_that_are_no_tempo_are_refused(taps: list[float]) -> None:
    with pytest.raises(BendError) as refusal:
        tapped(taps)
    assert refusal.value.code == Code.PARAMETER_INVALID


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "ear"},
        {"bpm": 19.9},
        {"bpm": math.nan},
        {"first": math.inf},
        {"factor": 3.0},
        {"shift": math.nan},
        {"meter": 0},
        {"meter": 17},
        {"one": -1},
        {"colour": "red"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BendError) as refusal:
        Settings.from_dict(wrong)
    assert refusal.value.code == Code.PARAMETER_INVALID


def test_tracked_beats_that_went_astray_in_a_pause_are_put_back_on_the_line() -> None:
    truth = 0.4 + 0.5 * np.arange(60)
    tracked = truth + np.random.default_rng(1).uniform(-0.008, 0.008, 60)
    tracked[25:35] += 0.25
    straight = straightened(tracked)
    assert len(straight) == 60 and np.abs(straight - truth).max() < 0.01


def test_a_change_of_tempo_is_kept() -> None:
    truth = np.concatenate([0.4 + 0.5 * np.arange(30), 15.4 + 0.42 * np.arange(30)])
    straight = straightened(truth + np.random.default_rng(1).uniform(-0.008, 0.008, 60))
    assert np.abs(straight[:, None] - truth).min(axis=1).max() < 0.03
