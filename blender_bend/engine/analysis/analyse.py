"""Features of a sound file, cached by the content of the sound."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from ...core.errors import BendError, Code
from ...core.files import replacing
from ...core.timebase import FrameRate
from .sound_file import read_mono
from .spectrum import Grid

#: Raise it whenever a feature is measured in another way.
VERSION = "1"
SILENCE = 1e-5


def analyse(
    path: Path, rate: FrameRate, names: list[str], *, frames: int | None = None, cache: Path | None = None
) -> dict[str, np.ndarray]:
    """Measure features of a sound file, or fetch them from the cache.

    Parameters
    ----------
    path : a file that libsndfile reads (wav, flac, ogg, mp3 ...)
    frames : number of video frames; by default as many as the sound covers
    cache : folder for measured features; None measures always

    Returns
    -------
    for each name a float32 array, shape (frames,)

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE), BendError(SOUND_SILENT), BendError(PARAMETER_INVALID)
    """
    samples, sample_rate = read_mono(path)
    if frames is None:
        frames = max(1, math.ceil(len(samples) * rate.value / sample_rate))
    if not np.any(np.abs(samples) > SILENCE):
        raise BendError(
            Code.SOUND_SILENT,
            "The sound is silent over this range.",
            "Unmute it, raise its volume, or choose another sound.",
        )
    grid = Grid(rate, frames, sample_rate)
    digest = hashlib.sha256(f"{VERSION} {rate} {frames} {sample_rate} ".encode() + samples.tobytes()).hexdigest()
    known = _load(cache, digest, names)
    missing = [name for name in names if name not in known]
    if missing:
        from .measures import measure  # librosa takes seconds to import: not before it is needed

        measured = measure(samples, grid, missing)
        _store(cache, digest, measured)
        known |= measured
    return {name: known[name] for name in names}


def _load(cache: Path | None, digest: str, names: list[str]) -> dict[str, np.ndarray]:
    if cache is None:
        return {}
    files = {name: cache / f"{digest}.{name}.npy" for name in names}
    return {name: np.load(file) for name, file in files.items() if file.is_file()}


def _store(cache: Path | None, digest: str, measured: dict[str, np.ndarray]) -> None:
    if cache is None:
        return
    cache.mkdir(parents=True, exist_ok=True)
    for name, values in measured.items():
        with replacing(cache / f"{digest}.{name}.npy") as file:
            np.save(file, values)
