"""Generating the frames of a bend strip."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bpy.types import Context, Event, Operator

from ...core.errors import BendError, Code
from ..film import curve_values
from ..frames import generate
from ..host import activity, changes, compat
from ..host.typed import Result
from ..timeline.strips import polled_bend_strip
from .shared.modal import Watching
from .shared.polls import OnIdleBendStrip

#: How long planning may hold the window at a time.
PLANNING_SECONDS = 0.015


class _Generating(OnIdleBendStrip, Watching):
    """What Generate and Preview Frame share: which frames is the only difference."""

    interval = 0.02

    def frames(self, context: Context) -> Sequence[int] | None:
        raise NotImplementedError

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def execute(self, context: Context) -> Result:
        try:
            work = generate.fill_store(
                compat.sequencer_scene(context), polled_bend_strip(context), self.frames(context)
            )
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._tell(work)
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        activity.begin("Generating")
        scene, strip = compat.sequencer_scene(context), polled_bend_strip(context)
        self.work: generate.Generation | None = None
        self._plays = curve_values.is_driven(scene, strip)
        self.planning = generate.prepare(scene, strip, self.frames(context))
        self._plan_on()

    def update(self) -> bool:
        current = activity.current
        if self.work is None:
            if current and current.cancel_asked:
                return False
            if not (self._plays and activity.renders()):  # it would be played below the render's hands
                self._plan_on()
            return True
        self.work.update()
        if current:
            current.phase, current.total = self.work.phase, self.work.total
            current.advance(self.work.done)
        return self.work.running

    def _plan_on(self) -> None:
        """Plan for a few milliseconds, and begin once the plan is made."""
        until = time.monotonic() + PLANNING_SECONDS
        try:
            while time.monotonic() < until:
                next(self.planning)
        except StopIteration as planned:
            self.work = generate.Generation(planned.value)

    def cancel_work(self) -> None:
        if self.work:
            self.work.cancel()
        else:
            self.planning.close()

    def finish(self) -> None:
        changes.mark_changed()
        if self.work is None:
            self.planning.close()
            raise BendError(Code.CANCELLED, "Canceled.")
        self.work.finish()
        self._tell(self.work)

    def _tell(self, work: generate.Generation) -> None:
        frames = work.frames
        self.report({"INFO"}, f"{frames} frame{'s' if frames != 1 else ''} ready, {work.rendered} newly rendered")


class BEND_OT_generate(_Generating, Operator):
    """Render the missing frames of this strip; frames whose settings haven't changed are reused. Esc cancels"""

    bl_idname = "bend.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    def frames(self, context: Context) -> None:
        return None


class BEND_OT_cancel(Operator):
    """Stop the current task, keeping finished frames"""

    bl_idname = "bend.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        return activity.current is not None

    def execute(self, context: Context) -> Result:
        if activity.current:
            activity.current.cancel_asked = True
        return {"FINISHED"}


class BEND_OT_forget_precision(OnIdleBendStrip, Operator):
    """Use the precision that is fastest on this machine for this strip; all its frames are rendered again"""

    bl_idname = "bend.forget_precision"
    bl_label = "Use This Machine's Precision"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Context) -> Result:
        polled_bend_strip(context).bend_settings.made = ""
        changes.mark_changed()
        return {"FINISHED"}


CLASSES = (BEND_OT_generate, BEND_OT_cancel, BEND_OT_forget_precision)
