"""The bend stack and the active bend."""

from __future__ import annotations

from typing import Any

from bpy.types import Context, Panel, UILayout, UIList

from ...core import catalogue
from ...core.site_kinds import SiteKind
from ..gallery import library
from ..settings.bend_settings import BEND_PG_bend
from ..timeline.strips import active_bend_strip, polled_bend_strip
from .main import BendPanel
from .operators import draw_operator
from .parameters import draw_parameters


class BEND_UL_bends(UIList):
    """The bends of a strip, in order of application"""

    def draw_item(
        self,
        context: Context,
        layout: UILayout,
        data: Any,
        item: BEND_PG_bend,
        icon: int | None,
        active_data: Any,
        active_property: str | None,
        index: int | None = 0,
        flt_flag: int | None = 0,
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
    """The bend stack and the active bend"""

    bl_idname = "BEND_PT_bends"
    bl_label = "Bends"

    def draw_header_preset(self, context: Context) -> None:
        self.layout.operator("bend.gallery", text="Presets", icon="PRESET", emboss=False).kind = library.LOOKS

    def draw(self, context: Context) -> None:
        layout = self.layout
        strip = polled_bend_strip(context)
        settings = strip.bend_settings
        row = layout.row()
        row.template_list("BEND_UL_bends", "", settings, "bends", settings, "active_bend", rows=4)
        column = row.column(align=True)
        column.menu("BEND_MT_add_bend", text="", icon="ADD")
        column.operator("bend.remove_bend", text="", icon="REMOVE")
        column.separator()
        column.operator("bend.duplicate_bend", text="", icon="DUPLICATE")
        column.separator()
        column.operator("bend.move_bend", text="", icon="TRIA_UP").direction = "UP"
        column.operator("bend.move_bend", text="", icon="TRIA_DOWN").direction = "DOWN"
        layout.operator("bend.explore", icon="VIEW_ZOOM")
        bend = settings.bend
        if bend is None:
            return
        layout.use_property_split = True
        self._draw_structure(layout, bend)
        layout.separator()
        draw_parameters(layout, strip, bend, lambda parameter: not _is_regional(bend, parameter))

    def _draw_structure(self, layout: UILayout, bend: BEND_PG_bend) -> None:
        column = layout.column()
        column.use_property_decorate = False
        draw_operator(column, bend)
        for _, name in bend.open_choices():
            column.prop(bend, name)
        column.prop(bend, "site")
        row = column.row(align=True)
        row.active = bend.site != SiteKind.NOISE
        row.prop(bend, "start", text="Steps")
        row.prop(bend, "end", text="")
        column.prop(bend, "channels")


def _is_regional(bend: BEND_PG_bend, parameter: catalogue.Parameter) -> bool:
    return bool(bend.region) and parameter in catalogue.region(bend.region).parameters


class BEND_PT_region(BendPanel, Panel):
    """Part of the picture that the active bend affects, and what it restores afterwards"""

    bl_idname = "BEND_PT_region"
    bl_label = "Region and Restoration"
    bl_parent_id = "BEND_PT_bends"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        strip = active_bend_strip(context)
        return strip is not None and strip.bend_settings.bend is not None

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        strip = polled_bend_strip(context)
        bend = strip.bend_settings.bend
        column = layout.column()
        column.use_property_decorate = False
        column.prop(bend, "restore")
        column.prop(bend, "region")
        if bend.region != catalogue.EVERYWHERE:
            column.prop(bend, "inverted")
        if bend.region == catalogue.MASK:
            column.prop_search(bend, "mask_strip", strip.id_data.sequence_editor, "strips_all", icon="SEQUENCE")
            column.operator("bend.capture", text="Capture Mask", icon="IMAGE_REFERENCE")
        draw_parameters(layout, strip, bend, lambda parameter: _is_regional(bend, parameter))


CLASSES = (BEND_UL_bends, BEND_PT_bends, BEND_PT_region)
