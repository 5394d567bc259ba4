"""Loading a diffusers model once and keeping it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline

from ..core.errors import BendError, Code

log = logging.getLogger(__name__)


def choose_device(wanted: str = "auto") -> str:
    """The device to render on: the named one, or the best there is (CUDA and ROCm, then MPS, then CPU)."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class ModelShelf:
    """Holds the model used last, so that a job after a job does not load it again."""

    def __init__(self) -> None:
        self._key: tuple[str, ...] = ()
        self._pipeline: Any = None

    def pipeline(self, path: str, fingerprint: str, precision: str, device: str) -> Any:
        """The diffusers pipeline of a model folder, on its device.

        Parameters
        ----------
        path : model folder with ``model_index.json``; only safetensors weights are read
        precision : ``float32``, ``float16`` or ``bfloat16``
        device : a torch device name

        Raises
        ------
        BendError(MODEL_INVALID) if diffusers cannot load it.
        """
        key = (path, fingerprint, precision, device)
        if key != self._key:
            self._key, self._pipeline = (), None
            self._pipeline = load_pipeline(Path(path), getattr(torch, precision), device)
            self._key = key
        return self._pipeline


def load_pipeline(path: Path, dtype: torch.dtype, device: str) -> Any:
    """Load a model folder as a diffusers pipeline, without safety checker and without code of its own.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    log.info("loading %s as %s on %s", path, dtype, device)
    try:
        parts = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
        unchecked = {"safety_checker": None} if "safety_checker" in parts else {}
        pipeline = DiffusionPipeline.from_pretrained(
            str(path), dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False, **unchecked
        )
        pipeline = pipeline.to(device)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise BendError(
            Code.MODEL_INVALID,
            f"The model in {path} cannot be loaded: {error}.",
            "It must be a complete diffusers folder with .safetensors weights.",
            "bend.open_preferences",
        ) from error
    if not hasattr(pipeline, "unet"):
        raise BendError(
            Code.MODEL_INVALID,
            f"{type(pipeline).__name__} is a kind of model that Bend cannot bend yet.",
            "Use a Stable Diffusion 1.x, 2.x or XL model.",
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
