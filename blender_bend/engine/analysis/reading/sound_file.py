"""Reading a sound file to its end, all channels of it."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile
from scipy.signal import resample_poly

from ....core.errors import BendError, Code
from .claimed_lengths import View, view
from .ogg_links import MOST_LINKS, Link, links

#: Samples that are decoded at once: what fits into a processor's cache.
_BLOCK = 1 << 15
#: What no sound for a film has: samples of all channels together, 2 hours of 5.1 at 48 kHz.
MOST_VALUES = 1 << 31
MOST_CHANNELS = 64
SAMPLE_RATES = range(1_000, 1_000_001)
#: Two steps of a 16-bit file, -84 dB of full scale: what stays below is silent, or the noise of rounding.
SILENCE = 6.2e-5
#: Of the channels' power, what their mean must have; what has less has cancelled out.
_CANCELLED = 0.01


class _Stream(soundfile.SoundFile):
    """A sound file that is read to its end, whatever length its header claims."""

    def seekable(self) -> bool:
        return False


def read(path: Path) -> tuple[np.ndarray, int]:
    """All channels of a sound file, read block by block: an hour of stereo at 48 kHz takes 1.4 GB, never twice that.

    Returns
    -------
    samples : float32 array, shape (channels, samples); not-a-number and infinity become silence. Channels that are all
        equal are one.
    sample_rate : Hz

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE)
    """
    if not path.is_file():
        raise BendError(Code.SOUND_MISSING, f"Sound file {path} not found.")
    try:
        with path.open("rb") as raw:
            stretches = links(raw)
            _check(path, len(stretches) <= MOST_LINKS, f"more than {MOST_LINKS} sounds in it")
            return _read_links(path, raw, stretches) if len(stretches) > 1 else _read(path, view(path, raw))
    except (soundfile.LibsndfileError, OSError, TypeError, MemoryError) as error:
        raise BendError(
            Code.SOUND_UNREADABLE,
            f"{path.name} can't be read as sound: {_words(error)}.",
            "Convert it to WAV or FLAC, or add it to Blender's timeline.",
        ) from error


def _words(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory for its length"
    if isinstance(error, soundfile.LibsndfileError):
        return error.error_string.rstrip(".")
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def read_mono(path: Path) -> tuple[np.ndarray, int]:
    """The same as one wave, see ``mono``: samples of shape (samples,) and their rate."""
    samples, rate = read(path)
    return mono(samples), rate


def mono(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels, or the loudest of them where the mean cancels out what is heard.

    Parameters
    ----------
    samples : float32 array, shape (channels, samples)
    """
    if len(samples) == 1:
        return samples[0]
    mean = samples.mean(axis=0)
    powers = np.array([np.dot(channel, channel) for channel in samples])
    return mean if np.dot(mean, mean) >= _CANCELLED * powers.mean() else samples[np.argmax(powers)]


def _read_links(path: Path, raw: IO[bytes], stretches: list[tuple[int, int]]) -> tuple[np.ndarray, int]:
    """Several sounds one after the other, at the sample rate of the first; what is cut off before it sounds is none."""
    parts: list[np.ndarray] = []
    failed: soundfile.LibsndfileError | None = None
    rate = values = 0
    for stretch in stretches:
        try:
            part, own = _read(path, Link(raw, *stretch))
        except soundfile.LibsndfileError as error:
            failed = failed or error
            continue
        rate = rate or own
        values += part.size * rate // own
        _check(path, values <= MOST_VALUES, f"more than {MOST_VALUES} samples")
        parts.append(part if own == rate else resample_poly(part, rate, own, axis=1))
    if failed and not parts:
        raise failed
    return _joined(parts), rate


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Sounds one after the other; what is mono sounds on all channels. The list is empty afterwards."""
    samples = np.zeros((max(map(len, parts)), sum(part.shape[1] for part in parts)), dtype=np.float32)
    end = samples.shape[1]
    while parts:
        part = parts.pop()
        begin = end - part.shape[1]
        samples[: len(samples) if len(part) == 1 else len(part), begin:end] = part
        end = begin
    return samples


def _read(path: Path, seen: Any) -> tuple[np.ndarray, int]:
    with _Stream(seen) as file:
        _check(path, file.channels <= MOST_CHANNELS, f"{file.channels} channels")
        _check(path, file.samplerate in SAMPLE_RATES, f"{file.samplerate} samples a second")
        return _read_to_end(path, file, 0 if isinstance(seen, View) else file.frames), file.samplerate


def _read_to_end(path: Path, file: soundfile.SoundFile, claimed: int) -> np.ndarray:
    channels = file.channels
    length = claimed if 0 <= claimed * channels <= MOST_VALUES else 0
    samples = np.empty((channels, length), dtype=np.float32)
    filled, alike = 0, True
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        end = filled + len(block)
        _check(path, end * channels <= MOST_VALUES, f"more than {filled} samples on {channels} channels")
        if end > samples.shape[1]:
            grown = np.empty((channels, max(end, 2 * filled)), dtype=np.float32)
            grown[:, :filled] = samples[:, :filled]
            samples = grown
        if not np.isfinite(block.sum()):  # seldom, and three times as slow
            np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        samples[:, filled:end] = block.T
        alike = alike and bool((block == block[:, :1]).all())
        filled = end
    if alike and channels > 1:
        return samples[:1, :filled].copy()
    return np.ascontiguousarray(samples[:, :filled])


def _check(path: Path, holds: bool, what: str) -> None:
    """Refuse what a header claims, or a file holds, but no sound is."""
    if not holds:
        raise BendError(
            Code.SOUND_UNREADABLE,
            f"{path.name} can't be read as sound: it claims to have {what}.",
            "Export the sound again.",
        )
