"""The model used last, kept loaded from one job to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import cpu_offload  # type: ignore[import-untyped]
from torch import nn

from ...core.errors import BendError, Code
from ...core.job.job import Job
from ...core.models.references import file_fingerprint, fingerprint, model_fingerprint
from ...core.resources.footprint import Offload
from ..families import family_of
from ..host.devices import OFFLOADING
from ..loading import add_embeddings, add_loras, has_embeddings, load_pipeline
from ..sonic.checkpoints import load_adapters, load_projector
from ..sonic.condition import SoundConditioner

log = logging.getLogger(__name__)


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
    files += [(Path(file.path), file.fingerprint, file_fingerprint) for file in job.embeddings]
    for path, wanted, measure in files:
        if measure(path) != wanted:
            raise BendError(
                Code.MODEL_INVALID,
                f"{path} has changed since the job was created.",
                "Generate again; if a file was damaged, download the model again.",
                "bend.open_preferences",
            )


def _offload_layers(pipeline: Any, device: str) -> None:
    """Keep every layer in main memory while it is not at work, as diffusers' ``enable_sequential_cpu_offload`` does.

    That one adds a number to the name of the device, which makes a "cpu:0" that no tensor is on; tests stand on it.
    """
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            cpu_offload(part, torch.device(device), offload_buffers=len(part._parameters) > 0)


class ModelShelf:
    """Holds the model used last, so that a job after a job does not load it again."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._pipeline: Any = None
        self._conditioner_key: tuple[Any, ...] = ()
        self._conditioner: SoundConditioner | None = None
        #: How much of the models that do not fit is on the device, by fingerprint; see ``core.resources.footprint``.
        self.stages: dict[str, Offload] = {}

    def offloaded(self, job: Job) -> Offload:
        """How much of a job's model is on the device."""
        return self.stages.get(job.fingerprint, Offload.NOTHING)

    def offload(self, job: Job, device: str, stage: Offload) -> bool:
        """From now on keep only a part of a job's model on the device, and the rest in main memory.

        Returns
        -------
        whether that is less than until now, and this device has a memory of its own
        """
        if stage <= self.offloaded(job) or torch.device(device).type not in OFFLOADING:
            return False
        self._key, self._pipeline, self._conditioner_key, self._conditioner = (), None, (), None
        self.stages[job.fingerprint] = stage
        log.info("offload: %s", stage.name.lower())
        return True

    def conditioner(
        self, job: Job, device: str, cancelled: Callable[[], bool] = lambda: False
    ) -> SoundConditioner | None:
        """What conditions a job's model on sound; None if nothing does.

        Raises
        ------
        BendError(MODEL_MISSING), BendError(MODEL_INVALID)
        """
        if job.sound_condition is None:
            return None
        files = job.sound_condition
        key = (self._key_of(job, device), files.adapters_fingerprint, files.projector_fingerprint)
        if key != self._conditioner_key:
            self._conditioner_key, self._conditioner = (), None
            family = family_of(self.pipeline(job, device, cancelled))
            adapters = load_adapters(Path(files.adapters), family.denoiser)
            projector = load_projector(Path(files.projector))
            self._conditioner = SoundConditioner(family.denoiser, projector, adapters, family.device)
            self._conditioner_key = key
        return self._conditioner

    def holds(self, job: Job, device: str) -> bool:
        """Whether a job's model is the one held."""
        return self._key == self._key_of(job, device)

    @staticmethod
    def _key_of(job: Job, device: str) -> tuple[Any, ...]:
        loras = tuple((lora.site_name, lora.path, lora.fingerprint, lora.strength) for lora in job.loras)
        return (job.model, job.fingerprint, job.precision, device, job.decoder, job.decoder_fingerprint, loras)

    def pipeline(self, job: Job, device: str, cancelled: Callable[[], bool] = lambda: False) -> Any:
        """The diffusers pipeline of a job, on its device, with the job's decoder and LoRA files.

        Raises
        ------
        BendError(MODEL_INVALID) if diffusers cannot load it, or if it is not the model that the job was made for;
        BendError(CANCELLED)
        """
        key = self._key_of(job, device)
        if key == self._key and not has_embeddings(self._pipeline, job.embeddings):
            if job.fingerprint in self.stages:
                self._key = ()  # its weights are out of reach: load it again
            else:
                add_embeddings(self._pipeline, job.embeddings)
        if key != self._key:
            self._key, self._pipeline = (), None
            self._conditioner_key, self._conditioner = (), None  # it belongs to the network that goes
            offloaded = self.offloaded(job)
            first = "cpu" if offloaded else device
            decoder = Path(job.decoder) if job.decoder else None
            pipeline = load_pipeline(Path(job.model), getattr(torch, job.precision), first, decoder, cancelled)
            add_loras(pipeline, job.loras)
            add_embeddings(pipeline, job.embeddings)
            check_fingerprints(job)
            if offloaded == Offload.MODEL:
                pipeline.enable_model_cpu_offload(device=device)
            elif offloaded == Offload.SEQUENTIAL:
                _offload_layers(pipeline, device)
            self._pipeline = pipeline
            self._key = key
        return self._pipeline
