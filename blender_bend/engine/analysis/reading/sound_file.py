"""Reading a sound file to its end, all channels of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from ....core.errors import BendError, Code
from .claimed_lengths import View, view

_BLOCK = 1 << 18
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
        with path.open("rb") as raw, _Stream(seen := view(path, raw)) as file:
            _check(path, file.channels <= MOST_CHANNELS, f"{file.channels} channels")
            _check(path, file.samplerate in SAMPLE_RATES, f"{file.samplerate} samples a second")
            claimed = 0 if isinstance(seen, View) else file.frames
            return _read_to_end(path, file, claimed), file.samplerate
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
