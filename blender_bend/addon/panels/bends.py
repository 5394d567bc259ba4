"""The bend stack, the active bend, and the routes of its parameters."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.types import Context, Menu, Panel, UILayout, UIList

from ...core import catalogue, presets
from ..properties import BEND_PG_bend, BEND_PG_parameter
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


class BEND_MT_presets(Menu):
    """Ready-made bends with their routes"""

    bl_idname = "BEND_MT_presets"
    bl_label = "Presets"

    def draw(self, context: Context) -> None:
        for path in presets.paths():
            name = path.stem.replace("_", " ").title()
            self.layout.operator("bend.add_preset", text=name).filepath = str(path)


class BEND_PT_bends(BendPanel, Panel):
    """The bend stack and its active bend"""

    bl_idname = "BEND_PT_bends"
    bl_label = "Bends"

    def draw_header_preset(self, context: Context) -> None:
        self.layout.menu("BEND_MT_presets", text="", icon="PRESET")

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
        for index, parameter in enumerate(bend.parameters):
            described = catalogue.animated_parameter(parameter.name, bend.operator)
            row = layout.row(align=True)
            row.prop(strip, f'["{bpy.utils.escape_identifier(parameter.key)}"]', text=described.label)
            button = row.row(align=True)
            button.active = parameter.routed
            button.operator(
                "bend.edit_route",
                text="",
                icon="SOUND",
                depress=index == bend.active_parameter,
                emboss=index == bend.active_parameter,
            ).index = index

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


class BEND_PT_route(BendPanel, Panel):
    """From the sound to a parameter of the active bend"""

    bl_idname = "BEND_PT_route"
    bl_label = ""

    def draw_header(self, context: Context) -> None:
        bend = active_bend_strip(context).bend_settings.bend
        title = "Route"
        if bend and 0 <= bend.active_parameter < len(bend.parameters):
            parameter = bend.parameters[bend.active_parameter]
            title = f"Route of {catalogue.animated_parameter(parameter.name, bend.operator).label}"
        self.layout.label(text=title)

    def draw(self, context: Context) -> None:
        layout = self.layout
        bend = active_bend_strip(context).bend_settings.bend
        if bend is None:
            layout.label(text="Add a bend first")
            return
        if 0 <= bend.active_parameter < len(bend.parameters):
            parameter = bend.parameters[bend.active_parameter]
            self._draw_route(layout, parameter, catalogue.animated_parameter(parameter.name, bend.operator).unit)
        row = layout.row(align=True)
        row.scale_y = 1.2
        row.operator("bend.bake", text="Bake All", icon="KEYFRAME_HLT").simplify = False
        row.operator("bend.bake", text="Bake Simplified", icon="IPO_BEZIER").simplify = True

    def _draw_route(self, layout: UILayout, parameter: BEND_PG_parameter, unit: catalogue.Unit) -> None:
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(parameter, "feature")
        if not parameter.routed:
            return
        row = column.row(align=True)
        suffix = "_angle" if unit == catalogue.Unit.RADIAN else ""
        row.prop(parameter, f"low{suffix}", text="Range")
        row.prop(parameter, f"high{suffix}", text="")
        column.prop(parameter, "gain")
        row = column.row(align=True)
        row.prop(parameter, "attack", text="Attack, Release")
        row.prop(parameter, "release", text="")
        column.prop(parameter, "invert")


CLASSES = (BEND_UL_bends, BEND_MT_presets, BEND_PT_bends, BEND_PT_route)
