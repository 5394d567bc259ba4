"""Level, spectrum, bands and onsets agree with librosa, or with their formula, on real kinds of sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import librosa
import numpy as np
import pytest
import signals

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.spectra.onsets import align_to_attacks, strongest_per_frame
from blender_bend.engine.analysis.spectra.spectrum import Grid

#: At 25 frames a second and 48 kHz a hop is a whole number of samples, as librosa needs it.
FPS, HOP, HOPS, WINDOW = 25, 480, 4, 2048
FRAME = HOP * HOPS
GRID = Grid(FrameRate(Fraction(FPS)), signals.SECONDS * FPS, signals.SAMPLE_RATE)
RATE = {"sr": signals.SAMPLE_RATE}
MEL_EDGES = (0, 250, 4000, np.inf)


@dataclass
class Heard:
    """One sound and its spectrum, as a user of librosa has them."""

    y: np.ndarray

    @cached_property
    def magnitude(self) -> np.ndarray:
        """Shape (bins, hops); a hop's window is centred on the middle of the hop."""
        padded = np.pad(self.y, (WINDOW // 2 - HOP // 2, WINDOW))
        spectrum = np.abs(librosa.stft(padded, n_fft=WINDOW, hop_length=HOP, window=np.hanning(WINDOW), center=False))
        return spectrum[:, : GRID.frames * HOPS].astype(np.float64)

    @cached_property
    def per_frame(self) -> np.ndarray:
        """The mean magnitude of each frame, shape (bins, frames)."""
        return frames(self.magnitude).mean(axis=-1)

    @cached_property
    def decibels(self) -> np.ndarray:
        """The log-mel spectrum."""
        return librosa.power_to_db(librosa.feature.melspectrogram(S=self.magnitude**2, **RATE))

    @cached_property
    def cut(self) -> np.ndarray:
        """The samples of each frame, shape (frame, samples)."""
        return self.y.reshape(-1, FRAME)


def frames(hops: np.ndarray) -> np.ndarray:
    """Hops grouped by video frame, shape (..., frames, hops of the frame)."""
    return hops.reshape(*hops.shape[:-1], GRID.frames, HOPS)


def weighted(values: np.ndarray, heard: Heard) -> np.ndarray:
    """The mean of a frame's hops by their magnitude."""
    weight = frames(heard.magnitude.sum(axis=0))
    return (frames(values) * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)


def standardised(heard: Heard, order: int) -> np.ndarray:
    """A central moment by the power of the spread."""
    frequencies = librosa.fft_frequencies(n_fft=WINDOW, **RATE)[:, None]
    share = heard.per_frame / heard.per_frame.sum(axis=0)
    away = frequencies - (share * frequencies).sum(axis=0)
    return (share * away**order).sum(axis=0) / (share * away**2).sum(axis=0) ** (order / 2)


def band(heard: Heard, low: float, high: float) -> np.ndarray:
    """The root of the mean power of the bins of a band."""
    frequencies = librosa.fft_frequencies(n_fft=WINDOW, **RATE)
    inside = (frequencies >= low) & (frequencies < high)
    level = librosa.feature.rms(S=heard.magnitude * inside[:, None], frame_length=WINDOW)[0]
    return np.sqrt(frames(level**2).mean(axis=1) * 8 / 3)


def at_attacks(values: np.ndarray, heard: Heard) -> np.ndarray:
    """The largest hop of each frame; that hops stand where attacks are is what test_sync shows."""
    return strongest_per_frame(values, align_to_attacks(heard.y, values, GRID), GRID)


def onsets(heard: Heard, number: int) -> np.ndarray:
    """librosa's onset strength of low, mid or high mel bands."""
    middles = librosa.mel_frequencies(130, fmin=0, fmax=signals.SAMPLE_RATE / 2)[1:-1]
    channels = np.searchsorted(middles, MEL_EDGES)
    strength = librosa.onset.onset_strength_multi(S=heard.decibels, channels=list(channels), center=False)
    return at_attacks(strength[number], heard)


def mel(heard: Heard, number: int) -> np.ndarray:
    """dB of a full-scale sine, not below -80."""
    power = librosa.feature.melspectrogram(S=heard.magnitude**2, n_mels=40, norm=None, **RATE)[number - 1]
    return librosa.power_to_db(frames(power).mean(axis=1) / (WINDOW / 4) ** 2, top_db=None).clip(-80)


def contrast(heard: Heard, number: int) -> np.ndarray:
    """librosa's, of the same hops."""
    return frames(librosa.feature.spectral_contrast(S=heard.magnitude, **RATE)[number - 1]).mean(axis=1)


def mfcc(heard: Heard, number: int) -> np.ndarray:
    """librosa's, of the same hops."""
    return frames(librosa.feature.mfcc(S=heard.decibels, n_mfcc=20)[number - 1]).mean(axis=1)


def crest(heard: Heard) -> np.ndarray:
    """Peak by root mean square in dB."""
    return 20 * np.log10(np.abs(heard.cut).max(axis=1) / np.sqrt((heard.cut.astype(np.float64) ** 2).mean(axis=1)))


FORMULAS: dict[str, Callable[[Heard], np.ndarray]] = {
    "rms": lambda heard: band(heard, 0, np.inf),
    "low": lambda heard: band(heard, 20, 250),
    "mid": lambda heard: band(heard, 250, 4000),
    "high": lambda heard: band(heard, 4000, 20000),
    "band:200-800": lambda heard: band(heard, 200, 800),
    "peak": lambda heard: np.abs(heard.cut).max(axis=1),
    "crest": crest,
    "zero_crossings": lambda heard: librosa.zero_crossings(heard.y, pad=False).reshape(-1, FRAME).sum(axis=1) * FPS,
    "centroid": lambda heard: librosa.feature.spectral_centroid(S=heard.per_frame, **RATE)[0],
    "spread": lambda heard: librosa.feature.spectral_bandwidth(S=heard.per_frame, **RATE)[0],
    "skewness": lambda heard: standardised(heard, 3),
    "kurtosis": lambda heard: standardised(heard, 4),
    "flatness": lambda heard: weighted(librosa.feature.spectral_flatness(S=heard.magnitude)[0], heard),
    "rolloff": lambda heard: weighted(librosa.feature.spectral_rolloff(S=heard.magnitude, **RATE)[0], heard),
    "flux": lambda heard: at_attacks(
        np.maximum(np.diff(heard.magnitude, axis=1, prepend=0), 0).sum(axis=0) / WINDOW, heard
    ),
    "contrast:1": lambda heard: contrast(heard, 1),
    "contrast:4": lambda heard: contrast(heard, 4),
    "contrast:7": lambda heard: contrast(heard, 7),
    "mel:1": lambda heard: mel(heard, 1),
    "mel:25": lambda heard: mel(heard, 25),
    "mel:40": lambda heard: mel(heard, 40),
    "mfcc:1": lambda heard: mfcc(heard, 1),
    "mfcc:2": lambda heard: mfcc(heard, 2),
    "mfcc:20": lambda heard: mfcc(heard, 20),
    "onset": lambda heard: at_attacks(librosa.onset.onset_strength(S=heard.decibels, center=False), heard),
    "onset_low": lambda heard: onsets(heard, 0),
    "onset_mid": lambda heard: onsets(heard, 1),
    "onset_high": lambda heard: onsets(heard, 2),
}
#: Of the feature's largest value on the sound. Single precision shows where one bin decides.
TOLERANCE, OF_ONE_BIN = 2e-3, {"contrast": 2e-2, "rolloff": 1e-2}

#: What begins with the sound, and that its end is no hit, is Bend's own; see test_hits_at_edges.
OF_EDGES = ("flux", "onset")


@pytest.fixture(scope="module")
def heard() -> dict[str, Heard]:
    """Every kind of sound over hiss of -80 dB, as everything that was ever recorded has it."""
    hiss = np.random.default_rng(9).normal(0, 1e-4, signals.SAMPLES)
    return {name: Heard((make() + hiss).astype(np.float32)) for name, make in signals.SOUNDING.items()}


@pytest.fixture(scope="module")
def measured(heard: dict[str, Heard]) -> dict[str, dict[str, np.ndarray]]:
    """All features of all sounds, each sound in one walk."""
    return {name: measure(each.y, GRID, list(FORMULAS)) for name, each in heard.items()}


@pytest.mark.parametrize("sound", signals.SOUNDING)
@pytest.mark.parametrize("name", FORMULAS)
def test_a_feature_is_what_its_formula_says(
    name: str, sound: str, heard: dict[str, Heard], measured: dict[str, dict[str, np.ndarray]]
) -> None:
    expected = FORMULAS[name](heard[sound])
    assert expected.shape == (GRID.frames,)
    assert expected.any()
    inner = slice(3, -3) if name.startswith(OF_EDGES) else slice(None)
    off = np.abs(measured[sound][name] - expected)[inner].max() / np.abs(expected).max()
    assert off <= OF_ONE_BIN.get(name.split(":")[0], TOLERANCE)


def test_a_tone_is_no_noise_and_noise_is(measured: dict[str, dict[str, np.ndarray]]) -> None:
    assert measured["tone"]["flatness"][4:-4].max() < 0.05 < 0.4 < measured["noise"]["flatness"][4:-4].min()
    assert measured["tone"]["spread"][4:-4].max() < measured["noise"]["spread"][4:-4].min()
    assert measured["tone"]["kurtosis"][4:-4].min() > 5 * measured["noise"]["kurtosis"][4:-4].max()


def test_a_sweep_rises_in_every_feature_that_knows_height(measured: dict[str, dict[str, np.ndarray]]) -> None:
    expected = 50 * 2 ** (8 * (np.arange(GRID.frames) + 0.5) / GRID.frames)
    for name in ("centroid", "rolloff"):
        middle = slice(50, -2)  # hiss weighs on the lowest notes
        assert np.allclose(measured["sweep"][name][middle], expected[middle], rtol=0.12), name
    crossings = measured["sweep"]["zero_crossings"][20:-2] / 2
    assert np.allclose(crossings, expected[20:-2], rtol=0.1, atol=FPS)


def test_events_are_the_hits_and_nothing_else() -> None:
    samples = signals.clicks().astype(np.float32)
    event = measure(samples, GRID, ["event"])["event"]
    assert np.flatnonzero(event).tolist() == sorted(set(np.flatnonzero(samples) // FRAME))
    assert event.max() == 1.0
