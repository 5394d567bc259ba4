"""Writes the same tone in every kind of sound file; runs in the engine's environment, which has PyAV.

python tests/make_sounds.py FOLDER
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

SECONDS = 2.0
FREQUENCY = 440.0

#: File name, codec, sample rate, layout. The ones with a picture are films.
KINDS = (
    ("mono_48.wav", "pcm_s16le", 48000, "mono"),
    ("stereo_44.wav", "pcm_s24le", 44100, "stereo"),
    ("float_96.wav", "pcm_f32le", 96000, "stereo"),
    ("mono_8.wav", "pcm_s16le", 8000, "mono"),
    ("mono_192.wav", "pcm_s16le", 192000, "mono"),
    ("surround_48.wav", "pcm_s16le", 48000, "5.1"),
    ("stereo_44.flac", "flac", 44100, "stereo"),
    ("stereo_44.mp3", "libmp3lame", 44100, "stereo"),
    ("mono_22.mp3", "libmp3lame", 22050, "mono"),
    ("stereo_44.ogg", "vorbis", 44100, "stereo"),
    ("stereo_48.opus", "libopus", 48000, "stereo"),
    ("stereo_44.m4a", "aac", 44100, "stereo"),
    ("surround_48.m4a", "aac", 48000, "5.1"),
    ("film.mp4", "aac", 48000, "stereo"),
    ("film.mov", "pcm_s16le", 44100, "stereo"),
    ("film.mkv", "flac", 48000, "stereo"),
    ("film.webm", "libopus", 48000, "stereo"),
)
PICTURES = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".webm": "libvpx"}


def write_tone(path: Path, codec: str, sample_rate: int, layout: str) -> None:
    """A second of silence, then a second of tone, so that the time can be checked too."""
    time = np.arange(int(SECONDS * sample_rate)) / sample_rate
    tone = np.where(time < 1.0, 0.0, 0.5 * np.sin(2 * np.pi * FREQUENCY * time)).astype(np.float32)
    if codec == "vorbis":  # PyAV comes without an encoder for it
        soundfile.write(path, np.stack([tone, tone], axis=1), sample_rate, format="OGG", subtype="VORBIS")
        return
    with av.open(str(path), "w") as file:
        picture = add_picture(file, PICTURES[path.suffix]) if path.suffix in PICTURES else None
        stream = file.add_stream(codec, rate=sample_rate, layout=layout)
        channels = stream.layout.nb_channels
        resampler = av.AudioResampler(stream.format, stream.layout, sample_rate, stream.frame_size or 1024)
        for first in range(0, len(tone), 1024):
            block = np.repeat(tone[None, first : first + 1024], channels, axis=0)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, first, Fraction(1, sample_rate)
            for ready in resampler.resample(frame):
                file.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            file.mux(stream.encode(ready))
        file.mux(stream.encode(None))
        if picture:
            write_picture(file, picture)


def add_picture(file: av.container.OutputContainer, codec: str) -> av.VideoStream:
    """A small picture at 24 fps; every stream must be there before the first packet."""
    picture = file.add_stream(codec, rate=24)
    picture.width = picture.height = 64
    picture.pix_fmt = "yuv420p"
    return picture


def write_picture(file: av.container.OutputContainer, picture: av.VideoStream) -> None:
    """Pictures that get brighter."""
    for number in range(int(SECONDS * 24)):
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 4 % 256, np.uint8), format="rgb24")
        frame.pts = number
        file.mux(picture.encode(frame))
    file.mux(picture.encode(None))


def write_silent_film(path: Path) -> None:
    """A film without any sound."""
    with av.open(str(path), "w") as file:
        write_picture(file, add_picture(file, PICTURES[path.suffix]))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for name, *how in KINDS:
        write_tone(target / name, *how)
    write_silent_film(target / "without_sound.mp4")
