"""What is heard is measured: the energy of all channels, and each of them alone."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import signals
from sounds import EVERY, MOMENTS, clicks

from blender_bend.core.errors import BendError, Code
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file
from blender_bend.engine.analysis.measures import measure
from blender_bend.engine.analysis.reading.channels import of as channel_of
from blender_bend.engine.analysis.reading.sound_file import SILENCE, mono
from blender_bend.engine.analysis.spectra.spectrum import Grid

WriteSound = Callable[..., Path]
RATE = FrameRate(Fraction(24))
GRID = Grid(RATE, 96, signals.SAMPLE_RATE)
SLOW = ("pitch", "voicing")
NAMES = [name for name in EVERY if name not in SLOW]
PARTED = [*NAMES, "percussive/onset", "harmonic/rms"]


@pytest.fixture(scope="module")
def drums() -> np.ndarray:
    """A kick and a hi-hat over a little noise, shape (samples,)."""
    return (signals.drums() + 0.01 * signals.noise()).astype(np.float32)


def test_equal_channels_are_measured_as_one(write_sound: WriteSound, drums: np.ndarray) -> None:
    one = measure_file(write_sound(drums, name="one.wav"), RATE, [*NAMES, *MOMENTS])
    for channels in (2, 6):
        several = measure_file(write_sound(np.repeat(drums[:, None], channels, axis=1)), RATE, [*NAMES, *MOMENTS])
        assert all(np.array_equal(one[name], several[name]) for name in one)


@pytest.mark.parametrize("share", [1.0, 0.98, 0.5])
def test_opposite_channels_are_heard_like_equal_ones(drums: np.ndarray, share: float) -> None:
    alike, opposite = (measure(np.stack([drums, sign * np.float32(share) * drums]), GRID, PARTED) for sign in (1, -1))
    for name in PARTED:
        if not name.startswith("paper_") and name != "zero_crossings":
            assert np.allclose(opposite[name], alike[name], rtol=1e-3, atol=1e-3 * np.abs(alike[name]).max()), name


def test_opposite_channels_have_a_pitch_and_the_papers_features() -> None:
    tone = signals.tone().astype(np.float32)
    found = measure(np.stack([tone, -tone]), GRID, ["pitch", "voicing", "paper_rms", "paper_centroid"])
    assert np.median(found["pitch"]) == pytest.approx(440, rel=0.01)
    assert np.median(found["paper_rms"]) == pytest.approx(0.3536, rel=0.01)


def test_opposite_channels_of_a_16_bit_file_have_their_hits_and_no_other(write_sound: WriteSound) -> None:
    samples, starts = clicks(6, 44100)
    path = write_sound(np.stack([samples, -samples], axis=1), sample_rate=44100, subtype="PCM_16")
    found = measure_file(path, RATE, ["times:onsets", "mid/event", "side/event", "mid/rms"])
    assert np.allclose(found["times:onsets"], starts / 44100, atol=1e-3)
    assert not found["mid/event"].any() and not found["mid/rms"].any()
    assert np.flatnonzero(found["side/event"] > 0.2).tolist() == RATE.frame_of(starts, 44100).tolist()


def test_levels_are_the_energy_of_the_channels() -> None:
    tone = signals.tone().astype(np.float32)
    found = measure(np.stack([tone, 0 * tone]), GRID, ["rms", "peak", "loudness", "zero_crossings", "centroid"])
    alone = measure(tone, GRID, ["rms", "peak", "loudness", "zero_crossings", "centroid"])
    inner = slice(10, -10)
    assert np.allclose(found["rms"][inner], alone["rms"][inner] / np.sqrt(2), rtol=1e-4)
    assert np.allclose(found["loudness"][inner], alone["loudness"][inner] - 3.01, atol=0.01)
    for name in ("peak", "zero_crossings", "centroid"):
        assert np.allclose(found[name][inner], alone[name][inner], rtol=1e-3), name


def test_every_feature_is_measured_of_every_channel(drums: np.ndarray) -> None:
    """Each as if that channel were the whole sound."""
    left, right = drums, 0.5 * signals.noise().astype(np.float32)
    alone = {"left": left, "right": right, "mid": (left + right) / 2, "side": (left - right) / 2}
    names = [*NAMES, "percussive/onset", "harmonic/chroma:1"]
    found = measure(np.stack([left, right]), GRID, [f"{channel}/{name}" for channel in alone for name in names])
    for channel, samples in alone.items():
        expected = measure(samples.astype(np.float32), GRID, names)
        for name in names:
            assert np.array_equal(found[f"{channel}/{name}"], expected[name]), f"{channel}/{name}"


def test_left_right_and_mid_of_a_mono_sound_are_the_sound_and_its_side_is_silent(drums: np.ndarray) -> None:
    found = measure(drums, GRID, ["rms", "left/rms", "right/rms", "mid/rms", "side/rms", "side/onset", "side/centroid"])
    for name in ("left/rms", "right/rms", "mid/rms"):
        assert np.array_equal(found[name], found["rms"]), name
    assert not any(found[name].any() for name in ("side/rms", "side/onset", "side/centroid"))


def test_a_hit_on_any_of_six_channels_is_found() -> None:
    samples = 1e-4 * np.random.default_rng(4).standard_normal((6, 4 * 48000)).astype(np.float32)
    for channel in range(6):
        samples[channel, (24 + 10 * channel) * 2000 + 700] += 0.9 * (-1) ** channel
    event = measure(samples, GRID, ["event"])["event"]
    assert np.flatnonzero(event > 0.5).tolist() == [24, 34, 44, 54, 64, 74]


@pytest.mark.parametrize("part", ["left", "side", "right/percussive"])
def test_channels_are_kept_apart_in_the_cache(
    write_sound: WriteSound, drums: np.ndarray, tmp_path: Path, part: str
) -> None:
    path = write_sound(np.stack([drums, drums[::-1]], axis=1))
    names, cache = ["rms", f"{part}/rms"], tmp_path / "cache"
    first, second = (measure_file(path, RATE, names, cache=cache) for _ in range(2))
    assert len(list(cache.iterdir())) == 2 and not np.array_equal(first["rms"], first[f"{part}/rms"])
    assert all(np.array_equal(first[name], second[name]) for name in names)


def test_midi_has_no_channel_of_the_sound(drums: np.ndarray) -> None:
    with pytest.raises(BendError) as caught:
        measure(drums, GRID, ["left/midi_velocity"])
    assert caught.value.code == Code.PARAMETER_INVALID


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_the_noise_of_rounding_is_silence(write_sound: WriteSound, subtype: str) -> None:
    random = np.random.default_rng(5)
    dither = (random.uniform(-1, 1, (48000, 2)) + random.uniform(-1, 1, (48000, 2))) / 2**16
    with pytest.raises(BendError) as caught:
        measure_file(write_sound(dither, subtype=subtype), RATE, ["rms"])
    assert caught.value.code == Code.SOUND_SILENT


def test_music_at_80_db_below_full_scale_is_none(write_sound: WriteSound, drums: np.ndarray) -> None:
    quiet = drums / np.abs(drums).max() * 1e-4
    assert np.abs(quiet).max() > SILENCE
    names = ["event", "times:onsets"]
    loud, found = (measure_file(write_sound(samples), RATE, names) for samples in (drums, quiet))
    assert np.array_equal(loud["event"] > 0.5, found["event"] > 0.5)


def test_one_wave_of_a_sound_is_the_mean_unless_that_cancels() -> None:
    left, right = np.random.default_rng(6).standard_normal((2, 1000)).astype(np.float32)
    assert np.array_equal(mono(np.stack([left, right])), (left + right) / 2)
    assert np.array_equal(mono(np.stack([left, -left])), left)
    assert np.array_equal(mono(left[None]), left)


@pytest.mark.parametrize("channel", ["left", "right", "mid", "side"])
@pytest.mark.parametrize("silent", [False, True])
def test_choosing_a_channel_takes_memory_for_one_at_most(channel: str, silent: bool) -> None:
    samples = np.random.default_rng(1).standard_normal((2, 1 << 20)).astype(np.float32)
    samples *= np.float32(1e-6 if silent else 0.1)
    tracemalloc.start()
    channel_of(samples, channel)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * samples[0].nbytes
