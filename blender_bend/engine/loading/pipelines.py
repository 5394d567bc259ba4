"""Loading a model as a diffusers pipeline, be it a folder or a single file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...core.errors import BendError, Code
from ..families import family_of
from ..host.alignment import align_parts
from ..host.memory import is_out_of_memory
from .decoders import load_decoder, require_fit
from .failures import UNLOADABLE, reason
from .folders import from_folder
from .single_files import from_file

log = logging.getLogger(__name__)


def load_pipeline(
    path: Path,
    dtype: torch.dtype,
    device: str,
    decoder: Path | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Any:
    """Load a model folder or a single file as a diffusers pipeline, without safety checker and code of its own.

    Parameters
    ----------
    decoder : the folder of an autoencoder that takes the place of the model's own
    cancelled : asked before every part

    Raises
    ------
    BendError(MODEL_INVALID), BendError(CANCELLED), and what ``model_checks.check`` raises
    """

    def check() -> None:
        if cancelled():
            raise BendError(Code.CANCELLED, "Canceled.")

    log.info("loading %s as %s on %s", path, dtype, device)
    try:
        if path.is_file():
            pipeline = from_file(path, dtype, decoder, check)
        else:
            pipeline = from_folder(path, dtype, check)
            if decoder:
                require_fit(decoder, pipeline.vae.config.latent_channels)
                pipeline.vae = load_decoder(decoder, dtype, device)
        check()
        pipeline.to(device)
    except UNLOADABLE as error:
        if is_out_of_memory(error):
            raise
        raise BendError(
            Code.MODEL_INVALID,
            f"The model in {path} can't be loaded: {reason(error)}.",
            "It must be a complete diffusers folder with .safetensors weights, or a full checkpoint.",
            "bend.open_preferences",
        ) from error
    family_of(pipeline)
    if dtype != torch.float32 and hasattr(pipeline, "unet"):
        # Convolutions in half precision are up to twice as fast in this order, on a CPU with AMX and on CUDA.
        pipeline.unet.to(memory_format=torch.channels_last)
        pipeline.vae.to(memory_format=torch.channels_last)
    align_parts(pipeline)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
