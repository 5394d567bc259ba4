"""Rendering a job into a frame store: only what is missing, each different frame once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ..core.job import Job, frame_key
from .frame_store import FrameStore
from .models import ModelShelf, choose_device
from .sampler import Sampler

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """A frame that is ready now: ``done`` of ``total`` frames that were missing."""

    number: int
    key: str
    done: int
    total: int


@dataclass(frozen=True)
class Summary:
    """What a run did: frames asked for, frames found in the store, pictures made, seconds."""

    frames: int
    found: int
    rendered: int
    seconds: float


class Renderer:
    """Renders jobs; keeps the model and the encoded prompts from one job to the next.

    Parameters
    ----------
    device : ``auto`` or a torch device name
    """

    def __init__(self, device: str = "auto") -> None:
        self.device = device
        self._shelf = ModelShelf()
        self._sampler: Sampler | None = None

    def render(
        self,
        job: Job,
        store: FrameStore,
        numbers: Collection[int] | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
        phase: Callable[[str], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Summary:
        """Make the frames of a job that the store does not have.

        Parameters
        ----------
        numbers : frame numbers of the timeline; None means all
        progress : called after each picture, once for every frame that shows it
        phase : called with words for what takes long before the first frame
        cancelled : asked before every denoising step

        Raises
        ------
        BendError(CANCELLED) and all that can go wrong with model, bends and store. Frames made until then stay.
        """
        began = time.monotonic()
        wanted = [frame for frame in job.frames if numbers is None or frame.number in numbers]
        missing: dict[str, list[int]] = {}
        resolved = {}
        for frame in wanted:
            data = job.resolve(frame)
            key = frame_key(data)
            if not store.has(key):
                missing.setdefault(key, []).append(frame.number)
                resolved[key] = data
        total = sum(len(numbers) for numbers in missing.values())
        done = 0
        if missing:
            phase("Loading the model")
            sampler = self._prepare(job)
            phase("Rendering")
        for key, showing in missing.items():
            store.write(key, sampler.render(resolved[key], cancelled), resolved[key])
            for number in showing:
                done += 1
                progress(Progress(number, key, done, total))
        summary = Summary(len(wanted), len(wanted) - total, len(missing), time.monotonic() - began)
        log.info("%s", summary)
        return summary

    def _prepare(self, job: Job) -> Sampler:
        pipeline = self._shelf.pipeline(job.model, job.fingerprint, job.precision, choose_device(self.device))
        if self._sampler is None or self._sampler.pipeline is not pipeline:
            self._sampler = Sampler(pipeline)
        return self._sampler
