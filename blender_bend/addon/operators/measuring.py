"""Measuring the sound without baking it, and embedding it for the pictures."""

from __future__ import annotations

from bpy.types import Context, Event, Operator

from ...core.errors import BendError
from ...core.wording import counted
from ..condition import embedding
from ..host import activity, changes, compat, named_files, reading
from ..host.slices import Slices
from ..host.typed import Result
from ..measuring.measured import Measuring
from ..timeline import strips
from ..timeline.strips import polled_bend_strip
from .shared.modal import Watching
from .shared.polls import OnIdleBendStrip
from .shared.slicing import InSlices


class WatchingMeasuring(Watching):
    """A mixin for operators that measure first."""

    def measuring(self, context: Context) -> Measuring:
        """What measures; the operator provides it."""
        raise NotImplementedError

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def start(self, context: Context) -> None:
        activity.begin("Measuring the sound")
        self.work = self.measuring(context)

    def update(self) -> bool:
        return not self.work.poll()

    def cancel_work(self) -> None:
        self.work.cancel()


class _Measuring(WatchingMeasuring):
    """What the measuring operators share: they also run without a window."""

    def execute(self, context: Context) -> Result:
        try:
            self.work = self.measuring(context)
            self.finish()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BEND_OT_measure(OnIdleBendStrip, _Measuring, Operator):
    """Measure the sound for this strip's routes and show the curve over the strip, without baking"""

    bl_idname = "bend.measure"
    bl_label = "Measure"
    bl_options = {"REGISTER"}

    def measuring(self, context: Context) -> Measuring:
        with named_files.press():
            return Measuring(compat.sequencer_scene(context), polled_bend_strip(context))

    def finish(self) -> None:
        self.work.finish()
        activity.redraw_timelines()


class BEND_OT_embed_sound(OnIdleBendStrip, InSlices, Operator):
    """Embed the sound for every picture of this strip. Generate does this automatically, rendering doesn't"""

    bl_idname = "bend.embed_sound"
    bl_label = "Embed Sound"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if not polled_bend_strip(context).bend_settings.condition.enabled:
            cls.poll_message_set("Turn on Sound Condition first")
            return False
        return True

    title = "Embedding the sound"

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def work(self, context: Context) -> Slices[int]:
        strip = polled_bend_strip(context)
        scene_name, strip_name = strip.id_data.name, strip.name

        def embed() -> Slices[int]:
            found = strips.called(scene_name, strip_name)
            return embedding.embed_in_slices(found.id_data, found)

        return reading.once_read(embed, activity.say)

    def wait(self, context: Context) -> int:
        return embedding.embed(compat.sequencer_scene(context), polled_bend_strip(context))

    def finish(self) -> None:
        changes.mark_changed()
        super().finish()

    def tell(self, count: int) -> str:
        return f"Analyzed {counted(count, 'sound window')}"


CLASSES = (BEND_OT_measure, BEND_OT_embed_sound)
