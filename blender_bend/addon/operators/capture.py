"""Capturing what the sequencer shows below a bend strip, and its masks."""

from __future__ import annotations

import time

from bpy.types import Context, Event, Operator

from ...core.errors import BendError, Code
from ..capture import capture
from ..host import activity, changes, compat
from ..host.typed import Result
from ..timeline.strips import polled_bend_strip
from .shared.modal import Watching
from .shared.polls import OnIdleBendStrip

#: How long capturing may hold the window at a time.
SECONDS = 0.1


class BEND_OT_capture(OnIdleBendStrip, Watching, Operator):
    """Render the strips below and the mask strips for every frame of this strip. Esc cancels"""

    bl_idname = "bend.capture"
    bl_label = "Capture"
    bl_options = {"REGISTER", "UNDO"}

    interval = 0.02

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def execute(self, context: Context) -> Result:
        try:
            count = capture.capture_all(compat.sequencer_scene(context), polled_bend_strip(context))
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Captured {count} pictures")
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        begun = activity.begin("Capturing")
        self.work = capture.Capture(compat.sequencer_scene(context), polled_bend_strip(context))
        begun.total = self.work.total

    def update(self) -> bool:
        current = activity.current
        if current and current.cancel_asked:
            return False
        until = time.monotonic() + SECONDS
        while self.work.running and time.monotonic() < until:
            self.work.advance()
        if current:
            current.advance(self.work.done)
        return self.work.running

    def cancel_work(self) -> None:
        pass

    def finish(self) -> None:
        changes.mark_changed()
        if self.work.running:
            raise BendError(Code.CANCELLED, "Canceled.")
        self.work.finish()
        self.report({"INFO"}, f"Captured {self.work.total} pictures")


CLASSES = (BEND_OT_capture,)
