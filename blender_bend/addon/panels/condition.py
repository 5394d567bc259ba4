"""The sound as a condition of the picture: adapters, sounds, and how strongly."""

from __future__ import annotations

from bpy.types import Context, Panel

from ...core.catalogue import strip as catalogue
from ..timeline.strips import polled_bend_strip
from .main import BendPanel
from .parameters import draw_parameters
from .sounds import draw_choice


class BEND_PT_condition(BendPanel, Panel):
    """Condition the pictures on the sound"""

    bl_idname = "BEND_PT_condition"
    bl_label = "Sound Condition"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header(self, context: Context) -> None:
        self.layout.prop(polled_bend_strip(context).bend_settings.condition, "enabled", text="")

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        strip = polled_bend_strip(context)
        settings = strip.bend_settings
        condition = settings.condition
        layout.active = condition.enabled
        column = layout.column()
        column.use_property_decorate = False
        column.prop(condition, "adapters", icon="SPEAKER")
        draw_choice(column, strip, for_condition=True)
        draw_parameters(layout, strip, settings, lambda parameter: parameter in catalogue.OF_CONDITION)
        column = layout.column()
        column.use_property_decorate = False
        column.prop(condition, "guidance")
        row = column.row()
        row.active = settings.source != catalogue.StartsFrom.NOISE
        row.prop(condition, "keep_layout")
        column = column.column(align=True)
        column.prop(condition, "length")
        column.prop(condition, "step")
        row = column.row()
        row.active = condition.step > 0
        row.prop(condition, "blended")
        row = layout.row(align=True)
        row.use_property_decorate = False
        row.prop(condition, "start")
        row.prop(condition, "end", text="")
        column = layout.column()
        column.use_property_decorate = False
        column.prop(condition, "blocks", placeholder="all at full strength")
        layout.operator("bend.embed_sound", icon="PLAY_SOUND")


CLASSES = (BEND_PT_condition,)
