"""Loading a diffusers model once and keeping it."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DiffusionPipeline

from ..core.errors import BendError, Code
from ..core.job import Job, Lora
from .families import family_of
from .sonic.checkpoints import load_adapters, load_projector
from .sonic.condition import Hearing

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
        self._key: tuple[Any, ...] = ()
        self._pipeline: Any = None
        self._heard: tuple[Any, ...] = ()
        self._hearing: Hearing | None = None

    def hearing(self, job: Job, device: str) -> Hearing | None:
        """What makes a job's model hear; None if nothing does.

        Raises
        ------
        BendError(MODEL_MISSING), BendError(MODEL_INVALID)
        """
        if job.hearing is None:
            return None
        files = job.hearing
        key = (self._key_of(job, device), files.adapters_fingerprint, files.projector_fingerprint)
        if key != self._heard:
            self._heard, self._hearing = (), None
            unet = family_of(self.pipeline(job, device)).denoiser
            adapters = load_adapters(Path(files.adapters), unet)
            self._hearing = Hearing(unet, load_projector(Path(files.projector)), adapters)
            self._heard = key
        return self._hearing

    def holds(self, job: Job, device: str) -> bool:
        """Whether a job's model is the one held."""
        return self._key == self._key_of(job, device)

    @staticmethod
    def _key_of(job: Job, device: str) -> tuple[Any, ...]:
        loras = tuple((lora.site_name, lora.path, lora.fingerprint, lora.strength) for lora in job.loras)
        return (job.model, job.fingerprint, job.precision, device, job.decoder, job.decoder_fingerprint, loras)

    def pipeline(self, job: Job, device: str) -> Any:
        """The diffusers pipeline of a job, on its device, with the job's decoder and LoRA files.

        Raises
        ------
        BendError(MODEL_INVALID) if diffusers cannot load it.
        """
        key = self._key_of(job, device)
        if key != self._key:
            self._key, self._pipeline = (), None
            self._heard, self._hearing = (), None  # it belongs to the network that goes
            pipeline = load_pipeline(Path(job.model), getattr(torch, job.precision), device)
            if job.decoder:
                pipeline.vae = load_decoder(Path(job.decoder), getattr(torch, job.precision), device)
            add_loras(pipeline, job.loras)
            self._pipeline = pipeline
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
        # Parts that a folder names as missing, such as SD3 without its T5, must be named again.
        left_out = {name: None for name, part in parts.items() if name == "safety_checker" or part == [None, None]}
        pipeline = DiffusionPipeline.from_pretrained(
            str(path), dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False, **left_out
        )
        pipeline = pipeline.to(device)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise BendError(
            Code.MODEL_INVALID,
            f"The model in {path} cannot be loaded: {error}.",
            "It must be a complete diffusers folder with .safetensors weights.",
            "bend.open_preferences",
        ) from error
    family_of(pipeline)
    if dtype != torch.float32 and hasattr(pipeline, "unet"):
        # Convolutions in half precision are up to twice as fast in this order, on a CPU with AMX and on CUDA.
        pipeline.unet.to(memory_format=torch.channels_last)
        pipeline.vae.to(memory_format=torch.channels_last)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def load_decoder(path: Path, dtype: torch.dtype, device: str) -> Any:
    """Load an autoencoder that takes the place of a model's own: a tiny one for speed (TAESD), or a better one.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    kinds = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
    try:
        kind = json.loads((path / "config.json").read_text(encoding="utf-8"))["_class_name"]
        return (
            kinds[kind].from_pretrained(str(path), dtype=dtype, local_files_only=True, use_safetensors=True).to(device)
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BendError(
            Code.MODEL_INVALID,
            f"The decoder in {path} cannot be loaded: {error}.",
            "It must be a folder with an AutoencoderKL or AutoencoderTiny (TAESD) and its .safetensors weights.",
            "bend.open_preferences",
        ) from error


def add_loras(pipeline: Any, loras: Sequence[Lora]) -> None:
    """Load LoRA files onto a pipeline, each with its strength.

    Raises
    ------
    BendError(MODEL_INVALID) naming the file that does not fit the model
    """
    for lora in loras:
        try:
            path = Path(lora.path)
            if path.suffix != ".safetensors":
                raise ValueError("it is not a .safetensors file")
            if not path.is_file():
                raise OSError("there is no such file")
            pipeline.load_lora_weights(
                str(path.parent), weight_name=path.name, local_files_only=True, adapter_name=lora.site_name
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, ImportError) as error:
            raise BendError(
                Code.MODEL_INVALID,
                f"The LoRA {lora.name} cannot be used with this model: {error}.",
                "A LoRA fits the kind of model that it was trained on.",
                "bend.open_preferences",
            ) from error
    if loras:
        pipeline.set_adapters([lora.site_name for lora in loras], [lora.strength for lora in loras])
