"""The features mean what their words say."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sounds import EVERY

from blender_bend.core.errors import BendError, Code
from blender_bend.core.sound import beats, features
from blender_bend.core.sound.feature_table import Depends
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.settings import Settings
from blender_bend.engine.analysis.spectra.spectrum import Grid

RATES = [FrameRate(value) for value in (Fraction(24), Fraction(30000, 1001), Fraction(60))]


def sine(frequency: float, sample_rate: int, seconds: float = 2.0, amplitude: float = 1.0) -> np.ndarray:
    """A steady tone."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def inner(samples: np.ndarray, sample_rate: int, rate: FrameRate, name: str) -> np.ndarray:
    """A feature without the frames at both ends, where the windows see silence."""
    frames = int(len(samples) / sample_rate * rate.value)
    return measure(samples, Grid(rate, frames, sample_rate), [name])[name][4:-4]


@pytest.mark.parametrize("sample_rate", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_the_loudness_of_a_full_scale_sine_is_the_root_of_a_half(rate: FrameRate, sample_rate: int) -> None:
    loudness = inner(sine(997, sample_rate), sample_rate, rate, "rms")
    assert np.allclose(loudness, np.sqrt(0.5), rtol=0.02)


def test_half_the_amplitude_is_half_the_loudness() -> None:
    full, half = (inner(sine(500, 48000, amplitude=a), 48000, RATES[0], "rms") for a in (0.8, 0.4))
    assert np.allclose(half, full / 2, rtol=1e-3)


@pytest.mark.parametrize("frequency", [220.0, 1000.0, 5000.0, 12000.0])
@pytest.mark.parametrize("sample_rate", [44100, 48000])
def test_the_brightness_of_a_sine_is_its_frequency(sample_rate: int, frequency: float) -> None:
    brightness = inner(sine(frequency, sample_rate), sample_rate, RATES[0], "centroid")
    assert np.allclose(brightness, frequency, rtol=0.02)


@pytest.mark.parametrize(
    ("frequency", "band"), [(60, "low"), (150, "low"), (1000, "mid"), (3000, "mid"), (9000, "high")]
)
def test_a_tone_is_heard_in_its_own_band(frequency: float, band: str) -> None:
    levels = {name: inner(sine(frequency, 48000), 48000, RATES[0], name) for name in ("low", "mid", "high")}
    assert np.allclose(levels.pop(band), np.sqrt(0.5), rtol=0.03)
    assert max(level.max() for level in levels.values()) < 0.05


def test_a_steady_tone_begins_nothing() -> None:
    tone = sine(440, 48000, seconds=4)
    grid = Grid(RATES[0], 96, 48000)
    measured = measure(tone, grid, ["onset", "flux"])
    for name, feature in measured.items():
        assert feature[5:-5].max() < 0.05 * feature.max(), name


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_beat_of_120_bpm_pulses_on_the_beats(rate: FrameRate) -> None:
    sample_rate, seconds = 48000, 20
    samples = np.random.default_rng(1).normal(0, 1e-3, seconds * sample_rate).astype(np.float32)
    starts = np.arange(sample_rate // 4, len(samples), sample_rate // 2)
    burst = np.random.default_rng(2).normal(0, 0.3, 2400) * np.exp(-np.arange(2400) / 600)
    for start in starts[starts < len(samples) - 2400]:
        samples[start : start + 2400] += burst.astype(np.float32)
    pulse = measure(samples, Grid(rate, int(seconds * rate.value), sample_rate), ["beat"])["beat"]
    beats = rate.frame_of(starts, sample_rate)
    ones = np.flatnonzero(pulse == 1.0)
    assert np.abs(ones[:, None] - beats).min(axis=1).max() <= 1
    assert np.mean(np.abs(beats[:, None] - ones).min(axis=1) <= 1) > 0.9
    assert pulse.min() >= 0 and np.count_nonzero(np.diff(pulse) > 0) <= len(beats)


@pytest.mark.parametrize("name", EVERY)
def test_every_feature_is_measured_on_every_frame(name: str) -> None:
    samples = np.random.default_rng(3).normal(0, 0.1, 48000).astype(np.float32)
    measured = measure(samples, Grid(RATES[1], 31, 48000), [name])
    assert list(measured) == [name]
    assert measured[name].shape == (31,) and measured[name].dtype == np.float32
    feature = features.parse(name).feature
    bounded = feature.unit in {"0 to 1", "-1 to 1"}
    assert np.isfinite(measured[name]).all()
    assert measured[name].min() >= (feature.low if bounded else 0.0 if feature.low >= 0 else -np.inf)
    assert measured[name].max() <= (feature.high + 1e-6 if bounded else np.inf)


@pytest.mark.parametrize("sample_rate", [8000, 192000])
def test_low_and_high_sample_rates_are_measured(sample_rate: int) -> None:
    samples = np.random.default_rng(4).normal(0, 0.1, sample_rate).astype(np.float32)
    for name, feature in measure(samples, Grid(RATES[0], 24, sample_rate), list(EVERY)).items():
        assert np.isfinite(feature).all(), name


def test_a_feature_does_not_depend_on_what_else_is_measured() -> None:
    samples = np.random.default_rng(5).normal(0, 0.1, 96000).astype(np.float32)
    grid = Grid(RATES[0], 48, 48000)
    together = measure(samples, grid, list(EVERY))
    for name in EVERY:
        assert np.array_equal(measure(samples, grid, [name])[name], together[name])


def test_an_unknown_feature_is_refused() -> None:
    with pytest.raises(BendError) as caught:
        measure(np.ones(100, dtype=np.float32), Grid(RATES[0], 1, 48000), ["smell"])
    assert caught.value.code == Code.PARAMETER_INVALID


def test_the_windows_of_a_frame_lie_inside_it_at_any_length() -> None:
    for rate in RATES:
        grid = Grid(rate, int(3600 * rate.value), 44100)
        frames = rate.frame_of(grid.per_frame(grid.centres())[-100:], 44100)
        assert np.array_equal(frames, np.repeat(np.arange(grid.frames - 100, grid.frames)[:, None], frames.shape[1], 1))


def test_what_changes_with_the_beats_is_declared_to_depend_on_them() -> None:
    """Or values measured before a correction of the beats would be taken from the cache after it."""
    names = [*features.PLAIN, "beat_number:1", *(f"times:{name}" for name in features.MOMENTS)]
    samples, grid = sine(440, 22050, 4.0) * np.resize(np.geomspace(1, 0.01, 11025), 88200), Grid(RATES[0], 96, 22050)
    first, second = (
        measure(samples.astype(np.float32), grid, names, Settings(beats.Settings("tempo", bpm))) for bpm in (90, 130)
    )
    changed = {name for name in names if not np.array_equal(first[name], second[name])}
    assert changed == {name for name in names if features.depends(name) is Depends.BEATS}
