"""Sounds whose headers claim a length, or none: they are read to their end."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from blender_bend.core.errors import BendError, Code
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file
from blender_bend.engine.analysis.reading.sound_file import read

RATE = 44100
SAMPLES = 0.3 * np.random.default_rng(1).standard_normal(3 * RATE).clip(-1, 1)


def written(path: Path, container: str, subtype: str, channels: int = 1) -> bytearray:
    """Three seconds of noise."""
    soundfile.write(path, np.repeat(SAMPLES[:, None], channels, axis=1), RATE, format=container, subtype=subtype)
    return bytearray(path.read_bytes())


def heard(path: Path, data: bytes, rate: int = RATE) -> np.ndarray:
    """What is read of a file."""
    path.write_bytes(data)
    samples, found = read(path)
    assert found == rate
    return samples


WAV_LENGTHS = {
    "nothing": (0, None),
    "nothing at all": (0, 0),
    "the most": (0xFFFFFFFF, 0xFFFFFFFF),
    "the most, and nothing": (0xFFFFFFFF, 0),
    "the most with a sign": (0x7FFFFFFF, 0x7FFFFFFF),
    "more than that": (0x80000000, 0x80000024),
    "nearly the most": (0xFFFFFF00, 0xFFFFFFFF),
    "little": (1000, None),
    "little twice": (1000, 1036),
}


@pytest.mark.parametrize("claim", WAV_LENGTHS)
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "PCM_U8"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_file_that_claims_another_length_is_read_to_its_end(
    tmp_path: Path, claim: str, subtype: str, channels: int
) -> None:
    path = tmp_path / "it.wav"
    data = written(path, "WAV", subtype, channels)
    whole = read(path)[0]
    length, all_of_it = WAV_LENGTHS[claim]
    at = data.index(b"data")
    data[at + 4 : at + 8] = struct.pack("<I", length)
    if all_of_it is not None:
        data[4:8] = struct.pack("<I", all_of_it)
    assert np.array_equal(heard(path, data), whole)
    assert len(measure_file(path, FrameRate.parse("24"), ["rms"])["rms"]) == 72


@pytest.mark.parametrize("title", [b"", b"LIST\x04\0\0\0abcd", b"LIST\x03\0\0\0abc\0id3 \x02\0\0\0ab"])
def test_a_wav_file_that_is_really_empty_is_silent(tmp_path: Path, title: bytes) -> None:
    path = tmp_path / "it.wav"
    data = written(path, "WAV", "PCM_16")
    at = data.index(b"data")
    path.write_bytes(data[:at] + b"data\0\0\0\0" + title)
    with pytest.raises(BendError) as caught:
        measure_file(path, FrameRate.parse("24"), ["rms"])
    assert caught.value.code == Code.SOUND_SILENT


def test_what_stands_after_the_samples_is_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "it.wav"
    data = written(path, "WAV", "PCM_16")
    assert heard(path, data + b"LIST" + struct.pack("<I", 400_000) + bytes(400_000)).shape == (1, 3 * RATE)


@pytest.mark.parametrize("length", [0, 2**63, 2**64 - 1])
def test_a_wav_file_of_more_than_4_gb_without_a_length_is_read(tmp_path: Path, length: int) -> None:
    path = tmp_path / "it.wav"
    data = written(path, "RF64", "PCM_16")
    at = data.index(b"ds64") + 8
    data[at : at + 24] = struct.pack("<3Q", length, length, length)
    assert heard(path, data).shape == (1, 3 * RATE)


def test_a_flac_file_from_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "it.flac"
    data = written(path, "FLAC", "PCM_16", 2)
    data[21] &= 0xF0  # the 36 bits of STREAMINFO that hold the number of samples; 0 is unknown
    data[22:26] = bytes(4)
    assert heard(path, data).shape == (1, 3 * RATE)


@pytest.mark.parametrize(
    ("container", "before", "claim"),
    [
        ("AU", b".snd" + bytes([0, 0, 0, 24]), bytes(4)),
        ("AU", b".snd" + bytes([0, 0, 0, 24]), b"\xff" * 4),
        ("CAF", b"data", b"\xff" * 8),  # 0 is an empty CAF file
        ("AIFF", b"SSND", bytes(4)),
        ("AIFF", b"SSND", b"\xff" * 4),
    ],
)
def test_other_files_from_a_pipe_are_read(tmp_path: Path, container: str, before: bytes, claim: bytes) -> None:
    path = tmp_path / "it"
    data = written(path, container, "PCM_16")
    place = data.index(before) + len(before)
    data[place : place + len(claim)] = claim
    assert heard(path, data).shape[1] >= 3 * RATE


def mp3(path: Path, rate: int, mode: str, level: float, channels: int, quiet: int = 0) -> tuple[bytes, int]:
    """An MP3 file that begins quietly, without the frame that tells its length; and how long it decodes."""
    samples = np.repeat(np.concatenate([np.zeros(quiet * RATE), SAMPLES])[:, None], channels, axis=1)
    options = {"bitrate_mode": mode, "compression_level": level}
    soundfile.write(path, samples, rate, format="MP3", subtype="MPEG_LAYER_III", **options)
    data, whole = path.read_bytes(), read(path)[0].shape[1]
    tag = max(data.find(b"Xing"), data.find(b"Info"))
    assert tag > 0
    begin = data.rindex(b"\xff", 0, tag)
    following = data.index(data[begin : begin + 2], tag)
    return data[following:], whole


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("quiet", [0, 5])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("title", [b"", b"ID3\x03\0\0\0\0\x60\0" + bytes(0x60 << 7)], ids=["plain", "with a cover"])
def test_an_mp3_file_that_does_not_tell_its_length_is_read_to_its_end(
    tmp_path: Path, mode: str, quiet: int, channels: int, title: bytes
) -> None:
    path = tmp_path / "it.mp3"
    data, whole = mp3(path, RATE, mode, 0.3, channels, quiet)
    assert abs(heard(path, title + data).shape[1] - whole) < 3 * 1152


def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    for container, subtype in (("WAV", "PCM_16"), ("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS")):
        path = tmp_path / "it"
        data = written(path, container, subtype)
        assert heard(path, data[: len(data) // 2]).shape[1] == pytest.approx(1.5 * RATE, rel=0.5), container


def tagged_mp3(
    path: Path, seconds: float, seed: int, rate: int = RATE, mode: str = "VARIABLE", level: float = 0.5
) -> bytes:
    """Noise as an MP3 file, which begins with a frame that tells how many there are."""
    noise = 0.2 * np.random.default_rng(seed).standard_normal(round(seconds * rate)).clip(-1, 1)
    kind = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": mode, "compression_level": level}
    soundfile.write(path, noise, rate, **kind)
    data = path.read_bytes()
    assert b"Xing" in data[:200] or b"Info" in data[:200]
    return data


def id3(length: int) -> bytes:
    """A tag as it stands before an MP3 file, with a picture of random bytes, and the one behind it."""
    digits = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + digits + np.random.default_rng(length).bytes(length)


OLD_ID3 = b"TAG" + b"Title".ljust(125, b"\0")


@pytest.mark.parametrize(
    ("mode", "rate"), [("VARIABLE", 44100), ("CONSTANT", 44100), ("VARIABLE", 22050), ("VARIABLE", 48000)]
)
@pytest.mark.parametrize(
    ("before", "after"), [(b"", b""), (id3(3000), b""), (b"", OLD_ID3), (id3(20_000), OLD_ID3)], ids=range(4)
)
def test_mp3_files_that_were_joined_are_read_to_the_end(
    tmp_path: Path, mode: str, rate: int, before: bytes, after: bytes
) -> None:
    """The first frame tells the length of the first one alone."""
    path, parts = tmp_path / "it.mp3", []
    for seed, (seconds, level) in enumerate(((2.0, 0.2), (1.0, 0.9), (3.0, 0.5))):
        parts.append(before + tagged_mp3(path, seconds, seed, rate, mode, level) + after)
    alone = [heard(path, part, rate)[0] for part in parts]
    joined = heard(path, b"".join(parts), rate)[0]
    frame = 1152 if rate > 32000 else 576
    assert 0 <= len(joined) - sum(map(len, alone)) <= 2 * 3 * frame, "what encoders add at both ends"
    assert np.array_equal(joined[: len(alone[0])], alone[0]), "the first one is where it would be alone"
    at = len(alone[0])
    for part in alone[1:]:
        middle = part[len(part) // 4 : len(part) // 2]
        lags = range(at, at + 4 * frame)
        likeness = [float(np.dot(joined[lag + len(part) // 4 :][: len(middle)], middle)) for lag in lags]
        shift = int(np.argmax(likeness))
        assert max(likeness) > 0.99 * np.dot(middle, middle) and shift <= (2 if frame == 1152 else 3) * frame
        at += len(part) + shift


@pytest.mark.parametrize("after", [b"", OLD_ID3, id3(5000), b"APETAGEX" + bytes(5000), bytes(3000), b"\xff" * 3000])
def test_what_stands_behind_an_mp3_file_adds_nothing(tmp_path: Path, after: bytes) -> None:
    path = tmp_path / "it.mp3"
    data = tagged_mp3(path, 2.0, 1)
    assert heard(path, data + after).shape == (1, 2 * RATE)


def test_an_mp3_file_whose_first_frame_does_not_tell_how_many_there_are_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "it.mp3"
    data = bytearray(tagged_mp3(path, 10.0, 1))
    at = next(data.index(name) for name in (b"Xing", b"Info") if name in data)
    for flags, count in ((0, None), (3, 0), (1, 0)):
        data[at + 4 : at + 8] = struct.pack(">I", flags)
        if count is not None:
            data[at + 8 : at + 12] = struct.pack(">I", count)
        assert 9.9 < heard(path, bytes(data)).shape[1] / RATE < 10.2, flags


def test_mutated_mp3_files_are_read_or_refused(tmp_path: Path) -> None:
    path, chance = tmp_path / "it.mp3", np.random.default_rng(5)
    data = id3(50) + tagged_mp3(path, 0.5, 1) + tagged_mp3(path, 0.5, 2)
    for _ in range(60):
        changed = bytearray(data)
        for place in chance.integers(0, 700, 6):
            changed[place] = chance.integers(256)
        path.write_bytes(bytes(changed[: chance.integers(1, len(data))]))
        try:
            assert read(path)[0].shape[1] < 10 * 60 * 48000
        except BendError as error:
            assert error.code == Code.SOUND_UNREADABLE


def test_a_file_that_is_no_sound_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "film.m4a"
    path.write_bytes(b"\0\0\0\x18ftypM4A " + bytes(1000))
    with pytest.raises(BendError) as caught:
        read(path)
    assert caught.value.message == "film.m4a can't be read as sound: Format not recognised."
