"""How keys are written, with the buttons that do it and what the last bake did."""

from __future__ import annotations

from typing import Any

from bpy.types import Context, ImageStrip, UILayout

from ..baking import bake
from ..settings.bake_settings import EVENTS, SIMPLIFIED
from ..settings.parameters import BEND_PG_parameter
from ..sound import sound_print
from ..timeline.strips import bend_strips


def draw_mode(column: UILayout, options: Any) -> None:
    """The mode with its own settings."""
    column.prop(options, "mode")
    if options.mode == EVENTS:
        column.prop(options, "events")
        column.prop(options, "shape")
        row = column.row(align=True)
        row.prop(options, "attack", text="Attack, Decay")
        row.prop(options, "decay", text="")
        column.prop(options, "accent")
    if options.mode == SIMPLIFIED or (options.mode == EVENTS and options.add):
        column.prop(options, "tolerance")


def draw_where(column: UILayout, options: Any) -> None:
    """What is there already, which frames, and what is beyond them."""
    column.prop(options, "add")
    column.prop(options, "keep_hand_keys")
    column.prop(options, "use_range")
    if options.use_range:
        row = column.row(align=True)
        row.prop(options, "first", text="Frames")
        row.prop(options, "last", text="")
    column.prop(options, "cyclic")
    column.prop(options, "extrapolation")


def draw_options(layout: UILayout, options: Any) -> None:
    """Everything, for the redo panel."""
    draw_mode(layout.column(), options)
    draw_where(layout.column(), options)


def draw_bake(layout: UILayout, context: Context, strip: ImageStrip, parameter: BEND_PG_parameter | None) -> None:
    """The mode, the buttons, the last report, and whether the sound has changed."""
    baking = strip.bend_settings.baking
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    draw_mode(column, baking)
    header, body = layout.panel("BEND_bake_options", default_closed=True)
    header.label(text="Bake Options")
    if body:
        body.use_property_split = True
        body.use_property_decorate = False
        draw_where(body.column(), baking)
    buttons = layout.column(align=True)
    row = buttons.row(align=True)
    row.scale_y = 1.3
    if parameter is not None and parameter.routed:
        row.operator("bend.bake", text="Bake", icon="KEYFRAME_HLT").parameter = parameter.key
    row.operator("bend.bake", text="Bake All").parameter = ""
    scene = strip.id_data
    if len(list(bend_strips(scene))) > 1:
        buttons.operator("bend.bake_all")
    if baking.report:
        layout.label(text=baking.report, icon="CHECKMARK")
    if sound_print.is_unknown(scene, strip):
        column = layout.column(align=True)
        column.label(text="The sound hasn't been checked yet", icon="QUESTION")
        column.operator("bend.compare_sound")
    # Of a sound that has changed the top of the tab tells.
    if any(parameter.baked_route != parameter.route_text() for parameter in bake.stale_parameters(scene, strip)):
        column = layout.column(align=True)
        column.label(text="A route has changed since the bake", icon="INFO")
        column.operator("bend.rebake", icon="KEYFRAME_HLT")
