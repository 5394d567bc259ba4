"""Analysing sound files: odd files, clear failures, and the cache."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from sounds import EVERY

from blender_bend.core.errors import BendError, Code
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file

RATE = FrameRate(Fraction(24))
WriteSound = Callable[..., Path]


@pytest.fixture
def music() -> np.ndarray:
    """Two seconds of a chord that swells, with a little noise."""
    time = np.arange(96000) / 48000
    chord = sum(np.sin(2 * np.pi * frequency * time) for frequency in (110, 277, 660, 1320))
    noise = np.random.default_rng(1).normal(0, 0.1, 96000)
    return (0.15 * time * (chord + noise)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "channels"),
    [("a.wav", subtype, channels) for subtype in ("PCM_16", "PCM_24", "FLOAT") for channels in (1, 2, 6)]
    + [("a.flac", "PCM_16", channels) for channels in (1, 2, 6)]
    + [("a.ogg", "VORBIS", channels) for channels in (1, 2)],  # Vorbis cuts the sixth channel down to its bass
)
def test_every_usual_file_is_heard_alike(
    write_sound: WriteSound, music: np.ndarray, name: str, subtype: str, channels: int
) -> None:
    path = write_sound(np.repeat(music[:, None], channels, axis=1), name=name, subtype=subtype)
    loudness = measure_file(path, RATE, ["rms"])["rms"]
    plain = measure_file(write_sound(music, name="plain.wav"), RATE, ["rms"])["rms"]
    assert loudness.shape == (48,)
    assert np.allclose(loudness, plain, atol=0.01)


def test_channels_are_measured_by_their_energy(write_sound: WriteSound, music: np.ndarray) -> None:
    left_only = write_sound(np.stack([music, np.zeros_like(music)], axis=1), name="left.wav")
    both = write_sound(music, name="both.wav")
    loudness = [measure_file(path, RATE, ["rms"])["rms"] for path in (left_only, both)]
    assert np.allclose(np.sqrt(2) * loudness[0], loudness[1], rtol=1e-3)


@pytest.mark.parametrize(
    "samples", [np.zeros(48000), np.zeros(0), np.full(48000, 1e-6)], ids=["zeros", "empty", "tiny"]
)
def test_silence_is_reported(write_sound: WriteSound, samples: np.ndarray) -> None:
    with pytest.raises(BendError) as caught:
        measure_file(write_sound(samples), RATE, ["rms"])
    assert caught.value.code == Code.SOUND_SILENT
    assert caught.value.hint


@pytest.mark.parametrize("name", ["gone.wav", "."])
def test_a_missing_file_is_reported(tmp_path: Path, name: str) -> None:
    with pytest.raises(BendError) as caught:
        measure_file(tmp_path / name, RATE, ["rms"])
    assert caught.value.code == Code.SOUND_MISSING


@pytest.mark.parametrize("name", ["sound.wav", "sound.mp3", "sound.flac", "sound.raw", "sound"])
@pytest.mark.parametrize(
    "content", [b"", b"this is no sound" * 100, b"RIFF\x00\x00\x00\x00WAVE"], ids=["empty", "text", "cut"]
)
def test_an_undecodable_file_is_reported_by_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BendError) as caught:
        measure_file(tmp_path / name, RATE, ["rms"])
    assert caught.value.code == Code.SOUND_UNREADABLE
    assert name in caught.value.message


def test_a_picture_is_no_sound(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "picture.png")
    with pytest.raises(BendError) as caught:
        measure_file(tmp_path / "picture.png", RATE, ["rms"])
    assert caught.value.code == Code.SOUND_UNREADABLE


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_become_silence(write_sound: WriteSound, music: np.ndarray, hole: float) -> None:
    broken, mended = music.copy(), music.copy()
    broken[30000:30100], mended[30000:30100] = hole, 0.0
    measured = measure_file(write_sound(broken, name="broken.wav"), RATE, list(EVERY))
    expected = measure_file(write_sound(mended, name="mended.wav"), RATE, list(EVERY))
    for name in EVERY:
        assert np.array_equal(measured[name], expected[name]), name


@pytest.mark.parametrize("samples", [1, 2, 63, 2000])
@pytest.mark.parametrize("rate", [Fraction(24), Fraction(60), Fraction(120), Fraction(240)], ids=str)
def test_a_very_short_file_is_measured(write_sound: WriteSound, rate: Fraction, samples: int) -> None:
    measured = measure_file(write_sound(np.full(samples, 0.5)), FrameRate(rate), list(EVERY))
    assert all(np.isfinite(feature).all() for feature in measured.values())
    assert {len(feature) for feature in measured.values()} == {-(-samples * rate // 48000)}


def test_there_is_a_value_for_every_begun_frame(write_sound: WriteSound, music: np.ndarray) -> None:
    assert len(measure_file(write_sound(music[:48001]), RATE, ["rms"])["rms"]) == 25


@pytest.mark.parametrize("frames", [1, 20, 48, 100])
def test_the_number_of_frames_cuts_or_pads(write_sound: WriteSound, music: np.ndarray, frames: int) -> None:
    path = write_sound(music)
    asked, all_of_it = (measure_file(path, RATE, list(EVERY), frames=count) for count in (frames, None))
    assert {len(feature) for feature in asked.values()} == {frames}
    common = min(frames, 46)
    for name in ("rms", "centroid", "low", "mid", "high"):
        assert np.array_equal(asked[name][:common], all_of_it[name][:common]), name
        assert not asked[name][50:].any(), name


def test_the_cache_gives_the_same_arrays(write_sound: WriteSound, music: np.ndarray, tmp_path: Path) -> None:
    path, cache = write_sound(music), tmp_path / "cache"
    first, second = (measure_file(path, RATE, list(EVERY), cache=cache) for _ in range(2))
    uncached = measure_file(path, RATE, list(EVERY))
    for name in EVERY:
        assert np.array_equal(first[name], uncached[name])
        assert np.array_equal(second[name], uncached[name])


def test_what_is_in_the_cache_is_not_measured_again(write_sound: WriteSound, music: np.ndarray, tmp_path: Path) -> None:
    path, cache = write_sound(music), tmp_path / "cache"
    measure_file(path, RATE, ["rms"], cache=cache)
    (kept,) = cache.iterdir()
    np.save(kept, np.full(48, 123.0, dtype=np.float32))
    again = measure_file(path, RATE, ["rms", "centroid"], cache=cache)
    assert np.all(again["rms"] == 123.0)
    assert not np.any(again["centroid"] == 123.0)


def test_the_cache_knows_content_not_names(write_sound: WriteSound, music: np.ndarray, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    measure_file(write_sound(music, name="one.wav"), RATE, ["rms"], cache=cache)
    measure_file(write_sound(music, name="other.wav"), RATE, ["rms"], cache=cache)
    assert len(list(cache.iterdir())) == 1
    louder = measure_file(write_sound(2 * music, name="one.wav"), RATE, ["rms"], cache=cache)["rms"]
    assert np.allclose(louder, 2 * measure_file(write_sound(music, name="one.wav"), RATE, ["rms"])["rms"], rtol=1e-4)


@pytest.mark.parametrize(
    "change", [{"rate": FrameRate(Fraction(25))}, {"frames": 40}, {"sample_rate": 44100}], ids=["fps", "frames", "Hz"]
)
def test_another_rate_or_length_is_another_entry(
    write_sound: WriteSound, music: np.ndarray, tmp_path: Path, change: dict[str, object]
) -> None:
    cache = tmp_path / "cache"
    measure_file(write_sound(music), RATE, ["rms"], frames=48, cache=cache)
    usual = {"rate": RATE, "frames": 48, "sample_rate": 48000, **change}
    path = write_sound(music, sample_rate=usual["sample_rate"])
    found = measure_file(path, usual["rate"], ["rms"], frames=usual["frames"], cache=cache)["rms"]
    assert np.array_equal(found, measure_file(path, usual["rate"], ["rms"], frames=usual["frames"])["rms"])
    assert len(list(cache.iterdir())) == 2


def test_an_unknown_feature_is_refused_and_nothing_is_kept(
    write_sound: WriteSound, music: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(BendError) as caught:
        measure_file(write_sound(music), RATE, ["smell"], cache=tmp_path / "cache")
    assert caught.value.code == Code.PARAMETER_INVALID
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 44100, 96000, 192000])
def test_every_usual_sample_rate_is_heard(write_sound: WriteSound, sample_rate: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(sample_rate) / sample_rate)
    path = write_sound(tone, sample_rate=sample_rate)
    assert soundfile.info(path).samplerate == sample_rate
    measured = measure_file(path, RATE, ["rms", "centroid"])
    assert np.allclose(measured["rms"][4:-4], 0.3536, rtol=0.03)
    assert np.allclose(measured["centroid"][4:-4], 440, rtol=0.05)
