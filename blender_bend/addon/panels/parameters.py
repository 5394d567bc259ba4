"""Animated parameters as the panels show them: value, keyframe, curve, and the ♪ that opens the route."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.types import ImageStrip, UILayout

from ...core.catalogue import Parameter
from ..settings.parameters import Holder
from ..timeline import strips


def draw_parameters(
    layout: UILayout, strip: ImageStrip, holder: Holder, wanted: Callable[[Parameter], bool] = lambda _: True
) -> None:
    """A row for every parameter of a holder that counts now."""
    settings = strip.bend_settings
    of_strip = holder == settings
    active = holder.active_route() if settings.shows_own_route == of_strip else None
    positions = {item.name: index for index, item in enumerate(holder.parameters)}
    for item, parameter in holder.shown_parameters():
        if not wanted(parameter):
            continue
        shown = active is not None and active[0] == item
        row = layout.row(align=True)
        row.prop(strip, f'["{bpy.utils.escape_identifier(item.key)}"]', text=parameter.label.removeprefix("Region "))
        curve = row.row(align=True)
        curve.enabled = strips.find_curve(strip, item.key) is not None
        curve.operator("bend.show_curve", text="", icon="FCURVE", emboss=False).key = item.key
        button = row.row(align=True)
        button.active = item.routed
        route = button.operator("bend.edit_route", text="", icon="SOUND", depress=shown, emboss=shown)
        route.index, route.of_strip = positions[item.name], of_strip
