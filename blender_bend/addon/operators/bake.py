"""Baking the sound into curves."""

from __future__ import annotations

from bpy.props import BoolProperty, FloatProperty, StringProperty
from bpy.types import Context, Event, Operator

from ...core.errors import BendError
from .. import activity, bake, compat
from ..strips import active_bend_strip
from .modal import Watching
from .polls import OnIdleBendStrip


class BEND_OT_bake(OnIdleBendStrip, Watching, Operator):
    """Measure the sound and write it as keyframes on this strip's bend parameters; keys you changed by hand stay"""

    bl_idname = "bend.bake"
    bl_label = "Bake Sound to Curves"
    bl_options = {"REGISTER", "UNDO"}

    parameter: StringProperty(
        name="Parameter",
        description="Name of the one custom property to bake; empty bakes all",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    simplify: BoolProperty(
        name="Simplify", description="Few Bézier keys, easy to edit by hand, instead of one key a frame"
    )
    tolerance: FloatProperty(
        name="Tolerance",
        description="How far simplified curves may be off, as a part of the route's range",
        default=0.02,
        min=0.001,
        max=0.5,
        subtype="FACTOR",
    )
    keep_hand_keys: BoolProperty(
        name="Keep Hand Keys", description="Leave keys that you moved, added or deleted as you left them", default=True
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        return self.watch(context)

    def execute(self, context: Context) -> set[str]:
        try:
            report = self._begin(context).finish()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, report.summary())
        return {"FINISHED"}

    def _begin(self, context: Context) -> bake.Bake:
        options = bake.Options(self.simplify, self.tolerance, self.keep_hand_keys)
        keys = [self.parameter] if self.parameter else None
        return bake.Bake(compat.sequencer_scene(context), active_bend_strip(context), options, keys)

    def start(self, context: Context) -> None:
        activity.begin("Listening to the sound")
        self.work = self._begin(context)

    def update(self) -> bool:
        self.work.request.poll()
        return not self.work.request.ended

    def cancel_work(self) -> None:
        self.work.cancel()

    def finish(self) -> None:
        self.report({"INFO"}, self.work.finish().summary())


CLASSES = (BEND_OT_bake,)
