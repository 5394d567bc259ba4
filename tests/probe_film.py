"""Looks into a film as ffprobe would, and compares its sound with a song; runs in the engine's environment (PyAV).

python tests/probe_film.py FILM.mp4 SONG.wav
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import av
import numpy as np
import soundfile


def probe(film: Path, song: Path) -> dict[str, object]:
    """The film's streams, pictures, and how well its sound follows the song.

    Returns
    -------
    codecs and seconds by kind of stream, the number of pictures, width and height, and the correlation of the sound
    """
    with av.open(str(film)) as file:
        seconds = {stream.type: float(stream.duration * stream.time_base) for stream in file.streams}
        codecs = {stream.type: stream.codec_context.name for stream in file.streams}
        picture = file.streams.video[0]
        size = [picture.codec_context.width, picture.codec_context.height]
        resampler = av.AudioResampler("flt", "mono", 48000)
        pictures, blocks = 0, []
        for frame in file.decode(*file.streams):
            if isinstance(frame, av.VideoFrame):
                pictures += 1
            else:
                blocks += [part.to_ndarray().ravel() for part in resampler.resample(frame)]
    return {
        "seconds": seconds,
        "codecs": codecs,
        "size": size,
        "pictures": pictures,
        "correlation": correlation(np.concatenate(blocks), soundfile.read(song)[0].mean(axis=1)),
    }


def correlation(sound: np.ndarray, song: np.ndarray) -> float:
    """The largest correlation over shifts of up to 50 ms, which encoders may add."""
    count = min(len(sound), len(song)) - 4800
    shifts = range(-2400, 2401, 8)
    middle = song[2400 : 2400 + count]
    return max(float(np.corrcoef(middle, sound[2400 + shift : 2400 + shift + count])[0, 1]) for shift in shifts)


if __name__ == "__main__":
    print(json.dumps(probe(Path(sys.argv[1]), Path(sys.argv[2]))))
