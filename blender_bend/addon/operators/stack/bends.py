"""Editing the bend stack: add, remove, move, duplicate."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty
from bpy.types import Context, Operator, OperatorProperties

from ....core import catalogue
from ...host.typed import Result
from ...settings import enums, stack
from ...timeline.strips import polled_bend_strip
from ..shared.polls import OnBend, OnBendStrip


class BEND_OT_add_bend(OnBendStrip, Operator):
    """Add a bend to the end of the stack"""

    bl_idname = "bend.add_bend"
    bl_label = "Add Bend"
    bl_options = {"REGISTER", "UNDO"}

    operator: EnumProperty(
        name="Operator",
        description="Operation applied to the tensors",
        items=enums.operator_items(),
        default="rotate_channels",
    )
    site: StringProperty(name="Site", description="Part of the network to bend", default="latent")

    @classmethod
    def description(cls, context: Context, properties: OperatorProperties) -> str:
        chosen = properties.is_property_set("operator")
        return catalogue.operator(properties.operator).summary if chosen else cls.__doc__ or ""

    def execute(self, context: Context) -> Result:
        stack.add_bend(polled_bend_strip(context), self.operator, self.site)
        return {"FINISHED"}


class BEND_OT_remove_bend(OnBend, Operator):
    """Remove the active bend and its curves"""

    bl_idname = "bend.remove_bend"
    bl_label = "Remove Bend"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Context) -> Result:
        strip = polled_bend_strip(context)
        stack.remove_bend(strip.id_data, strip, strip.bend_settings.active_bend)
        return {"FINISHED"}


class BEND_OT_duplicate_bend(OnBend, Operator):
    """Duplicate the active bend with its routes and curves"""

    bl_idname = "bend.duplicate_bend"
    bl_label = "Duplicate Bend"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Context) -> Result:
        strip = polled_bend_strip(context)
        stack.duplicate_bend(strip.id_data, strip, strip.bend_settings.active_bend)
        return {"FINISHED"}


class BEND_OT_move_bend(OnBend, Operator):
    """Move the active bend in the stack; bends are applied from top to bottom"""

    bl_idname = "bend.move_bend"
    bl_label = "Move Bend"
    bl_options = {"REGISTER", "UNDO"}

    direction: EnumProperty(name="Direction", items=(("UP", "Up", "Apply earlier"), ("DOWN", "Down", "Apply later")))

    def execute(self, context: Context) -> Result:
        strip = polled_bend_strip(context)
        stack.move_bend(strip, strip.bend_settings.active_bend, -1 if self.direction == "UP" else 1)
        return {"FINISHED"}


class BEND_OT_edit_route(OnBendStrip, Operator):
    """Show this parameter in the Route panel, where sound features can drive it"""

    bl_idname = "bend.edit_route"
    bl_label = "Edit Route"
    bl_options = {"INTERNAL"}

    index: IntProperty(options={"HIDDEN"})
    of_strip: BoolProperty(description="Edit a parameter of the strip instead of the bend", options={"HIDDEN"})

    def execute(self, context: Context) -> Result:
        settings = polled_bend_strip(context).bend_settings
        if not self.of_strip and settings.bend is None:
            return {"CANCELLED"}
        settings.shows_own_route = self.of_strip
        settings.routed_holder.active_parameter = self.index
        return {"FINISHED"}


CLASSES = (BEND_OT_edit_route, BEND_OT_add_bend, BEND_OT_remove_bend, BEND_OT_duplicate_bend, BEND_OT_move_bend)
