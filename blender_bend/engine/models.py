"""Loading a diffusers model once and keeping it."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DiffusionPipeline
from safetensors import SafetensorError

from ..core import model_files, single_files
from ..core.errors import BendError, Code
from ..core.job import Job, Lora
from ..core.models import file_fingerprint, fingerprint, model_fingerprint
from .families import family_of
from .memory import is_out_of_memory
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


#: Kinds of devices whose memory is not the machine's own.
OFFLOADING = {"cuda", "xpu"}
#: What diffusers and safetensors raise for folders and files that are no models, or damaged ones.
UNLOADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError, SafetensorError)


def check_fingerprints(job: Job) -> None:
    """Whether the files that were loaded are those that the job was made for; else frames would get wrong names.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    files = [(Path(job.model), job.fingerprint, model_fingerprint)]
    if job.decoder:
        files.append((Path(job.decoder), job.decoder_fingerprint, fingerprint))
    files += [(Path(lora.path), lora.fingerprint, file_fingerprint) for lora in job.loras]
    for path, wanted, measure in files:
        if measure(path) != wanted:
            raise BendError(
                Code.MODEL_INVALID,
                f"{path} is not what it was when the job was made.",
                "Generate again; if a file was damaged, fetch the model again.",
                "bend.open_preferences",
            )


class ModelShelf:
    """Holds the model used last, so that a job after a job does not load it again."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._pipeline: Any = None
        self._heard: tuple[Any, ...] = ()
        self._hearing: Hearing | None = None
        #: The fingerprints of the models that do not fit on the device.
        self._offloaded: set[str] = set()

    def offload(self, job: Job, device: str) -> bool:
        """From now on keep of a job's model only the part on the device that is at work, and the rest in memory.

        Returns
        -------
        whether that is anything new, and this device has a memory of its own
        """
        if job.fingerprint in self._offloaded or torch.device(device).type not in OFFLOADING:
            return False
        self._key, self._pipeline, self._heard, self._hearing = (), None, (), None
        self._offloaded.add(job.fingerprint)
        log.info("the model is kept off the device where it is not at work")
        return True

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
        BendError(MODEL_INVALID) if diffusers cannot load it, or if it is not the model that the job was made for.
        """
        key = self._key_of(job, device)
        if key != self._key:
            self._key, self._pipeline = (), None
            self._heard, self._hearing = (), None  # it belongs to the network that goes
            offloaded = job.fingerprint in self._offloaded
            first = "cpu" if offloaded else device
            pipeline = load_pipeline(Path(job.model), getattr(torch, job.precision), first)
            if job.decoder:
                pipeline.vae = load_decoder(Path(job.decoder), getattr(torch, job.precision), first)
            add_loras(pipeline, job.loras)
            check_fingerprints(job)
            if offloaded:
                pipeline.enable_model_cpu_offload(device=device)
            self._pipeline = pipeline
            self._key = key
        return self._pipeline


def load_pipeline(path: Path, dtype: torch.dtype, device: str) -> Any:
    """Load a model folder or a single file as a diffusers pipeline, without safety checker and code of its own.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    log.info("loading %s as %s on %s", path, dtype, device)
    try:
        pipeline = (_from_file if path.is_file() else _from_folder)(path, dtype).to(device)
    except UNLOADABLE as error:
        if is_out_of_memory(error):
            raise
        raise BendError(
            Code.MODEL_INVALID,
            f"The model in {path} cannot be loaded: {error}.",
            "It must be a complete diffusers folder with .safetensors weights, or a whole checkpoint.",
            "bend.open_preferences",
        ) from error
    family_of(pipeline)
    if dtype != torch.float32 and hasattr(pipeline, "unet"):
        # Convolutions in half precision are up to twice as fast in this order, on a CPU with AMX and on CUDA.
        pipeline.unet.to(memory_format=torch.channels_last)
        pipeline.vae.to(memory_format=torch.channels_last)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _from_folder(path: Path, dtype: torch.dtype) -> Any:
    parts = json.loads((path / model_files.INDEX).read_text(encoding="utf-8"))
    # Parts that a folder names as missing, such as SD3 without its T5, must be named again.
    left_out = {name: None for name, part in parts.items() if name == "safety_checker" or part == [None, None]}
    return DiffusionPipeline.from_pretrained(
        str(path),
        dtype=dtype,
        variant=model_files.variant(path),
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        **left_out,
    )


def _from_file(path: Path, dtype: torch.dtype) -> Any:
    """A checkpoint in one file, with the settings of the hub's model of its kind.

    Raises
    ------
    BendError(MODEL_INVALID), BendError(MODEL_MISSING) without these settings
    """
    kind = single_files.kind_of(path)
    settings = single_files.description(kind)
    if settings is None:
        raise BendError(
            Code.MODEL_MISSING,
            f"The settings of {kind.label} are not downloaded.",
            f"Download them: {kind.described_by}.",
            "bend.download_model",
        )
    pipeline = getattr(diffusers, kind.pipeline)
    return pipeline.from_single_file(
        str(path), config=str(settings), dtype=dtype, local_files_only=True, safety_checker=None
    )


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
    except UNLOADABLE as error:
        if is_out_of_memory(error):
            raise
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
        except UNLOADABLE as error:
            if is_out_of_memory(error):
                raise
            raise BendError(
                Code.MODEL_INVALID,
                f"The LoRA {lora.name} cannot be used with this model: {error}.",
                "A LoRA fits the kind of model that it was trained on.",
                "bend.open_preferences",
            ) from error
    if loras:
        pipeline.set_adapters([lora.site_name for lora in loras], [lora.strength for lora in loras])
