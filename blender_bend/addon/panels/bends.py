"""The bend stack, the active bend, and the routes of its parameters."""

from __future__ import annotations

from typing import Any

from bpy.types import Context, Panel, UILayout, UIList

from ...core import catalogue
from ..properties import BEND_PG_bend
from ..strips import active_bend_strip
from .main import BendPanel


class BEND_UL_bends(UIList):
    """The bends of a strip, in the order in which they act"""

    def draw_item(
        self,
        context: Context,
        layout: UILayout,
        data: Any,
        item: BEND_PG_bend,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int = 0,
        flt_flag: int = 0,
    ) -> None:
        row = layout.row(align=True)
        row.active = item.enabled
        routed = any(parameter.routed for parameter in item.parameters)
        row.prop(item, "name", text="", emboss=False, icon="SOUND" if routed else "MODIFIER")
        site = row.row()
        site.alignment = "RIGHT"
        site.label(text=item.site.replace("unet:", ""))
        row.prop(item, "enabled", text="", icon="HIDE_OFF" if item.enabled else "HIDE_ON", emboss=False)


class BEND_PT_bends(BendPanel, Panel):
    """The bend stack and its active bend"""

    bl_idname = "BEND_PT_bends"
    bl_label = "Bends"

    def draw(self, context: Context) -> None:
        layout = self.layout
        strip = active_bend_strip(context)
        settings = strip.bend_settings
        row = layout.row()
        row.template_list("BEND_UL_bends", "", settings, "bends", settings, "active_bend", rows=4)
        column = row.column(align=True)
        column.operator("bend.add_bend", text="", icon="ADD")
        column.operator("bend.remove_bend", text="", icon="REMOVE")
        column.separator()
        column.operator("bend.duplicate_bend", text="", icon="DUPLICATE")
        column.separator()
        column.operator("bend.move_bend", text="", icon="TRIA_UP").direction = "UP"
        column.operator("bend.move_bend", text="", icon="TRIA_DOWN").direction = "DOWN"
        bend = settings.bend
        if bend is None:
            return
        layout.use_property_split = True
        self._draw_structure(layout, bend)
        layout.separator()
        for parameter in bend.parameters:
            row = layout.row(align=True)
            described = _described(bend, parameter.name)
            row.prop(strip, f'["{parameter.key}"]', text=described.label)
            row.label(text="", icon="SOUND" if parameter.routed else "BLANK1")

    def _draw_structure(self, layout: UILayout, bend: BEND_PG_bend) -> None:
        column = layout.column()
        column.use_property_decorate = False
        column.prop(bend, "operator")
        for choice in catalogue.operator(bend.operator).choices:
            column.prop(bend, choice.name)
        column.prop(bend, "site")
        row = column.row(align=True)
        row.active = bend.site != "noise"
        row.prop(bend, "start", text="Steps")
        row.prop(bend, "end", text="")
        column.prop(bend, "channels")


class BEND_UL_parameters(UIList):
    """The parameters of the active bend and what drives them"""

    def draw_item(
        self,
        context: Context,
        layout: UILayout,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int = 0,
        flt_flag: int = 0,
    ) -> None:
        bend = active_bend_strip(context).bend_settings.bend
        row = layout.row(align=True)
        row.label(text=_described(bend, item.name).label, icon="SOUND" if item.routed else "BLANK1")
        row.prop(item, "feature", text="", emboss=False)


class BEND_PT_route(BendPanel, Panel):
    """From the sound to the parameters of the active bend"""

    bl_idname = "BEND_PT_route"
    bl_label = "Routes"

    def draw(self, context: Context) -> None:
        layout = self.layout
        settings = active_bend_strip(context).bend_settings
        bend = settings.bend
        if bend is None:
            layout.label(text="Add a bend first")
            return
        layout.template_list("BEND_UL_parameters", "", bend, "parameters", bend, "active_parameter", rows=2, maxrows=4)
        if 0 <= bend.active_parameter < len(bend.parameters):
            self._draw_route(layout, bend, bend.parameters[bend.active_parameter])
        row = layout.row(align=True)
        row.scale_y = 1.2
        row.operator("bend.bake", text="Bake All", icon="KEYFRAME_HLT").simplify = False
        row.operator("bend.bake", text="Bake Simplified", icon="IPO_BEZIER").simplify = True

    def _draw_route(self, layout: UILayout, bend: BEND_PG_bend, parameter: Any) -> None:
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(parameter, "feature")
        column = column.column()
        column.active = parameter.routed
        row = column.row(align=True)
        row.prop(parameter, "low", text="Range")
        row.prop(parameter, "high", text="")
        column.prop(parameter, "gain")
        row = column.row(align=True)
        row.prop(parameter, "attack", text="Attack, Release")
        row.prop(parameter, "release", text="")
        column.prop(parameter, "invert")


def _described(bend: BEND_PG_bend, name: str) -> catalogue.Parameter:
    return next(parameter for parameter in catalogue.animated_parameters(bend.operator) if parameter.name == name)


CLASSES = (BEND_UL_bends, BEND_PT_bends, BEND_UL_parameters, BEND_PT_route)
