"""Reading a sound file as mono samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from ...core.errors import BendError, Code


def read_mono(path: Path) -> tuple[np.ndarray, int]:
    """The mean of all channels.

    Returns
    -------
    samples : float32 array, shape (samples,); not-a-number and infinity become silence
    sample_rate : Hz

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE)
    """
    if not path.is_file():
        raise BendError(Code.SOUND_MISSING, f"There is no sound file {path}.")
    try:
        with soundfile.SoundFile(path) as file:
            blocks = [block.mean(axis=1) for block in file.blocks(1 << 20, dtype="float32", always_2d=True)]
            rate = file.samplerate
    except (soundfile.LibsndfileError, TypeError) as error:
        raise BendError(
            Code.SOUND_UNREADABLE,
            f"{path.name} cannot be read as sound: {error}.",
            "Convert it to wav or flac, or put it on Blender's timeline.",
        ) from error
    samples = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), rate
