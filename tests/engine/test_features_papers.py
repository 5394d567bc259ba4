"""The papers' features agree with a plain transcription of their definitions, frame by frame."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import signals

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.spectra.spectrum import Grid

NAMES = ("paper_rms", "paper_centroid", "paper_spread", "paper_skewness", "paper_kurtosis", "paper_flux")


def transcribed(x: np.ndarray, sample_rate: int, fps: Fraction, frames: int) -> dict[str, list[float]]:
    """Network-bending reference, 4.1: hop = window = one frame, rectangular, next power of two, magnitude."""
    bounds = [math.floor(i * sample_rate / fps) for i in range(frames + 1)]
    size = 1
    while size < max(end - start for start, end in pairwise(bounds)):
        size *= 2
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    before = None
    for start, end in pairwise(bounds):
        frame = x[start:end].astype(np.float64)
        a = np.abs(np.fft.rfft(frame, n=size))
        f = np.fft.rfftfreq(size, 1 / sample_rate)
        centroid = sum(f * a) / sum(a) if sum(a) else 0.0
        spread = math.sqrt(sum(a * (f - centroid) ** 2) / sum(a)) if sum(a) else 0.0
        found["paper_rms"].append(math.sqrt(np.mean(frame**2)))
        found["paper_centroid"].append(centroid)
        found["paper_spread"].append(spread)
        found["paper_skewness"].append(sum(a * (f - centroid) ** 3) / (spread**3 * sum(a)) if spread else 0.0)
        found["paper_kurtosis"].append(sum(a * (f - centroid) ** 4) / (spread**4 * sum(a)) if spread else 0.0)
        found["paper_flux"].append(0.0 if before is None else sum(abs(a - before)))
        before = a
    return found


@pytest.mark.parametrize(
    ("sample_rate", "fps"),
    [(48000, Fraction(20)), (44100, Fraction(20)), (44100, Fraction(24)), (48000, Fraction(30000, 1001))],
    ids=str,
)
@pytest.mark.parametrize("sound", [*signals.SOUNDING, "silence"])
def test_they_agree_to_a_millionth(sound: str, sample_rate: int, fps: Fraction) -> None:
    samples = signals.ALL[sound]()[:sample_rate].astype(np.float32)
    frames = math.floor(fps)
    measured = measure(samples, Grid(FrameRate(fps), frames, sample_rate), list(NAMES))
    for name, expected in transcribed(samples, sample_rate, fps, frames).items():
        # Features travel as 32-bit floats: 6e-8 of that is theirs.
        assert np.allclose(measured[name], expected, rtol=1e-6, atol=1e-12), name


def test_a_frame_after_the_end_is_silent() -> None:
    samples = np.full(1000, 0.5, dtype=np.float32)
    for name, values in measure(samples, Grid(FrameRate(Fraction(20)), 5, 44100), list(NAMES)).items():
        assert np.isfinite(values).all(), name
        assert not values[2:].any(), name
