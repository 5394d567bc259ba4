"""Listening to the sound without baking it."""

from __future__ import annotations

from bpy.types import Context, Event, Operator

from ...core.errors import BendError
from .. import activity, compat
from ..listening import Listening
from ..strips import active_bend_strip
from .modal import Watching
from .polls import OnIdleBendStrip


class WatchingListening(Watching):
    """A mixin for operators that listen first; they provide ``listening(context)``."""

    def start(self, context: Context) -> None:
        activity.begin("Listening to the sound")
        self.work = self.listening(context)

    def update(self) -> bool:
        return not self.work.poll()

    def cancel_work(self) -> None:
        self.work.cancel()


class BEND_OT_listen(OnIdleBendStrip, WatchingListening, Operator):
    """Measure what the routes of this strip need and show it over the strip; nothing is written"""

    bl_idname = "bend.listen"
    bl_label = "Listen"
    bl_options = {"REGISTER"}

    def invoke(self, context: Context, event: Event) -> set[str]:
        return self.watch(context)

    def execute(self, context: Context) -> set[str]:
        try:
            self.listening(context).finish()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def listening(self, context: Context) -> Listening:
        return Listening(compat.sequencer_scene(context), active_bend_strip(context))

    def finish(self) -> None:
        self.work.finish()
        activity.redraw_timelines()


CLASSES = (BEND_OT_listen,)
