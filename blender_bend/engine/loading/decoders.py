"""Autoencoders that take the place of a model's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny

from ...core.errors import BendError, Code
from ..alignment import align
from ..memory import is_out_of_memory
from .completeness import require_weights
from .failures import UNLOADABLE


def load_decoder(path: Path, dtype: torch.dtype, device: str) -> Any:
    """Load an autoencoder that takes the place of a model's own: a tiny one for speed (TAESD), or a better one.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    kinds = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
    try:
        kind = json.loads((path / "config.json").read_text(encoding="utf-8"))["_class_name"]
        decoder = kinds[kind].from_pretrained(str(path), dtype=dtype, local_files_only=True, use_safetensors=True)
        require_weights(decoder, "it")
        decoder.to(device)
    except UNLOADABLE as error:
        if is_out_of_memory(error):
            raise
        raise BendError(
            Code.MODEL_INVALID,
            f"The decoder in {path} cannot be loaded: {error}.",
            "It must be a folder with an AutoencoderKL or AutoencoderTiny (TAESD) and its .safetensors weights.",
            "bend.open_preferences",
        ) from error
    align(decoder)
    return decoder
