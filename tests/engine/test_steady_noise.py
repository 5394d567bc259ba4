"""Steady noise begins once; whatever begins within it is heard if it rises out of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file

SLOPES = {"white": 0.0, "pink": -0.5, "brown": -1.0, "blue": 0.5}


def noise(color: str, seconds: float, sample_rate: int, seed: int, low: float = 0, high: float = np.inf) -> np.ndarray:
    """Noise of a color between two frequencies, with a standard deviation of 0.1."""
    count = round(seconds * sample_rate)
    wave = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / sample_rate)
    wave *= np.maximum(hertz, 20.0) ** SLOPES[color]
    wave[(hertz < low) | (hertz > high)] = 0.0
    samples = np.fft.irfft(wave, count)
    return 0.1 * samples / samples.std()


def measured(samples: np.ndarray, sample_rate: int, folder: Path, fps: str = "24") -> dict[str, np.ndarray]:
    soundfile.write(folder / "sound.wav", samples.T, sample_rate, subtype="FLOAT")
    return measure_file(folder / "sound.wav", FrameRate.parse(fps), ["times:onsets", "event"])


def drummed(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With a drum of 180 Hz every two seconds, and when it is struck."""
    ring = np.arange(4410) / 44100
    hits = np.arange(1.0, len(samples) / 44100 - 1, 2.0)
    for second in hits:
        begin = round(second * 44100)
        samples[begin : begin + 4410] += 0.8 * np.sin(2 * np.pi * 180 * ring) * np.exp(-ring / 0.05)
    return samples, hits


def begins_once(found: dict[str, np.ndarray]) -> None:
    assert (found["times:onsets"] < 0.05).all(), found["times:onsets"]
    assert not found["event"][2:].any()


@pytest.mark.parametrize("seconds", [4, 25])
@pytest.mark.parametrize(("sample_rate", "fps"), [(22050, "12"), (44100, "24"), (48000, "60")])
@pytest.mark.parametrize("color", SLOPES)
def test_noise_of_any_color_begins_once(color, sample_rate, fps, seconds, tmp_path) -> None:
    begins_once(measured(noise(color, seconds, sample_rate, 5), sample_rate, tmp_path, fps))


@pytest.mark.parametrize("band", [(0.0, 1000.0), (900.0, 1100.0), (2000.0, 9000.0)])
@pytest.mark.parametrize("loudness", [1.0, 1e-3])
def test_noise_of_a_band_begins_once(band, loudness, tmp_path) -> None:
    begins_once(measured(loudness * noise("white", 12, 44100, 6, *band), 44100, tmp_path))


def test_noise_in_two_channels_begins_once(tmp_path) -> None:
    begins_once(measured(np.stack([noise("pink", 12, 44100, seed) for seed in (7, 8)]), 44100, tmp_path))


@pytest.mark.parametrize("decibels", [-20, -10])
def test_a_hit_that_rises_out_of_the_noise_is_heard(decibels, tmp_path) -> None:
    samples, hits = drummed(10 ** (decibels / 20) * noise("pink", 30, 44100, 9))
    found = measured(samples, 44100, tmp_path)["times:onsets"]
    assert all(np.abs(found - second).min() < 0.03 for second in hits)


def test_a_hit_between_two_minutes_of_noise_is_found_and_nothing_far_from_it(tmp_path) -> None:
    samples = noise("white", 120, 22050, 10)
    samples[60 * 22050 :][:2000] += np.sin(2 * np.pi * 300 * np.arange(2000) / 22050) * np.linspace(3, 0, 2000)
    found = measured(samples, 22050, tmp_path)["times:onsets"]
    assert np.abs(found - 60).min() < 0.03
    assert (np.abs(found[found > 0.05] - 60) <= 10).all()


@pytest.mark.parametrize("seconds", [0.05, 0.3, 1.0])
def test_a_sound_shorter_than_a_passage_is_judged_as_it_is(seconds, tmp_path) -> None:
    samples = np.zeros(round(seconds * 44100))
    samples[len(samples) // 2 :][:400] = 0.5 * np.sin(np.arange(min(400, len(samples) - len(samples) // 2)) / 5)
    assert len(measured(samples, 44100, tmp_path)["times:onsets"]) == 1
