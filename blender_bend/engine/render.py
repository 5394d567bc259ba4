"""Rendering a job into a frame store: only what is missing, each different frame once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from ..core import plan
from ..core.job import Bend, Job
from ..core.plan import Work
from ..core.resolve import Resolved, trace
from .frame_store import FrameStore
from .inputs import StoredInputs
from .models import ModelShelf, choose_device
from .sampling import Sampler
from .study import Studies

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
    """What a run did: frames asked for and found in the store, pictures made, states computed, seconds."""

    frames: int
    found: int
    rendered: int
    states: int
    seconds: float


@dataclass(frozen=True)
class Missing:
    """What the store does not have: resolved frames by key, and the numbers of the frames that show them."""

    frames: dict[str, Resolved]
    numbers: dict[str, list[int]]

    @property
    def total(self) -> int:
        """How many frames of the timeline are missing."""
        return sum(len(numbers) for numbers in self.numbers.values())

    def work(self) -> Work:
        """How much work they are."""
        return plan.measure(self.frames.values(), [len(numbers) for numbers in self.numbers.values()])


def missing(job: Job, store: FrameStore, numbers: Collection[int] | None = None) -> Missing:
    """What a store does not have of a job.

    Parameters
    ----------
    numbers : frame numbers of the timeline; None means all. Where frames start from the one before, all frames before
        the last of these are needed as well.
    """
    found = Missing({}, {})
    last = max(numbers, default=None) if numbers is not None else None
    for traced in trace(job):
        number = traced.frame.number
        chained = job.source == "previous" and last is not None and number <= last
        if numbers is not None and number not in numbers and not chained:
            continue
        if not store.has(traced.key):
            found.frames[traced.key] = traced.data
            found.numbers.setdefault(traced.key, []).append(number)
    return found


class Renderer:
    """Renders jobs; keeps the model and the encoded prompts from one job to the next.

    Parameters
    ----------
    device : ``auto`` or a torch device name
    studies : folder for what is found out about models; None for the user's cache
    """

    def __init__(self, device: str = "auto", studies: Path | None = None) -> None:
        self.device = device
        self._shelf = ModelShelf()
        self._studies = Studies(studies)
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
        wanted = missing(job, store, numbers)
        if wanted.frames:
            phase("Loading the model")
            sampler = self.sampler(job, job.bends, phase, cancelled)
            phase("Rendering")
            self._make(job, sampler, store, wanted, progress, cancelled)
        asked = [frame.number for frame in job.frames if numbers is None or frame.number in numbers]
        lacking = {number for showing in wanted.numbers.values() for number in showing}
        found = sum(number not in lacking for number in asked)
        states = wanted.work().states
        summary = Summary(len(asked), found, len(wanted.frames), states, time.monotonic() - began)
        log.info("%s", summary)
        return summary

    def _make(
        self,
        job: Job,
        sampler: Sampler,
        store: FrameStore,
        wanted: Missing,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        done, total = 0, wanted.total

        def finished(key: str, picture: Image) -> None:
            nonlocal done
            store.write(key, picture, wanted.frames[key])
            for number in wanted.numbers[key]:
                done += 1
                progress(Progress(number, key, done, total))

        inputs = StoredInputs(store)
        if job.source == "previous":  # each frame begins with the file of the one before
            for key, frame in wanted.frames.items():
                sampler.render_all({key: frame}, finished, inputs, cancelled)
        else:
            sampler.render_all(wanted.frames, finished, inputs, cancelled)

    def sampler(
        self,
        job: Job,
        bends: Sequence[Bend] = (),
        phase: Callable[[str], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Sampler:
        """The sampler of a job's model; it is loaded if it is not the one used last.

        Parameters
        ----------
        bends : for what these ask of the model, it is studied if it has not been

        Raises
        ------
        BendError(MODEL_INVALID), BendError(CANCELLED)
        """
        device = choose_device(self.device)
        if not self._shelf.holds(job, device):
            self._sampler = None  # or the old model would stay in memory beside the new one
        pipeline = self._shelf.pipeline(job, device)
        if self._sampler is None or self._sampler.pipeline is not pipeline:
            self._sampler = Sampler(pipeline)
        self._sampler.hearing = self._shelf.hearing(job, device)
        self._sampler.study = self._studies.of(job, bends, self._sampler, phase, cancelled)
        return self._sampler
