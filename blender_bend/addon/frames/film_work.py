"""From what the timeline says now to finished frames: curves never baked first, then the frames, then their flashes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
from bpy.types import ImageStrip, Scene

from ...core.errors import BendError, Code
from ...core.wording import counted
from ..baking import bake_queue
from ..baking.bake_queue import Bakes
from ..film import curve_values
from ..host import activity, changes
from ..host.slices import at_once
from ..timeline import anchor
from . import flash_check, generate
from .generation import Generation

#: How long planning may hold the window at a time.
PLANNING_SECONDS = 0.015
#: How long looking for flashes may.
CHECKING_SECONDS = 0.01
TITLE, CHECKING = "Generating", "Checking flashes"

log = logging.getLogger(__name__)


class FilmWork:
    """Frames of one strip under way. A route without a curve would make a film that stands still, so it is baked.

    Parameters
    ----------
    frames : frame numbers of the timeline; None means all that the strip shows
    undo : whether baking gets an undo step; not for an operator that gets one for all that it did

    Raises
    ------
    BendError if the sound can't be read or there is no engine
    """

    def __init__(self, scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None, undo: bool = True) -> None:
        self._scene, self._strip, self._frames = scene.session_uid, strip.name, frames
        self._undo = undo
        self._cancelled = self._plays = False
        self._generation: Generation | None = None
        self._planning: generate.Slices[generate.Plan] | None = None
        #: Single frames tell nothing of flashes.
        self._checks = frames is None or len(frames) > 1
        self._checking: generate.Slices[None] | None = None
        orders = bake_queue.unbaked([strip])
        self._bakes = Bakes(scene, orders) if orders else None

    def update(self) -> bool:
        """Go on for a moment; False once nothing is left to do."""
        if self._cancelled:
            return self._generation is not None and self._follow()
        if self._checking is not None:
            return self._check_on(self._checking)
        if self._bakes is not None:
            if not self._bakes.update():
                self._end_baking()
            return True
        if self._generation is None:
            self._plan_on()
            return True
        return self._follow() or self._begin_checking()

    def wait(self) -> None:
        """All of it at once, for a script.

        Raises
        ------
        BendError
        """
        if self._bakes is not None:
            self._bakes.run()
            _check(self._bakes)
        strip = anchor.named(self._scene, self._strip)
        self._generation = generate.fill_store(strip.id_data, strip, self._frames)
        if self._checks:
            with _forgiven():
                at_once(flash_check.check_new(strip.id_data.name, strip.name))

    def cancel(self) -> None:
        """Stop; frames and curves that are finished stay."""
        self._cancelled = True
        if self._bakes is not None:
            self._bakes.cancel()
        if self._planning is not None:
            self._planning.close()
        if self._checking is not None:
            self._checking.close()
        elif self._generation is not None:
            self._generation.cancel()

    def finish(self) -> str:
        """What came of it, in words.

        Raises
        ------
        BendError with what the engine said; BendError(CANCELLED)
        """
        changes.mark_changed()
        if self._generation is None:
            raise BendError(Code.CANCELLED, "Canceled.")
        self._generation.finish()
        return self.summary()

    def summary(self) -> str:
        """How many frames there are, and how many of them are new."""
        assert self._generation is not None
        return f"{counted(self._generation.frames, 'frame')} ready, {self._generation.rendered:,} newly rendered"

    def _end_baking(self) -> None:
        assert self._bakes is not None
        done, self._bakes = self._bakes, None
        done.finish()
        _check(done)
        if self._undo:  # else the keys would come and go with whatever is undone next
            bpy.ops.ed.undo_push(message="Bake Sound to Curves")

    def _plan_on(self) -> None:
        """Plan for a few milliseconds, and begin once the plan is made."""
        if self._planning is None:
            activity.begin(TITLE)
            strip = anchor.named(self._scene, self._strip)
            self._plays = curve_values.is_driven(strip.id_data, strip)
            self._planning = generate.prepare(strip.id_data, strip, self._frames)
        if self._plays and activity.renders():  # it would be played while the render needs the frame
            return
        until = time.monotonic() + PLANNING_SECONDS
        try:
            while time.monotonic() < until:
                next(self._planning)
        except StopIteration as planned:
            scene = anchor.named(self._scene, self._strip).id_data
            self._generation = Generation(planned.value, playhead=scene.frame_current)

    def _follow(self) -> bool:
        assert self._generation is not None
        work, current = self._generation, activity.current
        work.update()
        if current:
            current.phase, current.total = work.phase, work.total
            current.advance(work.done)
        return work.running

    def _begin_checking(self) -> bool:
        """Once all frames are there, look for flashes in them; False if there is nothing to look for, or at."""
        assert self._generation is not None
        if not self._checks or self._generation.failed:
            return False
        activity.begin(CHECKING)
        plan = self._generation.plan
        self._checking = flash_check.check_new(plan.scene, plan.strip, _tell)
        return True

    def _check_on(self, checking: generate.Slices[None]) -> bool:
        """Look for a few milliseconds."""
        until = time.monotonic() + CHECKING_SECONDS
        with _forgiven():
            while time.monotonic() < until:
                if next(checking, _END) is _END:
                    return False
            return True
        return False


#: What ends a work in slices.
_END = object()


def _tell(done: int, total: int) -> None:
    if activity.current:
        activity.current.total = total
        activity.current.advance(done)


@contextmanager
def _forgiven() -> Iterator[None]:
    """Whatever keeps the frames from being checked does not make them fail."""
    try:
        yield
    except BendError as error:
        log.info("flashes were not checked: %s", error)


def _check(bakes: Bakes) -> None:
    """Go no further where a curve is missing."""
    if bakes.failures:
        raise bakes.failures[0][1]
