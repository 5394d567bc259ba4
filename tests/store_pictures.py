"""Pictures among the inputs of a frame store, without Blender."""

from __future__ import annotations

import hashlib

import numpy as np
import PIL.Image

from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import input_path


def capture(store: FrameStore, pixels: np.ndarray) -> str:
    """Put a picture into the store's inputs, as the addon does; its digest."""
    path = store.folder / "inputs" / "new.png"
    path.parent.mkdir(exist_ok=True)
    PIL.Image.fromarray(pixels).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.rename(input_path(store.folder, digest))
    return digest
