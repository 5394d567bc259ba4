"""Perceived loudness is that of ITU-R BS.1770-5 at any sample rate."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.features.levels import k_weighting
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.spectra.spectrum import Grid


def loudness(samples: np.ndarray, sample_rate: int, fps: Fraction = Fraction(24)) -> np.ndarray:
    """LUFS on every frame."""
    frames = int(len(samples) / sample_rate * fps)
    return measure(samples.astype(np.float32), Grid(FrameRate(fps), frames, sample_rate), ["loudness"])["loudness"]


def sine(frequency: float, sample_rate: int, seconds: float = 2.0) -> np.ndarray:
    """At full scale."""
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * sample_rate)) / sample_rate)


def test_the_filters_at_48_khz_are_those_of_the_standard() -> None:
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    high_pass = [1, -2, 1, 1, -1.99004745483398, 0.99007225036621]
    assert np.allclose(k_weighting(48000), [shelf, high_pass], atol=1e-8)


@pytest.mark.parametrize("sample_rate", [16000, 22050, 44100, 48000, 96000, 192000])
def test_997_hz_at_full_scale_reads_3_01_below(sample_rate: int) -> None:
    assert np.allclose(
        loudness(sine(997, sample_rate), sample_rate)[10:-10], -3.01, atol=0.05
    )  # a meter may be 0.1 off


def test_half_the_amplitude_is_6_02_lower_and_silence_70() -> None:
    samples = np.concatenate([0.5 * sine(997, 48000), np.zeros(48000 * 2)])
    measured = loudness(samples, 48000)
    assert np.allclose(measured[10:38], -9.03, atol=0.02)
    assert np.all(measured[-30:] == -70)


def test_it_lasts_the_400_ms_of_a_momentary_meter_about_the_moment() -> None:
    samples = np.zeros(48000 * 4)
    samples[96000:96480] = sine(997, 48000, 0.01)
    measured = loudness(samples, 48000, Fraction(100))
    heard = np.flatnonzero(measured > measured.max() - 0.5)
    assert abs(len(heard) - 40) <= 1
    assert abs(heard.mean() + 0.5 - 200.5) <= 1


def test_ears_hear_bass_less_and_treble_more() -> None:
    bass, middle, treble = (loudness(sine(frequency, 48000), 48000)[24] for frequency in (30, 997, 6000))
    assert bass < middle - 3 and treble > middle + 3
