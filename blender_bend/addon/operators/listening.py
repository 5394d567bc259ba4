"""Listening to the sound without baking it."""

from __future__ import annotations

from bpy.types import Context, Event, Operator

from ...core.errors import BendError
from ..condition import hearing
from ..host import activity, changes, compat, named_files, reading
from ..host.slices import Slices
from ..measuring.listening import Listening
from ..timeline import strips
from ..timeline.strips import active_bend_strip
from .shared.modal import Watching
from .shared.polls import OnIdleBendStrip
from .shared.slicing import InSlices


class WatchingListening(Watching):
    """A mixin for operators that listen first; they provide ``listening(context)``."""

    def invoke(self, context: Context, event: Event) -> set[str]:
        return self.watch(context)

    def start(self, context: Context) -> None:
        activity.begin("Measuring the sound")
        self.work = self.listening(context)

    def update(self) -> bool:
        return not self.work.poll()

    def cancel_work(self) -> None:
        self.work.cancel()


class _Listening(WatchingListening):
    """What the listening operators share: they also run without a window."""

    def execute(self, context: Context) -> set[str]:
        try:
            self.work = self.listening(context)
            self.finish()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BEND_OT_listen(OnIdleBendStrip, _Listening, Operator):
    """Measure the sound for this strip's routes and show the curve over the strip, without baking"""

    bl_idname = "bend.listen"
    bl_label = "Measure"
    bl_options = {"REGISTER"}

    def listening(self, context: Context) -> Listening:
        with named_files.press():
            return Listening(compat.sequencer_scene(context), active_bend_strip(context))

    def finish(self) -> None:
        self.work.finish()
        activity.redraw_timelines()


class BEND_OT_hear(OnIdleBendStrip, InSlices, Operator):
    """Embed the sound for every picture of this strip. Generate does this automatically, rendering doesn't"""

    bl_idname = "bend.hear"
    bl_label = "Embed Sound"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if not active_bend_strip(context).bend_settings.condition.enabled:
            cls.poll_message_set("Turn on Sound Condition first")
            return False
        return True

    title = "Embedding the sound"

    def invoke(self, context: Context, event: Event) -> set[str]:
        return self.watch(context)

    def work(self, context: Context) -> Slices[int]:
        strip = active_bend_strip(context)
        scene_name, strip_name = strip.id_data.name, strip.name

        def listen() -> Slices[int]:
            found = strips.called(scene_name, strip_name)
            return hearing.listen_in_slices(found.id_data, found)

        return reading.once_read(listen, activity.say)

    def wait(self, context: Context) -> int:
        return hearing.listen(compat.sequencer_scene(context), active_bend_strip(context))

    def finish(self) -> None:
        changes.mark_changed()
        super().finish()

    def tell(self, count: int) -> str:
        return f"Analyzed {count} sound window{'s' if count != 1 else ''}"


CLASSES = (BEND_OT_listen, BEND_OT_hear)
