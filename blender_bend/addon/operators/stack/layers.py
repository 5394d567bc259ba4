"""Editing the further features of the route that is shown: add, remove, move."""

from __future__ import annotations

from bpy.props import EnumProperty, IntProperty
from bpy.types import Context, Operator

from ...host.typed import OperatorMixin, Result
from ...settings.parameters import BEND_PG_parameter
from ...timeline.strips import active_bend_strip, require_bend_strip


def shown_parameter(context: Context) -> BEND_PG_parameter | None:
    """The parameter whose route is shown."""
    strip = active_bend_strip(context)
    holder = strip.bend_settings.routed_holder if strip else None
    active = holder.active_route() if holder else None
    return active[0] if active else None


def polled_parameter(context: Context) -> BEND_PG_parameter:
    """The same for what is only called if there is one, as its poll has found."""
    parameter = shown_parameter(context)
    assert parameter is not None
    return parameter


class OnRoute(OperatorMixin):
    """A mixin for operators that work on the route that is shown."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not require_bend_strip(cls, context):
            return False
        parameter = shown_parameter(context)
        if parameter is None or not parameter.routed:
            cls.poll_message_set("Choose a feature for the parameter first")
            return False
        return True


class BEND_OT_add_layer(OnRoute, Operator):
    """Add another feature to drive this parameter"""

    bl_idname = "bend.add_layer"
    bl_label = "Add Feature"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Context) -> Result:
        parameter = polled_parameter(context)
        parameter.layers.add().feature = "rms" if parameter.feature != "rms" else "onset"
        return {"FINISHED"}


class BEND_OT_remove_layer(OnRoute, Operator):
    """Remove this feature from the route"""

    bl_idname = "bend.remove_layer"
    bl_label = "Remove Feature"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(options={"HIDDEN"})

    def execute(self, context: Context) -> Result:
        polled_parameter(context).layers.remove(self.index)
        return {"FINISHED"}


class BEND_OT_move_layer(OnRoute, Operator):
    """Move this feature in the route; features are combined from top to bottom"""

    bl_idname = "bend.move_layer"
    bl_label = "Move Feature"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(options={"HIDDEN"})
    direction: EnumProperty(
        name="Direction", items=(("UP", "Up", "Combine earlier"), ("DOWN", "Down", "Combine later"))
    )

    def execute(self, context: Context) -> Result:
        parameter = polled_parameter(context)
        target = self.index + (-1 if self.direction == "UP" else 1)
        if not (0 <= target < len(parameter.layers) and 0 <= self.index < len(parameter.layers)):
            return {"CANCELLED"}
        parameter.layers.move(self.index, target)
        return {"FINISHED"}


CLASSES = (BEND_OT_add_layer, BEND_OT_remove_layer, BEND_OT_move_layer)
