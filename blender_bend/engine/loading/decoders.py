"""Autoencoders that take the place of a model's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny

from ...core.checkpoints import weight_files
from ...core.errors import BendError, Code
from ...core.models import model_files
from ..host.alignment import align
from ..host.memory import is_out_of_memory
from ..host.networks import load_network
from .failures import UNLOADABLE, reason

_KINDS = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}


def load_decoder(path: Path, dtype: torch.dtype, device: str) -> Any:
    """Load an autoencoder that takes the place of a model's own: a tiny one for speed (TAESD), or a better one.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    try:
        kind = _KINDS.get(str(_settings(path).get("_class_name")))
        if kind is None:
            raise ValueError("its config.json names an autoencoder that Bend doesn't support")
        weights = weight_files.weights_of("vae", model_files.listing(path).names)
        decoder = load_network(kind, path, weights.files, dtype=dtype, variant=weights.variant or None)
        decoder.to(device)
    except UNLOADABLE as error:
        if is_out_of_memory(error):
            raise
        raise _unloadable(path, error) from error
    align(decoder)
    return decoder


def require_fit(path: Path, wanted: int) -> None:
    """Refuse a decoder of other latents than the model's, before it is loaded.

    Parameters
    ----------
    wanted : the channels of the model's latents

    Raises
    ------
    BendError(MODEL_PURPOSE)
    """
    try:
        latents = _settings(path).get("latent_channels", 4)
    except ValueError as error:
        raise _unloadable(path, error) from error
    if latents != wanted:
        raise BendError(
            Code.MODEL_PURPOSE,
            f"The decoder in {path} is made for another kind of model: it takes {latents} latent channels, and this "
            f"model makes {wanted}.",
            "Choose the decoder for this kind of model, or none.",
            "bend.open_preferences",
        )


def _settings(path: Path) -> dict[str, Any]:
    """The configuration of a decoder; empty if there is none.

    Raises
    ------
    Unreadable
    """
    return model_files.listing(path).json("config.json") or {}


def _unloadable(path: Path, error: Exception) -> BendError:
    return BendError(
        Code.MODEL_INVALID,
        f"The decoder in {path} can't be loaded: {reason(error)}.",
        "It must be a folder with an AutoencoderKL or AutoencoderTiny (TAESD) and its .safetensors weights.",
        "bend.open_preferences",
    )
