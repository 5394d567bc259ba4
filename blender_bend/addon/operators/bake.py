"""Baking the sound into curves: of one strip, of all, or of those that have changed."""

from __future__ import annotations

from dataclasses import fields

from bpy.props import StringProperty
from bpy.types import Context, Event, Operator

from ...core.errors import BendError, Code
from ..baking import bake_queue
from ..baking.bake_queue import Bakes, Order
from ..baking.curve_writer import Report
from ..host import activity, compat
from ..host.typed import Result
from ..panels.baking import draw_options
from ..settings import enums
from ..settings.bake_settings import OperatorOptions, Options, options_of
from ..timeline.strips import bend_strips, polled_bend_strip
from .shared.modal import Watching
from .shared.polls import OnIdleBendStrip, WhenIdle
from .shared.shortcuts import Shortcut


class Baking(Watching):
    """A mixin for operators that bake; they provide ``orders(context)``."""

    interval = 0.02

    def orders(self, context: Context) -> list[Order]:
        """What is to be baked."""
        raise NotImplementedError

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def execute(self, context: Context) -> Result:
        try:
            self.start(context)
            report = self.work.run()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            activity.end()
        self._tell(report)
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        orders = self.orders(context)
        if not orders:
            raise BendError(
                Code.PARAMETER_INVALID,
                "There is nothing to bake.",
                "Choose a feature for a parameter in the Route panel.",
            )
        self.work = Bakes(compat.sequencer_scene(context), orders)

    def update(self) -> bool:
        return self.work.update()

    def cancel_work(self) -> None:
        self.work.cancel()

    def finish(self) -> None:
        self._tell(self.work.finish())

    def _tell(self, report: Report) -> None:
        self.report({"INFO"}, report.summary())
        for strip, error in self.work.failures:
            self.report({"WARNING"}, f"{strip}: {error}")


class BEND_OT_bake(OnIdleBendStrip, Baking, OperatorOptions, Operator):
    """Measure the sound and bake it to keyframes on this strip's parameters, keeping keyframes edited by hand"""

    bl_idname = "bend.bake"
    bl_label = "Bake Sound to Curves"
    bl_options = {"REGISTER", "UNDO"}

    parameter: StringProperty(
        name="Parameter",
        description="Custom property to bake. Empty: all of them",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def orders(self, context: Context) -> list[Order]:
        strip = polled_bend_strip(context)
        baking = strip.bend_settings.baking
        # What is not asked for is done as the last time on this strip, and what is asked for is done the next time too.
        remembered = {field.name for field in fields(Options) if not self.properties.is_property_set(field.name)}
        enums.check(baking, remembered)
        for setting in fields(Options):
            source, target = (baking, self) if setting.name in remembered else (self, baking)
            setattr(target, setting.name, getattr(source, setting.name))
        return [Order(strip.name, options_of(self), (self.parameter,) if self.parameter else None)]

    def draw(self, context: Context) -> None:
        self.layout.use_property_split = True
        draw_options(self.layout, self)


class BEND_OT_bake_all(WhenIdle, Baking, Operator):
    """Bake every bend strip in the scene, each with its own settings"""

    bl_idname = "bend.bake_all"
    bl_label = "Bake All Strips"
    bl_options = {"REGISTER", "UNDO"}

    def orders(self, context: Context) -> list[Order]:
        return bake_queue.everything(compat.sequencer_scene(context))


class BEND_OT_rebake(WhenIdle, Baking, Operator):
    """Bake the curves whose sound or route has changed again, with their previous settings"""

    bl_idname = "bend.rebake"
    bl_label = "Re-bake Changed"
    bl_options = {"REGISTER", "UNDO"}

    def orders(self, context: Context) -> list[Order]:
        scene = compat.sequencer_scene(context)
        return bake_queue.changed(scene, bend_strips(scene))


SHORTCUTS = (Shortcut("bend.bake", "B"),)
CLASSES = (BEND_OT_bake, BEND_OT_bake_all, BEND_OT_rebake)
