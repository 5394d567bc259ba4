"""Sounds for the tests: clicks at known times, tones, and a wav writer that needs numpy only."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from blender_bend.core.sound.features import FEATURES, PLAIN

#: A spelling of every feature that is measured of sound alone, and of the moments.
EVERY = (
    *PLAIN,
    *(f"{feature.name}:{feature.first + 1}" for feature in FEATURES if feature.which and feature.family in {
        "Spectrum", "Bands", "Rhythm", "Harmony"
    }),
    "band:200-800",
)  # fmt: skip
MOMENTS = ("times:beats", "times:bars", "times:onsets", "times:sections")


def write_wav(path: Path, samples: np.ndarray, sample_rate: int) -> Path:
    """Write samples of shape (samples,) or (samples, channels), -1...1, as 16-bit wav."""
    samples = np.atleast_2d(samples.T).T
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def tone(seconds: float, sample_rate: int, frequency: float = 440.0, level: float = 0.5) -> np.ndarray:
    """A sine."""
    return level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * sample_rate)) / sample_rate)


def clicks(seconds: float, sample_rate: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Short decaying bursts at irregular times, 0.25 to 0.9 s apart, over faint noise.

    Returns
    -------
    samples : shape (samples,)
    starts : the sample at which each click begins
    """
    random = np.random.default_rng(seed)
    times = np.cumsum(random.uniform(0.25, 0.9, int(seconds * 4) + 1))
    starts = (times[times < seconds - 0.3] * sample_rate).astype(np.int64)
    samples = 1e-4 * random.standard_normal(int(seconds * sample_rate))
    time = np.arange(int(0.02 * sample_rate)) / sample_rate
    click = 0.8 * np.cos(2 * np.pi * 1500 * time) * np.exp(-time / 0.004)
    for start in starts:
        samples[start : start + len(click)] += click
    return samples, starts
