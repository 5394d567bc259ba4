"""The route of one parameter, from the sound to its curve."""

from __future__ import annotations

import math
from typing import Any

from bpy.types import Context, ImageStrip, Panel, UILayout

from ...core import catalogue
from ...core.curves.routes import Chain
from ...core.curves.shaping import Scale
from ...core.sound import features
from ...core.sound.feature_table import Depends
from ..measuring import at_playhead
from ..settings.parameters import BEND_PG_parameter
from ..timeline.strips import polled_bend_strip
from .baking import draw_bake
from .main import BendPanel


def _active(strip: ImageStrip) -> tuple[BEND_PG_parameter, catalogue.Parameter] | None:
    """The parameter whose route is shown."""
    holder = strip.bend_settings.routed_holder
    return holder.active_route() if holder else None


class BEND_PT_route(BendPanel, Panel):
    """How sound drives a parameter of the active bend or of the strip"""

    bl_idname = "BEND_PT_route"
    bl_label = ""

    def draw_header(self, context: Context) -> None:
        strip = polled_bend_strip(context)
        active = _active(strip)
        if active is None:
            self.layout.label(text="Route")
            return
        item, parameter = active
        self.layout.label(text=f"Route of {item.key.rpartition(' · ')[0]}: {parameter.label}")

    def draw_header_preset(self, context: Context) -> None:
        row = self.layout.row(align=True)
        row.operator("bend.measure", text="", icon="SOUND", emboss=False)
        row.prop(context.window_manager, "bend_show_curve", text="", icon="FCURVE", emboss=False)
        row.separator()

    def draw(self, context: Context) -> None:
        layout = self.layout
        strip = polled_bend_strip(context)
        active = _active(strip)
        if active is None:
            layout.label(text="Click the ♪ beside a parameter")
        else:
            _draw_route(layout, strip, *active)
        layout.separator()
        draw_bake(layout, context, strip, active[0] if active else None)


def _column(layout: UILayout) -> UILayout:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    return column


def _pair(column: UILayout, source: Any, names: tuple[str, str], text: str) -> None:
    row = column.row(align=True)
    row.prop(source, names[0], text=text)
    row.prop(source, names[1], text="")


def _draw_route(
    layout: UILayout, strip: ImageStrip, parameter: BEND_PG_parameter, described: catalogue.Parameter
) -> None:
    column = _column(layout)
    _draw_feature(column, strip, parameter)
    if not parameter.routed:
        return
    suffix = "_angle" if described.unit == catalogue.Unit.RADIAN else ""
    _pair(column, parameter, (f"low{suffix}", f"high{suffix}"), "Range")
    _draw_numbers(column, strip, parameter, described)
    for label, draw in (("Shaping", _draw_shaping), ("More Features", _draw_layers), ("Timing", _draw_timing)):
        header, body = layout.panel(f"BEND_route_{label}", default_closed=True)
        count = f" ({len(parameter.layers)})" if draw is _draw_layers and parameter.layers else ""
        header.label(text=label + count)
        if body:
            draw(body, strip, parameter)


def _draw_numbers(
    column: UILayout, strip: ImageStrip, parameter: BEND_PG_parameter, described: catalogue.Parameter
) -> None:
    """What the sound gives under the playhead: measured, as strength, as value of the parameter."""
    found = at_playhead.numbers(strip, parameter, strip.id_data.frame_current)
    if found is None:
        return
    angle = described.unit == catalogue.Unit.RADIAN
    value = f"{math.degrees(found.value):.0f}°" if angle else _short(found.value)
    split = column.split(factor=0.4)
    right = split.row()
    right.alignment = "RIGHT"
    right.label(text="Now")
    split.label(text=f"{_short(found.raw)} {found.unit}  →  {found.strength:.0%}  →  {value}")


def _short(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _draw_feature(column: UILayout, strip: ImageStrip, layer: Any) -> None:
    """The feature, with what tells it apart from the others of its kind."""
    column.prop(layer, "feature")
    if not layer.routed:
        return
    feature = features.BY_NAME[layer.feature]
    if feature.which:
        column.prop(layer, "which", text="Note" if feature.name == "chroma" else "Number")
    if feature.hertz:
        _pair(column, layer, ("low_hz", "high_hz"), "Band (Hz)")
    if feature.separable:
        column.prop(layer, "part")
    if feature.of_channels:
        column.prop(layer, "channel")
    if feature.depends is Depends.MIDI:
        column.prop(strip.bend_settings, "midi_file")
        column.prop(strip.bend_settings, "midi_start")


def _draw_shaping(layout: UILayout, strip: ImageStrip, layer: Any) -> None:
    """The chain in its fixed order."""
    column = _column(layout)
    column.prop(layer, "chain")
    if layer.chain != Chain.BEND:
        column.prop(layer, "kernel")
        if layer.chain == Chain.PAPERS:
            column.prop(layer, "keep")
        column.prop(layer, "gate")
        return
    column.prop(layer, "gate")
    column.prop(layer, "median")
    _pair(column, layer, ("attack", "release"), "Attack, Release")
    column.prop(layer, "look_ahead")
    column.separator()
    column.prop(layer, "scale")
    if layer.scale == Scale.ROBUST:
        _pair(column, layer, ("bottom", "top"), "Percentiles")
    elif layer.scale == Scale.FIXED:
        _pair(column, layer, ("least", "most"), "Values")
    column.prop(layer, "gain")
    column.separator()
    column.prop(layer, "threshold")
    column.prop(layer, "gamma")
    column.prop(layer, "ease")
    column.prop(layer, "invert")


def _draw_layers(layout: UILayout, strip: ImageStrip, parameter: BEND_PG_parameter) -> None:
    """The further features, one box each."""
    last = len(parameter.layers) - 1
    for index, layer in enumerate(parameter.layers):
        box = layout.box()
        row = box.row(align=True)
        row.prop(layer, "combine", text="")
        row.prop(layer, "amount", text="")
        for direction, possible in (("UP", index > 0), ("DOWN", index < last)):
            button = row.row(align=True)
            button.enabled = possible
            move = button.operator("bend.move_layer", text="", icon="TRIA_UP" if direction == "UP" else "TRIA_DOWN")
            move.index, move.direction = index, direction
        row.operator("bend.remove_layer", text="", icon="X").index = index
        column = _column(box)
        _draw_feature(column, strip, layer)
        _pair(column, layer, ("first", "last"), "Frames")
        header, body = box.panel(f"BEND_layer_{index}", default_closed=True)
        header.label(text="Shaping")
        if body:
            _draw_shaping(body, strip, layer)
            _column(body).prop(layer, "offset")
    layout.operator("bend.add_layer", icon="ADD")


def _draw_timing(layout: UILayout, strip: ImageStrip, parameter: BEND_PG_parameter) -> None:
    column = _column(layout)
    column.prop(parameter, "offset")
    _pair(column, parameter, ("first", "last"), "Frames")
    column.prop(parameter, "levels")


CLASSES = (BEND_PT_route,)
