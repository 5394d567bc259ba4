"""Hits at the edges: of the sound, where it begins and breaks off, and of the frames."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.spectra.spectrum import Grid

WriteSound = Callable[..., Path]
RATES = [FrameRate(value) for value in (Fraction(24000, 1001), Fraction(24), Fraction(30), Fraction(60))]
SECONDS = 4


def hits(times: list[float], sample_rate: int, kind: str = "click", noise: float = 1e-4) -> np.ndarray:
    """Hits over faint noise; the first sample of each is the moment that counts."""
    random = np.random.default_rng(1)
    samples = noise * random.standard_normal(SECONDS * sample_rate)
    since = np.arange(sample_rate // 8) / sample_rate
    sound = {
        "click": 0.8 * np.cos(2 * np.pi * 1500 * since) * np.exp(-since / 0.004),
        "kick": 0.9 * np.sin(2 * np.pi * (50 * since - 0.8 * np.exp(-since / 0.02))) * np.exp(-since / 0.015),
        "snare": 0.5 * random.standard_normal(len(since)) * np.exp(-since / 0.04),
    }[kind]
    for time in times:
        start = round(time * sample_rate)
        samples[start : start + len(sound)] += sound[: len(samples) - start]
    return samples.astype(np.float32)


def measured(samples: np.ndarray, sample_rate: int, rate: FrameRate, names: list[str]) -> dict[str, np.ndarray]:
    """Features of all frames that the samples begin."""
    frames = -(-samples.shape[-1] * rate.value.numerator // (sample_rate * rate.value.denominator))
    return measure(samples, Grid(rate, frames, sample_rate), names)


@pytest.mark.parametrize(("rate", "sample_rate"), zip(RATES, (44100, 8000, 96000, 192000), strict=True), ids=str)
@pytest.mark.parametrize("milliseconds", [0.0, 1.0, 4.0, 10.0])
@pytest.mark.parametrize("kind", ["click", "kick", "snare"])
def test_a_hit_in_the_first_milliseconds_is_as_strong_as_the_others(
    kind: str, milliseconds: float, sample_rate: int, rate: FrameRate
) -> None:
    times = [milliseconds / 1000, 1.01, 2.02, 3.03]
    found = measured(hits(times, sample_rate, kind), sample_rate, rate, ["event", "onset", "flux", "times:onsets"])
    frames = [int(time * rate.value) for time in times]
    assert np.flatnonzero(found["event"] > 0.3).tolist() == frames
    for name in ("onset", "flux"):
        strengths = found[name][frames]
        assert 0.4 * strengths[1:].mean() < strengths[0] <= 1.001 * strengths[1:].max(), name
    assert abs(found["times:onsets"][0] - times[0]) < 0.002


@pytest.mark.parametrize("sample_rate", [8000, 22050, 48000, 96000])
def test_a_sound_that_was_cut_within_a_note_does_not_flatten_its_hits(sample_rate: int) -> None:
    time = np.arange(SECONDS * sample_rate) / sample_rate
    chord = sum(0.2 * np.sin(2 * np.pi * frequency * time + 1) for frequency in (220, 277.2, 329.6))
    samples = chord + hits([0.83, 1.71, 2.63, 3.31], sample_rate)
    found = measured(samples, sample_rate, RATES[1], ["event", "onset", "flux"])
    for name, values in found.items():
        assert values[0] <= 1.001 * values[1:-1].max(), name
        assert values[-1] < 0.2 * values.max(), name
    assert np.flatnonzero(found["event"][1:] > 0.3).tolist() == [18, 40, 62, 78]


def steady(kind: str, sample_rate: int) -> np.ndarray:
    """Four seconds without a hit."""
    time = np.arange(SECONDS * sample_rate) / sample_rate
    return {
        "tone": lambda: 0.5 * np.sin(2 * np.pi * 440 * time),
        "chord": lambda: 0.2 * sum(np.sin(2 * np.pi * frequency * time) for frequency in (220, 277.2, 329.6)),
        "noise": lambda: 0.1 * np.random.default_rng(2).standard_normal(len(time)),
        "constant": lambda: np.full(len(time), 0.5),
        "bass": lambda: 0.7 * np.sin(2 * np.pi * 41 * time),
        "fading in": lambda: 0.5 * np.sin(2 * np.pi * 440 * time) * np.minimum(time / 2, 1),
    }[kind]().astype(np.float32)  # fmt: skip


@pytest.mark.parametrize(("rate", "sample_rate"), zip(RATES, (44100, 8000, 96000, 22050), strict=True), ids=str)
@pytest.mark.parametrize("after", [0, 24], ids="{} frames of silence follow".format)
@pytest.mark.parametrize("kind", ["tone", "chord", "noise", "constant", "bass", "fading in"])
def test_breaking_off_is_no_hit(kind: str, after: int, sample_rate: int, rate: FrameRate) -> None:
    """At the end of the file, and where the strip ends and the film goes on."""
    sound = steady(kind, sample_rate)
    frames = int(SECONDS * rate.value)
    grid = Grid(rate, frames + after, sample_rate)
    silent = 0.9e-5 * np.random.default_rng(3).standard_normal(after * sample_rate // 10)
    found = measure(np.concatenate([sound, silent.astype(np.float32)]), grid, ["event", "onset", "flux"])
    last = slice(frames - 2, frames + 3)
    assert kind == "noise" or not found["event"][last].any()  # noise is full of little beginnings
    for name in ("onset", "flux"):
        assert found[name][last].max() <= max(0.1 * found[name].max(), 1.5 * found[name][20 : frames - 4].max()), name


@pytest.mark.parametrize("cut", [3.4, 3.52, 3.61, 3.9])
def test_drums_that_break_off_keep_their_hits(cut: float) -> None:
    times = [0.25 * number for number in range(1, 16)]
    samples = hits(times, 44100, "snare", noise=1e-3) + steady("chord", 44100)
    whole, cut_off = (
        measured(part, 44100, RATES[1], ["event"])["event"] for part in (samples, samples[: int(cut * 44100)])
    )
    frames = [int(round(24 * time, 6)) for time in times if time < cut - 0.01]
    assert np.flatnonzero(cut_off > 0.3)[1:].tolist() == frames
    assert np.allclose(cut_off[frames], whole[frames], atol=0.1)


@pytest.mark.parametrize("ahead", [0.002, 0.004, 0.01])
def test_a_hit_just_before_the_end_is_one(ahead: float) -> None:
    samples = hits([1.0, 2.0, SECONDS - ahead], 48000)
    event = measured(samples, 48000, RATES[1], ["event"])["event"]
    assert np.flatnonzero(event > 0.2).tolist() == [24, 48, 95]


def resampled(samples: np.ndarray, before: int, after: int) -> np.ndarray:
    """By a windowed sinc, as players do."""
    divisor = np.gcd(before, after)
    return resample_poly(samples, after // divisor, before // divisor).astype(np.float32)


BEATS = [0.5 * number for number in range(1, 8)]


def off_beat(event: np.ndarray, fps: int) -> tuple[list[int], list[int]]:
    """The frames of the hits, and those in which they should be."""
    return np.flatnonzero(event > 0.2).tolist(), [int(beat * fps) for beat in BEATS]


@pytest.mark.parametrize(("fps", "to"), [(24, 8000), (30, 11025), (60, 22050), (24, 44100), (60, 96000), (30, 192000)])
@pytest.mark.parametrize("kind", ["click", "kick", "snare"])
def test_resampling_leaves_a_hit_on_the_beat_in_its_frame(kind: str, to: int, fps: int) -> None:
    samples = resampled(hits(BEATS, 48000, kind), 48000, to)
    got, expected = off_beat(measured(samples, to, FrameRate(Fraction(fps)), ["event"])["event"], fps)
    assert got == expected


FORMATS = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "ms": ("WAV", "MS_ADPCM"),
}


@pytest.mark.parametrize(("fps", "channels"), [(24, 2), (30, 1), (60, 2)])
@pytest.mark.parametrize("kind", ["click", "kick", "snare"])
@pytest.mark.parametrize("codec", FORMATS)
def test_codecs_leave_a_hit_on_the_beat_in_its_frame(
    tmp_path: Path, codec: str, kind: str, channels: int, fps: int
) -> None:
    container, subtype = FORMATS[codec]
    path = tmp_path / "beat"
    samples = np.repeat(hits(BEATS, 48000, kind)[:, None], channels, axis=1)
    soundfile.write(path, samples, 48000, format=container, subtype=subtype)
    got, expected = off_beat(measure_file(path, FrameRate(Fraction(fps)), ["event"])["event"], fps)
    assert got == expected


def test_a_hit_in_the_last_samples_of_a_frame_stays_there(write_sound: WriteSound) -> None:
    """Only what rings ahead of a hit is put on the border, no hit."""
    for ahead in (1, 2, 4, 8):
        samples = hits([1.0 - ahead / 48000], 48000)
        event = measure_file(write_sound(samples), RATES[1], ["event"])["event"]
        assert np.flatnonzero(event > 0.2).tolist() == [23], ahead
