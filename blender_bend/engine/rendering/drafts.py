"""One draft at a time, for Live: put where Blender sees it at once, and kept on the disk afterwards."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from ...core.errors import BendError, Code, store_unwritable
from ...core.files import caches
from ...core.files.whole import write_whole
from ...core.job.job import Job
from ...core.job.resolve import trace
from ...core.process import shared_picture
from ...core.process.shared_picture import Picture
from ..host.memory import give_back, is_out_of_memory, out_of_memory
from ..store.frame_store import FrameStore
from ..store.inputs import StoredInputs
from .render import Renderer

log = logging.getLogger(__name__)

#: Drafts that wait to be written to the disk; if it is slower than that, some are not kept.
_WAITING = 32
#: After so many that were written, old ones are cleared away.
_TRIMMED = 200


@dataclass(frozen=True)
class Made:
    """A draft that is there.

    Parameters
    ----------
    key : its frame key
    seconds : how long it took, without the loading of a model
    """

    key: str
    seconds: float


class Drafts:
    """Makes drafts with a renderer's model.

    Parameters
    ----------
    renderer : whose model stays loaded
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._numbers = itertools.count(time.time_ns())  # an engine goes on with the file of the one before
        self._keeping: queue.Queue[tuple[Path, Picture]] = queue.Queue(_WAITING)
        self._keeper: threading.Thread | None = None

    def make(
        self,
        job: Job,
        store: FrameStore,
        picture: Path,
        kept: Path,
        phase: Callable[[str], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        replaced: Callable[[], bool] = lambda: False,
    ) -> Made:
        """Make the draft of a job's only frame.

        Parameters
        ----------
        store : where its inputs are; nothing is written to it
        picture : the file that is shared with Blender
        kept : folder of the drafts that are kept
        cancelled : whether it is not wanted any more, asked also while a model is loaded
        replaced : whether another one is wanted instead, asked before every denoising step: its model is the same

        Raises
        ------
        BendError(JOB_INVALID) if the job is no draft of one frame, BendError(CANCELLED), and what rendering raises
        """
        frames = list(trace(job)) if job.draft_of is not None and len(job.frames) == 1 else []
        if not frames:
            raise BendError(Code.JOB_INVALID, "The job cannot be rendered: it is no draft of one frame.")
        (traced,) = frames
        try:
            if not self._renderer.holds(job):
                phase("Loading the model")
            sampler = self._renderer.sampler(job, job.bends, phase, cancelled)
            phase("Rendering")
            began = time.monotonic()
            inputs = StoredInputs(store)
            image = sampler.render(traced.data, inputs, lambda: cancelled() or replaced())
            image = inputs.finished(traced.data, image)
        except (MemoryError, RuntimeError, OSError) as error:
            if not is_out_of_memory(error):
                raise
            give_back()
            raise out_of_memory(job.size, False) from error
        made = _picture(traced.key, image)
        try:
            shared_picture.publish(picture, made, next(self._numbers))
        except OSError as error:
            raise store_unwritable(picture.parent, error) from error
        seconds = time.monotonic() - began
        self._keep(kept, made)
        return Made(traced.key, seconds)

    def _keep(self, folder: Path, picture: Picture) -> None:
        """Let a draft be written to the disk beside the next one's making."""
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._write, name="drafts", daemon=True)
            self._keeper.start()
        try:
            self._keeping.put_nowait((folder, picture))
        except queue.Full:
            log.info("a draft was not kept: the disk is slow")

    def _write(self) -> None:
        for count in itertools.count():
            folder, picture = self._keeping.get()
            try:
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(shared_picture.kept_path(folder, picture.key), shared_picture.packed(picture))
                if count % _TRIMMED == 0:
                    caches.DRAFTS.trim(folder, time.time())
            except OSError as error:
                log.warning("a draft was not kept: %s", error)


def _picture(key: str, image: Image) -> Picture:
    return Picture(key, image.size, image.convert("RGB").tobytes())
