"""Songs in other tunings: which A is meant cannot be heard, but each note keeps a pitch class to itself."""

from __future__ import annotations

from fractions import Fraction

import librosa
import numpy as np
import pytest

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.spectra.spectrum import Grid

SAMPLE_RATE, FPS = 44100, 24
CHORDS = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (69, 72, 76))
NAMES = [f"chroma:{number}" for number in range(1, 13)]


def song(a4: float) -> np.ndarray:
    """C, F, G and A minor for a second each, three partials a note, with A at so many Hz."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    hertz = [[librosa.midi_to_hz(note) * a4 / 440 for note in chord] for chord in CHORDS]
    return np.concatenate(
        [0.1 * sum(np.sin(2 * np.pi * f * n * time) / n for f in chord for n in (1, 2, 3)) for chord in hertz]
    ).astype(np.float32)


@pytest.mark.parametrize(
    "a4", [415.3, 418.0, 423.0, 427.0, 428.0, 432.0, 435.0, 440.0, 446.0, 452.0, 454.0, 460.0, 466.2]
)
def test_every_note_of_a_song_moves_to_the_nearest_pitch_class_by_one_shift(a4: float) -> None:
    """A at 427 Hz is 52 cents below 440 Hz and 48 above G sharp, 415.3 Hz: as a G sharp it is nearer."""
    shift = round(12 * np.log2(a4 / 440))
    measured = measure(song(a4), Grid(FrameRate(Fraction(FPS)), 4 * FPS, SAMPLE_RATE), NAMES)
    chroma = np.array([measured[name] for name in NAMES])
    for second, chord in enumerate(CHORDS):
        heard = chroma[:, second * FPS + 4 : (second + 1) * FPS - 4].mean(axis=1)
        order = np.argsort(heard)[::-1]
        assert set(order[:3]) == {(note + shift) % 12 for note in chord}
        assert heard[order[2]] > 3 * heard[order[3]]
