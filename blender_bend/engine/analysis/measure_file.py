"""Features of a sound file, cached by the content of the sound."""

from __future__ import annotations

import hashlib
import math
import time
from pathlib import Path

import numpy as np

from ...core.errors import BendError, Code
from ...core.files import caches
from ...core.files.whole import replacing
from ...core.limits import FRAMES, SECONDS
from ...core.sound import features
from ...core.sound.feature_table import Depends
from ...core.timebase import FrameRate
from ..host import kept
from .reading.sound_file import SILENCE, read
from .settings import Settings
from .spectra.spectrum import Grid

#: Raise it whenever a feature is measured in another way.
VERSION = "4"
#: Stands for the rate of a sound that is not read.
SAMPLE_RATE = 48000
#: In file names, which on Windows hold neither a colon nor a slash.
_LETTERS = str.maketrans(":/", "=+")


def measure_file(
    path: Path,
    rate: FrameRate,
    names: list[str],
    *,
    frames: int | None = None,
    cache: Path | None = None,
    settings: Settings | None = None,
) -> dict[str, np.ndarray]:
    """Measure features and moments of a sound file, or fetch them from the cache.

    Parameters
    ----------
    path : a file that libsndfile reads (wav, flac, ogg, mp3 ...); not read if only MIDI features are asked for
    names : features and moments as ``core.sound.features`` spells them
    frames : number of video frames; by default as many as the sound covers
    cache : folder for measured features; None measures always

    Returns
    -------
    for each feature a float32 array, shape (frames,); for each ``times:...`` seconds, float64, ascending

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE), BendError(SOUND_SILENT), BendError(PARAMETER_INVALID),
    BendError(CANCELLED), BendError(MODEL_MISSING) without a folder for EnCodec
    """
    settings, began = settings or Settings(), time.time()
    features.check_names(names)
    if frames is not None and all(features.depends(name) is Depends.MIDI for name in names):
        samples, sample_rate = np.zeros((1, 0), dtype=np.float32), SAMPLE_RATE
    else:
        samples, sample_rate = read(path)
        if samples.size == 0 or max(samples.max(), -samples.min()) <= SILENCE:
            raise BendError(
                Code.SOUND_SILENT,
                "The sound is silent over this range.",
                "Unmute it, raise its volume, or choose another sound.",
            )
    if frames is None:
        frames = max(1, math.ceil(samples.shape[1] * rate.value / sample_rate))
    FRAMES(frames)
    SECONDS(float(rate.seconds(frames)))
    digest = hashlib.sha256(f"{VERSION} {rate} {frames} {sample_rate} {len(samples)} ".encode())
    digest.update(samples.data)
    files = {name: _file(cache, digest.hexdigest(), name, settings) for name in names}
    known = {name: found for name, file in files.items() if (found := _kept(file, name, frames)) is not None}
    missing = [name for name in names if name not in known]
    if missing:
        from .measures import measure_each  # librosa takes seconds to import: not before it is needed

        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)
        for name, values in measure_each(samples, Grid(rate, frames, sample_rate), missing, settings):
            known[name] = values
            if (target := files[name]) is not None:
                with replacing(target) as file:
                    np.save(file, values)
        if cache is not None:
            caches.FEATURES.trim(cache, began)
    return {name: known[name] for name in names}


def _kept(file: Path | None, name: str, frames: int) -> np.ndarray | None:
    """What was measured before; None if it was not, or has been damaged."""
    found = None if file is None else kept.array(file)
    if found is None or found.ndim != 1 or found.dtype.kind != "f":
        return None
    return found if features.is_moments(name) or len(found) == frames else None


def _file(cache: Path | None, digest: str, name: str, settings: Settings) -> Path | None:
    if cache is None:
        return None
    return cache / ".".join(filter(None, (digest, name.translate(_LETTERS), settings.digest(name), "npy")))
