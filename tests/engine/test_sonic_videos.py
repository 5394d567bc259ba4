"""Films to learn from, cut by the real ffmpeg: which pictures and sounds come out, and what is wrong with bad films."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import PIL.Image
import pytest
import soundfile

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.sonic.training.videos import extract, find_ffmpeg, videos_in

COLOURS = ((220, 30, 30), (30, 200, 60), (40, 60, 230))
RATE = 44_100


@pytest.fixture(autouse=True)
def _ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEND_FFMPEG", imageio_ffmpeg.get_ffmpeg_exe())


def write_film(path: Path, seconds: float, sound: bool = True, picture: bool = True) -> Path:
    """A film that is red for ten seconds, then green, then blue, with a higher tone in each part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        if picture:
            video = file.add_stream("mpeg4", rate=5)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if sound:
            audio = file.add_stream("aac", rate=RATE, layout="mono")
        if picture:
            for number in range(round(seconds * 5)):
                pixels = np.full((48, 64, 3), COLOURS[number // 50 % 3], np.uint8)
                file.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            file.mux(video.encode(None))
        if sound:
            time = np.arange(round(seconds * RATE)) / RATE
            tone = (0.4 * np.sin(2 * np.pi * 300 * (1 + time // 10) * time)).astype(np.float32)
            for first in range(0, len(tone) - 1023, 1024):
                frame = av.AudioFrame.from_ndarray(tone[None, first : first + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
                file.mux(audio.encode(frame))
            file.mux(audio.encode(None))
    return path


def test_a_film_becomes_ten_second_sounds_with_the_picture_of_their_middle(tmp_path: Path) -> None:
    write_film(tmp_path / "data" / "lake [1] 50%" / "at dawn.mp4", 26.0)
    found = videos_in(tmp_path / "data")
    target = extract(found, tmp_path / "cut")
    sounds = sorted(target.glob("*/*.wav"))
    assert [path.name for path in sounds] == [f"at dawn-000{n}.wav" for n in range(3)]
    for number, sound in enumerate(sounds):
        samples, rate = soundfile.read(sound)
        assert rate == RATE and samples.ndim == 1
        assert abs(len(samples) / rate - (10, 10, 6)[number]) < 0.1
        strongest = np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples)
        assert abs(strongest - 300 * (number + 1)) < 2
        with PIL.Image.open(sound.with_suffix(".png")) as picture:
            colour = np.asarray(picture.convert("RGB")).mean((0, 1))
        assert np.abs(colour - COLOURS[number]).max() < 25


def test_what_was_cut_is_left_alone_and_what_was_interrupted_is_cut_again(tmp_path: Path) -> None:
    film = write_film(tmp_path / "data" / "sea" / "one.mp4", 3.0)
    target = extract([film], tmp_path / "cut")
    picture = target / "sea" / "one-0000.png"
    picture.unlink()
    extract([film], tmp_path / "cut")
    assert not picture.exists()
    (target / "sea" / "one.extracted").unlink()
    extract([film], tmp_path / "cut")
    assert picture.exists()


@pytest.mark.parametrize(("kind", "words"), [("mute", "sound of"), ("damaged", "sound of"), ("blind", "picture of")])
def test_a_film_that_cannot_be_used_is_named(tmp_path: Path, kind: str, words: str) -> None:
    film = write_film(tmp_path / "sea" / f"{kind}.mp4", 2.0, sound=kind != "mute", picture=kind != "blind")
    if kind == "damaged":
        film.write_bytes(film.read_bytes()[:300])
    with pytest.raises(BendError) as caught:
        extract([film], tmp_path / "cut")
    assert caught.value.code == Code.SOUND_UNREADABLE
    assert words in caught.value.message and film.name in caught.value.message


def test_without_ffmpeg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BEND_FFMPEG")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BendError) as caught:
        find_ffmpeg()
    assert caught.value.code == Code.INPUT_MISSING and "ffmpeg" in caught.value.hint
