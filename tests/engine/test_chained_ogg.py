"""Ogg files that were joined end to end, or recorded from web radio: every sound in them is read."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from blender_bend.core.errors import BendError, Code
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file
from blender_bend.engine.analysis.reading.ogg_links import MOST_LINKS, links
from blender_bend.engine.analysis.reading.sound_file import read

KINDS = {"VORBIS": 44100, "OPUS": 48000}


def ogg(path: Path, subtype: str, seconds: float, seed: int, channels: int = 1, rate: int = 0) -> bytes:
    """Noise as an Ogg file."""
    rate = rate or KINDS[subtype]
    noise = 0.2 * np.random.default_rng(seed).standard_normal((round(seconds * rate), channels)).clip(-1, 1)
    soundfile.write(path, noise, rate, format="OGG", subtype=subtype)
    return path.read_bytes()


def heard(path: Path, data: bytes) -> np.ndarray:
    """What is read of a file."""
    path.write_bytes(data)
    return read(path)[0]


@pytest.mark.parametrize("subtype", KINDS)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("between", [b"", b"TAG" + bytes(125), bytes(1 << 17)], ids=["end to end", "a tag", "a gap"])
def test_joined_files_sound_one_after_the_other(tmp_path: Path, subtype: str, channels: int, between: bytes) -> None:
    path = tmp_path / "it.ogg"
    parts = [ogg(path, subtype, seconds, seed, channels) for seed, seconds in enumerate((1.0, 0.3, 2.0))]
    alone = [heard(path, part) for part in parts]
    assert [part.shape[0] for part in alone] == [channels] * 3
    assert np.array_equal(heard(path, between.join(parts)), np.concatenate(alone, axis=1))
    assert len(measure_file(path, FrameRate.parse("10"), ["rms"])["rms"]) == 33


def test_vorbis_and_opus_in_one_file_are_both_read(tmp_path: Path) -> None:
    path = tmp_path / "it.ogg"
    parts = [ogg(path, subtype, 1.0, 1, rate=48000) for subtype in KINDS]
    alone = [heard(path, part) for part in parts]
    assert np.array_equal(heard(path, b"".join(parts)), np.concatenate(alone, axis=1))


def test_a_mono_sound_behind_a_stereo_one_is_on_both_channels(tmp_path: Path) -> None:
    path = tmp_path / "it.ogg"
    parts = [ogg(path, "VORBIS", 1.0, channels, channels) for channels in (2, 1, 2)]
    alone = [heard(path, part) for part in parts]
    joined = heard(path, b"".join(parts))
    assert np.array_equal(joined, np.concatenate([alone[0], alone[1].repeat(2, axis=0), alone[2]], axis=1))


def test_a_sound_of_another_rate_lasts_as_long_as_it_did(tmp_path: Path) -> None:
    path, times = tmp_path / "it.ogg", np.arange(2 * 22050) / 22050
    first = ogg(path, "VORBIS", 1.0, 1)
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 1000 * times), 22050, format="OGG", subtype="VORBIS")
    joined = heard(path, first + path.read_bytes())
    assert joined.shape == (1, 3 * 44100)
    spectrum = np.abs(np.fft.rfft(joined[0, -44100:]))
    assert np.argmax(spectrum) == 1000


def test_streams_that_play_at_the_same_time_are_one_sound(tmp_path: Path) -> None:
    """A file with several streams begins them all before the rest of any."""
    path = tmp_path / "it.ogg"
    data = ogg(path, "VORBIS", 1.0, 1)
    alone = heard(path, data)
    ends = [at for at in range(len(data)) if data.startswith(b"OggS", at)]
    other = bytearray(data[: ends[1]])
    other[14:18] = b"else"  # the number of a stream of some other kind; its page has no checksum now
    other[-30:] = bytes(30)
    assert np.array_equal(heard(path, data[: ends[1]] + bytes(other) + data[ends[1] :]), alone)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_chain_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "it.ogg"
    parts = [ogg(path, "VORBIS", 2.0, seed) for seed in (1, 2)]
    alone = [heard(path, part) for part in parts]
    joined = heard(path, parts[0] + parts[1][: int(kept * len(parts[1]))])
    end = alone[0].shape[1]
    assert np.array_equal(joined[:, :end], alone[0])
    assert joined.shape[1] - end == pytest.approx(kept * 2 * 44100, abs=0.3 * 2 * 44100)


def test_a_recording_that_begins_within_a_sound_is_read_from_the_next_one_on(tmp_path: Path) -> None:
    path = tmp_path / "it.ogg"
    parts = [ogg(path, "VORBIS", 2.0, seed) for seed in (1, 2)]
    alone = heard(path, parts[1])
    assert np.array_equal(heard(path, parts[0][parts[0].rindex(b"OggS") :] + parts[1]), alone)


def test_a_file_that_claims_to_hold_more_sounds_than_any_does_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it.ogg"
    pages = [b"OggS" + struct.pack("<BBqIIIB", 0, flags, 0, 1, 0, 0, 0) for flags in (2, 0)]
    path.write_bytes(b"".join(pages) * (MOST_LINKS + 1))
    with pytest.raises(BendError) as caught:
        read(path)
    assert caught.value.code == Code.SOUND_UNREADABLE and "sounds" in caught.value.message


def test_a_file_of_a_million_small_pages_is_looked_through_in_no_time() -> None:
    file = io.BytesIO((b"OggS" + bytes(23)) * 1_000_000)
    began = time.process_time()
    assert links(file) == [(0, 27_000_000)]
    assert time.process_time() - began < 0.5
