"""Notes, keys, pitch and sections are heard as they were played."""

from __future__ import annotations

from fractions import Fraction

import librosa
import numpy as np
import pytest
import signals

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.features import harmony
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.sound import Sound
from blender_bend.engine.analysis.spectra.spectrum import Grid

FPS = 25
WINDOW, HOP = 8192, 1920
GRID = Grid(FrameRate(Fraction(FPS)), signals.SECONDS * FPS, signals.SAMPLE_RATE)


def chord(notes: tuple[int, ...], seconds: float = 4.0, sample_rate: int = signals.SAMPLE_RATE) -> np.ndarray:
    """MIDI notes with four partials each."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    tones = (
        np.sin(2 * np.pi * partial * librosa.midi_to_hz(note) * time) / partial
        for note in notes
        for partial in (1, 2, 3, 4)
    )
    return 0.1 * sum(tones)


@pytest.mark.parametrize("sound", ["speech", "noise", "clipped", "sweep"])
def test_chroma_and_tonnetz_are_librosas(sound: str) -> None:
    y = (signals.ALL[sound]() + np.random.default_rng(9).normal(0, 1e-3, signals.SAMPLES)).astype(np.float32)
    padded = np.pad(y, (WINDOW // 2 - HOP // 2, WINDOW))
    spectrum = librosa.stft(padded, n_fft=WINDOW, hop_length=HOP, window=np.hanning(WINDOW), center=False)
    power = np.abs(spectrum)[:, : GRID.frames] ** 2
    chroma = librosa.feature.chroma_stft(S=power, sr=signals.SAMPLE_RATE, n_fft=WINDOW)
    tonnetz = librosa.feature.tonnetz(chroma=chroma, sr=signals.SAMPLE_RATE)
    names = [*(f"chroma:{note}" for note in range(1, 13)), *(f"tonnetz:{axis}" for axis in range(1, 7))]
    measured = measure(y, GRID, names)
    assert np.allclose(np.array([measured[name] for name in names[:12]]), chroma, atol=2e-3)
    assert np.allclose(np.array([measured[name] for name in names[12:]]), tonnetz, atol=2e-3)


@pytest.mark.parametrize("note", [45, 57, 60, 71])
def test_a_note_is_heard_as_its_pitch_class(note: int) -> None:
    time = signals.TIME
    tone = (0.5 * np.sin(2 * np.pi * librosa.midi_to_hz(note) * time)).astype(np.float32)
    measured = measure(tone, GRID, [f"chroma:{number}" for number in range(1, 13)])
    strongest = np.argmax([values[10:-10].mean() for values in measured.values()])
    assert strongest == note % 12


def test_a_scale_has_a_key_and_all_twelve_notes_have_none() -> None:
    rng = np.random.default_rng(1)
    scale = np.concatenate([chord((60 + step,), 0.5) for step in (0, 2, 4, 5, 7, 9, 11, 0)]).astype(np.float32)
    chromatic = (chord(tuple(range(60, 72))) + rng.normal(0, 0.05, signals.SAMPLES)).astype(np.float32)
    in_key, without = (measure(y, GRID, ["key_strength"])["key_strength"][50] for y in (scale, chromatic))
    assert in_key > 0.75 > 0.6 > without


def test_key_strength_is_the_best_correlation_with_the_24_profiles() -> None:
    y = np.concatenate([chord(notes, 1.0) for notes in ((57, 60, 64), (62, 65, 69), (52, 56, 59), (57, 60, 64))])
    notes = harmony.chromas(Sound(y.astype(np.float32), GRID)).mean(axis=0)
    profiles = [np.roll(profile, key) for profile in (harmony.MAJOR, harmony.MINOR) for key in range(12)]
    expected = max(np.corrcoef(notes, profile)[0, 1] for profile in profiles)
    assert abs(measure(y.astype(np.float32), GRID, ["key_strength"])["key_strength"][50] - expected) < 1e-5


def test_a_melody_is_followed_and_held_in_the_pauses() -> None:
    sample_rate = 44100
    notes, pause = [], np.zeros(sample_rate // 4)
    for note in (57, 64, 69):
        notes += [chord((note,), 0.75, sample_rate), pause]
    y = (np.concatenate(notes) + np.random.default_rng(1).normal(0, 1e-4, 3 * sample_rate)).astype(np.float32)
    measured = measure(y, Grid(FrameRate(Fraction(24)), 72, sample_rate), ["pitch", "voicing"])
    for number, note in enumerate((57, 64, 69)):
        sung, held = slice(24 * number + 4, 24 * number + 14), slice(24 * number + 20, 24 * number + 23)
        assert np.allclose(measured["pitch"][sung], librosa.midi_to_hz(note), rtol=0.02)
        assert np.allclose(measured["pitch"][held], librosa.midi_to_hz(note), rtol=0.1)
        assert measured["voicing"][sung].mean() > 2 * measured["voicing"][held].mean()


def test_speech_is_followed_as_librosa_follows_it_across_the_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    y = signals.speech().astype(np.float32)
    whole = measure(y, GRID, ["pitch", "voicing"])
    monkeypatch.setattr(harmony, "PITCH_BLOCK_SECONDS", 1.5)
    blocks = measure(y, GRID, ["pitch", "voicing"])
    assert np.mean(np.abs(blocks["pitch"] / whole["pitch"] - 1) < 0.01) > 0.95
    assert np.abs(blocks["voicing"] - whole["voicing"]).mean() < 0.01
    assert 60 < np.median(whole["pitch"]) < 250


def test_the_sections_of_a_song_are_found() -> None:
    sample_rate, random = 22050, np.random.default_rng(3)

    def part(notes: tuple[int, ...], hiss: float) -> np.ndarray:
        sound = np.concatenate([chord(notes, 0.5, sample_rate) * np.linspace(1, 0.3, sample_rate // 2)] * 24)
        return sound + random.normal(0, hiss, len(sound))

    song = np.concatenate([part((48, 55, 64), 1e-3), part((53, 57, 72), 0.05), part((48, 55, 64), 1e-3)])
    grid = Grid(FrameRate(Fraction(24)), 36 * 24, sample_rate)
    measured = measure(song.astype(np.float32), grid, ["times:sections", "section", "novelty"])
    assert np.allclose(measured["times:sections"], [0, 12, 24], atol=0.5)
    assert [int(measured["section"][second * 24]) for second in (2, 10, 14, 22, 26, 34)] == [0, 0, 1, 1, 2, 2]
    peak = measured["novelty"][[12 * 24, 24 * 24]].min()
    assert peak > 3 * np.median(measured["novelty"])


def test_noise_alone_is_one_section() -> None:
    noise = np.random.default_rng(4).normal(0, 0.1, 22050 * 40).astype(np.float32)
    grid = Grid(FrameRate(Fraction(24)), 40 * 24, 22050)
    measured = measure(noise, grid, ["times:sections", "section"])
    assert measured["times:sections"].tolist() == [0.0] and not measured["section"].any()
