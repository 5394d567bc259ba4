"""Flashes of the film: checked and softened."""

from __future__ import annotations

from bpy.types import Context, Event, Operator

from ...core.wording import counted
from ..baking import bake_queue
from ..baking.bake_queue import Order
from ..frames import flash_check
from ..frames.flash_check import Checked
from ..host import activity, compat
from ..host.slices import Slices
from ..host.typed import Result
from ..timeline.strips import polled_bend_strip
from .bake import Baking
from .shared.polls import OnIdleBendStrip
from .shared.slicing import InSlices


class BEND_OT_check_flashes(OnIdleBendStrip, InSlices, Operator):
    """Check this strip's frames for flashes that can trigger seizures (WCAG 2.3.1) and mark them on the timeline"""

    bl_idname = "bend.check_flashes"
    bl_label = "Check Flashes"
    bl_options = {"REGISTER", "UNDO"}

    title = "Checking flashes"

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def work(self, context: Context) -> Slices[Checked]:
        return flash_check.check(compat.sequencer_scene(context), polled_bend_strip(context), self.count)

    def tell(self, result: Checked) -> str:
        activity.redraw_timelines()
        missing = f"; {counted(result.missing, 'frame')} not rendered" if result.missing else ""
        found = result.text or f"{counted(result.frames, 'frame')} checked, no harmful flashes"
        return f"{found}{missing}"


class BEND_OT_soften_flashes(OnIdleBendStrip, Baking, Operator):
    """Lengthen the release of the fast curves where the film flashes, and bake them again"""

    bl_idname = "bend.soften_flashes"
    bl_label = "Soften Flashes"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if not flash_check.found(polled_bend_strip(context))[1]:
            cls.poll_message_set("Check Flashes has found nothing on this strip")
            return False
        return True

    def orders(self, context: Context) -> list[Order]:
        strip = polled_bend_strip(context)
        flash_check.soften(strip)
        return bake_queue.changed(compat.sequencer_scene(context), [strip])


CLASSES = (BEND_OT_check_flashes, BEND_OT_soften_flashes)
