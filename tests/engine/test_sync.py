"""Sync: on click tracks onset and flux peak in the very frame that holds the click, at the end as at the start."""

from __future__ import annotations

import os
from fractions import Fraction

import numpy as np
import pytest
from first_samples import first_sample

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.spectra.spectrum import Grid

SECONDS = 600 if os.environ.get("BEND_TEST_ALL") == "1" else 60
RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(60)]
SHORTEST_GAP = 0.25
NOISE = 1e-3


def click(kind: str, sample_rate: int, random: np.random.Generator) -> np.ndarray:
    """One hit: its first sample is the moment that counts."""
    if kind == "impulse":
        return np.array([0.9])
    time = np.arange(sample_rate // 20) / sample_rate
    if kind == "decaying burst":
        return 0.8 * np.cos(2 * np.pi * random.uniform(200, 2000) * time) * np.exp(-time / 0.015)
    return 0.5 * random.normal(size=len(time)) * np.exp(-time / 0.05)


def click_track(kind: str, sample_rate: int, seconds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hits at irregular times with a little noise behind them; the samples and the sample numbers of the hits."""
    random = np.random.default_rng(seed)
    gaps = SHORTEST_GAP + random.exponential(0.2, 10 * seconds)
    times = 0.5 + np.cumsum(gaps)
    starts = np.round(times[times < seconds - 0.5] * sample_rate).astype(np.int64)
    samples = random.normal(0, NOISE, seconds * sample_rate)
    for start in starts:
        sound = random.uniform(0.5, 1.0) * click(kind, sample_rate, random)
        samples[start : start + len(sound)] += sound
    return samples.astype(np.float32), starts


def misses(feature: np.ndarray, frames: np.ndarray, rate: FrameRate) -> np.ndarray:
    """For each hit, how many frames later (or earlier) the feature peaks than the hit."""
    reach = int(SHORTEST_GAP / 2 * rate.value)
    around = frames[:, None] + np.arange(-reach, reach + 1)
    return np.argmax(feature[around], axis=1) - reach


@pytest.mark.parametrize("sample_rate", [44100, 48000])
@pytest.mark.parametrize("rate", [FrameRate(value) for value in RATES], ids=lambda rate: f"{float(rate.value):.2f}fps")
@pytest.mark.parametrize("kind", ["impulse", "decaying burst", "noise burst"])
def test_a_click_peaks_in_the_frame_that_holds_it(kind: str, rate: FrameRate, sample_rate: int) -> None:
    samples, starts = click_track(kind, sample_rate, SECONDS, seed=1)
    grid = Grid(rate, int(SECONDS * rate.value), sample_rate)
    frames = rate.frame_of(starts, sample_rate)
    assert len(starts) > SECONDS
    for name, feature in measure(samples, grid, ["onset", "flux"]).items():
        off = misses(feature, frames, rate)
        assert np.mean(off == 0) >= 0.99, f"{name}: {np.mean(off == 0):.4f} of {len(off)}, off by {set(off.tolist())}"
        assert np.abs(off).max() <= 1, f"{name}: off by {set(off.tolist())}"
        tenth = len(off) // 10
        assert abs(off[-tenth:].mean() - off[:tenth].mean()) < 0.25, f"{name} drifts"


#: Features whose largest value stands in the frame that holds a single impulse. (The papers cut the sound a fraction of
#: a sample elsewhere: an impulse in the last sample of a frame may belong to their next one.)
PEAKED = (
    "rms", "peak", "crest", "flux", "low", "mid", "high", "band:200-8000", "mel:10", "mel:30",
    "onset", "onset_low", "onset_mid", "onset_high", "event",
)  # fmt: skip


def impulse(rate: FrameRate, sample_rate: int, place: str) -> tuple[np.ndarray, int, int]:
    """Two seconds of faint noise with one impulse: the samples, the impulse's sample, and the frame that holds it."""
    random = np.random.default_rng(sample_rate)
    frame = int(random.integers(rate.value * 2 // 3, rate.value * 4 // 3))
    start, end = first_sample(rate, frame, sample_rate), first_sample(rate, frame + 1, sample_rate)
    at = {"first": start, "last": end - 1, "anywhere": int(random.integers(start, end))}[place]
    samples = random.normal(0, 1e-5, 2 * sample_rate).astype(np.float32)
    samples[at] = 0.9
    return samples, at, frame


@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000, 96000])
@pytest.mark.parametrize("rate", [FrameRate(value) for value in RATES], ids=lambda rate: f"{float(rate.value):.2f}fps")
@pytest.mark.parametrize("place", ["first", "last", "anywhere"])
def test_an_impulse_peaks_in_its_frame_in_every_feature(place: str, rate: FrameRate, sample_rate: int) -> None:
    """Wherever in the frame it is, be it the first or the last sample."""
    samples, at, frame = impulse(rate, sample_rate, place)
    measured = measure(samples, Grid(rate, int(2 * rate.value), sample_rate), [*PEAKED, "loudness", "times:onsets"])
    for name in PEAKED:
        assert np.argmax(measured[name]) == frame, name
    assert np.min(np.abs(measured["times:onsets"] - at / sample_rate)) < 1e-3
    loud = np.flatnonzero(measured["loudness"] > measured["loudness"].max() - 0.01)
    assert abs(loud.mean() - frame) <= 1, "the 0.4 s of perceived loudness lie about the impulse"


@pytest.mark.parametrize("rate", [FrameRate(value) for value in RATES], ids=lambda rate: f"{float(rate.value):.2f}fps")
def test_an_impulse_peaks_in_its_frame_in_the_percussive_part_and_in_the_papers_features(rate: FrameRate) -> None:
    samples, _, frame = impulse(rate, 44100, "anywhere")
    names = ["percussive/onset", "percussive/peak", "percussive/rms", "percussive/flux", "paper_rms"]
    for name, feature in measure(samples, Grid(rate, int(2 * rate.value), 44100), names).items():
        assert np.argmax(feature) == frame, name
