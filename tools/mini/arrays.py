"""Arrays on disk; without torch, so that painting and synthesising need not load it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blender_bend.core.files.whole import replacing


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an array; one that is there is complete, whenever the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.save(file, array)
