"""The route of one parameter, from the sound to its curve."""

from __future__ import annotations

from bpy.types import Context, Panel, Strip, UILayout

from ...core import catalogue
from ..parameters import BEND_PG_parameter
from ..strips import active_bend_strip
from .main import BendPanel


def _active(strip: Strip) -> tuple[BEND_PG_parameter, catalogue.Parameter] | None:
    """The parameter whose route is shown."""
    holder = strip.bend_settings.routed_holder
    return holder.active_route() if holder else None


class BEND_PT_route(BendPanel, Panel):
    """From the sound to a parameter of the active bend, or of the strip itself"""

    bl_idname = "BEND_PT_route"
    bl_label = ""

    def draw_header(self, context: Context) -> None:
        strip = active_bend_strip(context)
        active = _active(strip)
        if active is None:
            self.layout.label(text="Route")
            return
        item, parameter = active
        self.layout.label(text=f"Route of {item.key.rpartition(' · ')[0]}: {parameter.label}")

    def draw(self, context: Context) -> None:
        layout = self.layout
        active = _active(active_bend_strip(context))
        if active is None:
            layout.label(text="Click the ♪ beside a parameter")
        else:
            self._draw_route(layout, active[0], active[1].unit)
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


CLASSES = (BEND_PT_route,)
