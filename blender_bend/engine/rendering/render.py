"""Rendering a job into a frame store: only what is missing, each different frame once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL.Image import Image

from ...core.catalogue.strip import StartsFrom
from ...core.errors import BendError, Code
from ...core.job import sharing
from ...core.job.frames import Frames
from ...core.job.job import Bend, Job
from ...core.job.resolve import Resolver
from ...core.job.tiling import TILED, WHOLE, tile_side
from ...core.precision import Precision
from ...core.resources import speeds
from ...core.resources.footprint import Offload
from ..host.devices import choose_device
from ..host.memory import NoRoomForAutoencoder, give_back, is_out_of_memory, out_of_memory
from ..prompts.notices import Notice, notices
from ..sampling import Sampler
from ..store.frame_store import FrameStore
from ..store.inputs import StoredInputs
from ..store.missing import Part, asked, look, until_cancelled
from ..studies.study import Studies
from .model_shelf import ModelShelf

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """A frame that is ready now: ``done`` of ``total`` frames that were missing or have not been looked for yet."""

    number: int
    key: str
    done: int
    total: int


@dataclass(frozen=True)
class Summary:
    """What a run did: frames asked for, found when their turn came, pictures made, states computed, seconds.

    ``batch`` is the size of the batches that fitted into memory, at most that of the job; ``decode`` is how pictures
    were decoded, in tiles if memory did not suffice; ``offload`` how much of the model is kept off the device.
    """

    frames: int
    found: int
    rendered: int
    states: int
    seconds: float
    batch: int = 1
    decode: str = WHOLE
    offload: Offload = Offload.NOTHING


#: What is tried, in this order, when memory runs out in one of the phases of a job. A smaller batch needs as much for
#: loading the model; on a device without a memory of its own there is nothing to be offloaded.
_LOADING: tuple[str, ...] = ("model", "sequential")
_DENOISING = ("batch", "model", "sequential")
_DECODING = ("model", "batch", "tiles", "sequential")
_OFFLOADS = {"model": Offload.MODEL, "sequential": Offload.SEQUENTIAL}
_OFFLOADING_SAYS = {
    Offload.MODEL: "keeping only the active part of the model on the GPU",
    Offload.SEQUENTIAL: "loading the model layer by layer, which is slow",
}


class _Run:
    """A job under way, attempt after attempt; parameters as those of ``Renderer.render``."""

    def __init__(
        self,
        job: Job,
        store: FrameStore,
        numbers: Collection[int] | None,
        progress: Callable[[Progress], None],
        phase: Callable[[str], None],
        cancelled: Callable[[], bool],
        told: Callable[[list[Notice]], None],
        playhead: int | None,
    ) -> None:
        self.job, self.store, self.numbers = job, store, numbers
        self.progress, self.phase, self.cancelled, self.told = progress, phase, cancelled, told
        self.playhead = playhead
        self.rendered = self.states = 0
        #: What can be tried if memory runs out now.
        self.stages = _LOADING
        #: The frames that were missing at first, as far as is known by now; and those of them that have been announced.
        self.lacking = set(asked(job, numbers))
        self._announced: set[int] = set()
        self._looking: Iterator[Part] | None = None

    @property
    def batched(self) -> bool:
        """Whether the size of batches matters to this job's frames, whose keys it then is a part of."""
        return self.job.source != StartsFrom.PREVIOUS and self.job.sound_condition is None

    def parts(self) -> Iterator[Part]:
        """What the store does not have, part by part; by its later keys some of it may be there, which is announced."""
        self.phase("Looking for existing frames")
        self.states, self.stages = 0, _LOADING
        if self._looking is None:
            self._looking = self._look()
            return self._looking
        for _ in self._looking:  # the rest may be there by the keys that the job had at first
            pass
        return self._look_again()

    def _look(self) -> Iterator[Part]:
        for part in look(self.job, self.store, self.numbers, self.cancelled, self.playhead):
            self.lacking.difference_update(part.there)
            yield part

    def _look_again(self) -> Iterator[Part]:
        chained = self.job.source == StartsFrom.PREVIOUS  # with other keys, every frame of the chain is another
        left = self.numbers if chained else self.lacking - self._announced
        for part in look(self.job, self.store, left, self.cancelled, self.playhead):
            if chained:
                self.lacking.update(*part.numbers.values())
            else:
                for number, key in part.there.items():
                    self._announce(number, key)
            yield part

    def make(self, sampler: Sampler, part: Part) -> None:
        """Render frames into the store."""
        inputs, frames = StoredInputs(self.store), part.frames
        for key in part.numbers.keys() - frames.keys():  # made with a part before
            self._show(key, part)
        self.states += sharing.measure(frames.values()).states

        def finished(key: str, picture: Image) -> None:
            self.store.write(key, inputs.finished(frames[key], picture), frames[key])
            self.rendered += 1
            self._show(key, part)

        if self.job.source == StartsFrom.PREVIOUS:  # each frame begins with the file of the one before
            for key, frame in frames.items():
                sampler.render_all({key: frame}, finished, inputs, self.cancelled)
        else:
            sampler.render_all(frames, finished, inputs, self.cancelled)

    def halve_the_batch(self) -> None:
        """Go on with smaller batches. Their frames are other frames, by their last bits: they have other keys."""
        self.job = replace(self.job, batch=self.job.batch // 2)
        self.phase(f"Out of memory: continuing with batches of {self.job.batch}")

    def decode_in_tiles(self) -> bool:
        """Go on with tiled decoding, also under other keys; False if that is nothing new, or changes no frame."""
        tiled = replace(self.job, decode=TILED)
        if self.job.decode == TILED or tile_side(self.job.size) is None:
            return False
        resolver = Resolver(tiled)
        if all("decode" not in resolver.resolve(frame) for frame in until_cancelled(self.job.frames, self.cancelled)):
            return False  # bends within the decoder need the picture as a whole
        self.job = tiled
        self.phase("Out of memory: continuing with tiled decoding")
        return True

    def _show(self, key: str, part: Part) -> None:
        for number in part.numbers[key]:
            self._announce(number, key)

    def _announce(self, number: int, key: str) -> None:
        self._announced.add(number)
        self.progress(Progress(number, key, len(self._announced), len(self.lacking)))


class Renderer:
    """Renders jobs; keeps the model and the encoded prompts from one job to the next.

    Parameters
    ----------
    device : ``auto`` or a torch device name
    studies : folder for what is found out about models; None for the user's cache
    """

    def __init__(self, device: str = "auto", studies: Path | None = None) -> None:
        self.device = device
        self.shelf = ModelShelf()
        self.studies = Studies(studies)
        self._sampler: Sampler | None = None

    def render(
        self,
        job: Job,
        store: FrameStore,
        numbers: Collection[int] | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
        phase: Callable[[str], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        told: Callable[[list[Notice]], None] = lambda _: None,
        playhead: int | None = None,
    ) -> Summary:
        """Make the frames of a job that the store does not have.

        Parameters
        ----------
        numbers : frame numbers of the timeline; None means all
        progress : called after each picture, once for every frame that shows it
        phase : called with words for what takes long before the first frame
        cancelled : asked before every denoising step
        told : called before the first frame with what of the prompts the model cannot take, if there is anything
        playhead : frames come from rough to fine from this number on, some hundred together; None means in their order.
            The pictures are the same, and so is the work.

        Raises
        ------
        BendError(JOB_INVALID) for drafts, BendError(CANCELLED) and all that can go wrong with model, bends and store.
        Frames made until then stay. If memory runs out the rest is made with less of it, stage by stage; see
        ``_ask_for_less``.
        """
        if job.draft_of is not None:
            raise BendError(Code.JOB_INVALID, "The job cannot be rendered: drafts are no part of a film.")
        began = time.monotonic()
        store.sweep()
        frames = Frames.of(job.frames)
        run = _Run(replace(job, frames=frames), store, numbers, progress, phase, cancelled, told, playhead)
        while not self._attempt(run):
            pass
        wanted = frozenset(frames.numbers if numbers is None else numbers)
        shown = [number for number in frames.numbers if number in wanted]
        found = sum(number not in run.lacking for number in shown)
        summary = Summary(
            len(shown),
            found,
            run.rendered,
            run.states,
            time.monotonic() - began,
            batch=run.job.batch,
            decode=run.job.decode,
            offload=self.shelf.offloaded(run.job),
        )
        log.info("%s", summary)
        return summary

    def _attempt(self, run: _Run) -> bool:
        """Make what is missing; False if memory ran out and the next attempt will need less of it.

        Raises
        ------
        BendError(OUT_OF_MEMORY) if it cannot need less
        """
        try:
            self._make(run)
            return True
        except (MemoryError, RuntimeError, OSError) as error:
            if not is_out_of_memory(error):
                raise
            log.warning("memory ran out: %s", error)
            if isinstance(error, NoRoomForAutoencoder):
                run.stages = _DECODING
        # Only here, where the exception no longer holds the tensors of every frame it came through.
        self._sampler = None
        give_back()
        if not any(self._ask_for_less(run, stage) for stage in run.stages):
            raise out_of_memory(run.job.size, self._gains_by_half(run.job))
        return False

    def _make(self, run: _Run) -> None:
        """Make what is missing; the model is loaded when the first frame of it is known."""
        sampler = None
        for part in run.parts():
            if part.numbers:
                sampler = sampler or self._begin(run)
                run.make(sampler, part)

    def _begin(self, run: _Run) -> Sampler:
        """The sampler for a run, which is told what of its prompts the model cannot take."""
        run.phase("Loading the model")
        sampler = self.sampler(run.job, run.job.bends, run.phase, run.cancelled)
        resolver = Resolver(run.job)
        telling = Frames.of(run.job.frames).telling(run.lacking)
        if found := notices(sampler.prompts, until_cancelled(map(resolver.resolve, telling), run.cancelled)):
            run.told(found)
        run.phase("Rendering")
        run.stages = _DENOISING
        return sampler

    def _gains_by_half(self, job: Job) -> bool:
        """Whether 16 bit would be less memory for a job, and is known not to be slow here."""
        known = speeds.kept(self.studies.folder, self.device)
        return job.precision == Precision.FLOAT32 and known is not None and not known.is_slow(Precision.FLOAT16)

    def _ask_for_less(self, run: _Run, stage: str) -> bool:
        """Let the next attempt need less memory in one way; False if that way has been gone, or leads nowhere here.

        What keeps the pixels comes first, where it can help; tiles make a difference that can be measured but hardly
        be seen; sequential offload keeps the pixels as well, but takes many times as long.
        """
        device = choose_device(self.device)
        if stage == "batch" and run.batched and run.job.batch > 1:
            run.halve_the_batch()
            return True
        if stage == "tiles":
            return run.decode_in_tiles()
        if stage in _OFFLOADS and self.shelf.offload(run.job, device, _OFFLOADS[stage]):
            run.phase(f"Out of memory: {_OFFLOADING_SAYS[_OFFLOADS[stage]]}")
            return True
        return False

    def holds(self, job: Job) -> bool:
        """Whether a job's model is loaded."""
        return self.shelf.holds(job, choose_device(self.device))

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
        if not self.shelf.holds(job, device):
            self._sampler = None  # or the old model would stay in memory beside the new one
        pipeline = self.shelf.pipeline(job, device, cancelled)
        if self._sampler is None or self._sampler.pipeline is not pipeline:
            self._sampler = Sampler(pipeline)
        self._sampler.conditioner = self.shelf.conditioner(job, device, cancelled)
        self._sampler.study = self.studies.of(job, bends, self._sampler, phase, cancelled)
        return self._sampler
