"""The harmonic and the percussive part: librosa's, in blocks that leave no seam."""

from __future__ import annotations

from fractions import Fraction

import librosa
import numpy as np
import pytest
import signals

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.settings import Settings
from blender_bend.engine.analysis.spectra import parts
from blender_bend.engine.analysis.spectra.spectrum import Grid

GRID = Grid(FrameRate(Fraction(24)), 96, signals.SAMPLE_RATE)


def both() -> np.ndarray:
    """A tone and drums."""
    return (0.4 * signals.tone() + 0.6 * signals.drums()).astype(np.float32)


def test_blocks_give_what_the_whole_sound_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "BLOCK", 50)
    monkeypatch.setattr(parts, "kept", {})
    harmonic = parts.harmonic(both(), GRID, Settings())
    assert np.allclose(harmonic, librosa.effects.harmonic(both()), atol=1e-5)
    assert np.allclose(both() - harmonic, librosa.effects.percussive(both()), atol=1e-4)


def test_a_tone_is_harmonic_and_drums_are_percussive() -> None:
    names = ["harmonic/rms", "percussive/rms", "harmonic/centroid", "percussive/band:4000-20000", "band:4000-20000"]
    measured = measure(both(), GRID, names)
    quiet = slice(2, 95)
    assert np.median(measured["harmonic/rms"][quiet]) > 3 * np.median(measured["percussive/rms"][quiet])
    assert np.allclose(measured["percussive/band:4000-20000"].max(), measured["band:4000-20000"].max(), rtol=0.1)
    alone = measure((0.4 * signals.tone()).astype(np.float32), GRID, ["rms"])["rms"]
    assert np.allclose(np.median(measured["harmonic/rms"][quiet]), np.median(alone), rtol=0.1)


def test_a_part_is_separated_once_for_all_its_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "kept", {})
    said: list[str] = []
    names = ["percussive/rms", "harmonic/chroma:1", "percussive/onset", "harmonic/rms", "rms"]
    measured = measure(both(), GRID, names, Settings(phase=said.append))
    assert list(measured) == names
    assert said.count(parts.PHASE) == 1
    for name in names:
        again = measure(both(), GRID, [name], Settings(phase=said.append))
        assert np.array_equal(again[name], measured[name]), name
    assert said.count(parts.PHASE) == 1, "the same sound is not separated again for another feature"
    measure(both()[:96000], GRID, names[:1], Settings(phase=said.append))
    assert said.count(parts.PHASE) == 2
