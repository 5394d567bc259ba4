"""Sounds whose headers claim what no sound has are refused before memory is taken for them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from blender_bend.core.errors import BendError, Code
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.reading import sound_file
from blender_bend.engine.analysis.reading.sound_file import read_mono


def wav(path: Path, channels: int, rate: int) -> Path:
    """A short WAV file with a header of one's own."""
    data = bytes(2 * channels * 4)
    format_ = struct.pack("<HHIIHH", 1, channels, rate, (rate * channels * 2) % 2**32, channels * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + format_ + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize(("channels", "rate"), [(1024, 48_000), (1, 1), (1, 2**31 - 1), (1, 2**31), (65, 44_100)])
def test_a_wav_of_impossible_channels_or_rates_is_refused(tmp_path: Path, channels: int, rate: int) -> None:
    with pytest.raises(BendError) as caught:
        read_mono(wav(tmp_path / "it.wav", channels, rate))
    assert caught.value.code == Code.SOUND_UNREADABLE


def test_a_flac_that_claims_more_samples_than_fit_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """No memory is taken for the claim."""
    path = tmp_path / "it.flac"
    soundfile.write(path, np.full(4800, 0.5, dtype=np.float32), 48_000)
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F  # the 36 bits of STREAMINFO that hold the number of samples
    data[22:26] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    samples, _ = read_mono(path)
    assert len(samples) == 4800 and np.all(samples == 0.5)


def test_more_samples_than_fit_are_refused_when_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_file, "MOST_VALUES", 10_000)
    path = tmp_path / "it.flac"
    for samples, channels in ((10_001, 1), (6_000, 2)):
        soundfile.write(path, np.zeros((samples, channels), dtype=np.float32), 48_000)
        with pytest.raises(BendError) as caught:
            read_mono(path)
        assert caught.value.code == Code.SOUND_UNREADABLE and "samples" in caught.value.message


def test_an_ordinary_wav_is_read(tmp_path: Path) -> None:
    samples, rate = read_mono(wav(tmp_path / "it.wav", 2, 44_100))
    assert rate == 44_100 and len(samples) == 4


def test_the_fastest_scene_that_blender_knows_has_a_frame_rate() -> None:
    rate = FrameRate.from_blender(32767, 1e-5).value
    assert float(rate) == pytest.approx(32767e5)
