"""No sound, however odd, gives anything but numbers, for any feature at any frame rate."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import signals
from sounds import EVERY, MOMENTS

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.spectra.spectrum import Grid

SLOW = ("pitch", "voicing")
NAMES = [name for name in EVERY if name not in SLOW]
PARTS = ["percussive/rms", "percussive/onset", "harmonic/chroma:10", "harmonic/kurtosis", "percussive/event"]


@pytest.mark.parametrize("sound", signals.ALL)
@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(60)], ids=str)
def test_every_feature_is_finite(sound: str, fps: Fraction) -> None:
    samples = signals.ALL[sound]()[: 3 * signals.SAMPLE_RATE].astype(np.float32)
    frames = max(1, int(len(samples) * fps / signals.SAMPLE_RATE))
    names = [*NAMES, *MOMENTS, *(PARTS + list(SLOW) if fps == 24 else [])]
    for name, values in measure(samples, Grid(FrameRate(fps), frames, signals.SAMPLE_RATE), names).items():
        assert np.isfinite(values).all(), name
        assert name in MOMENTS or values.shape == (frames,), name


def test_silence_has_no_level_no_hits_and_no_notes() -> None:
    grid = Grid(FrameRate(Fraction(24)), 48, signals.SAMPLE_RATE)
    measured = measure(signals.silence()[:96000].astype(np.float32), grid, [*NAMES, "times:onsets"])
    for name in ("rms", "peak", "crest", "onset", "event", "flux", "chroma:2", "key_strength", "centroid", "flatness"):
        assert not measured[name].any(), name
    assert measured["mel:2"].max() == -80 and measured["loudness"].max() == -70 and not len(measured["times:onsets"])


def test_holes_in_a_file_are_silence_for_every_feature(write_sound: Callable[..., Path]) -> None:
    holed = signals.drums()[:96000].astype(np.float32)
    mended = holed.copy()
    holed[20000:20100], mended[20000:20100] = np.nan, 0
    rate = FrameRate(Fraction(24))
    first = measure_file(write_sound(holed, name="holed.wav"), rate, [*NAMES, *MOMENTS])
    second = measure_file(write_sound(mended, name="mended.wav"), rate, [*NAMES, *MOMENTS])
    assert all(np.array_equal(first[name], second[name]) for name in first)
