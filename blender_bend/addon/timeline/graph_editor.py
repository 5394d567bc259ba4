"""Blender's Graph Editor, brought to some curves."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import bpy
from bpy.types import FCurve, Scene

from ..host import compat

#: So long after a Graph Editor was opened its view can be moved: it must have been drawn once.
DRAWN_SECONDS = 0.1


def select(scene: Scene, wanted: Collection[FCurve]) -> None:
    """Select some of a scene's curves with their keyframes, and no others, and unfold the groups that they lie in."""
    paths = {(curve.data_path, curve.array_index) for curve in wanted}
    for curve in compat.fcurves(scene) or ():
        chosen = (curve.data_path, curve.array_index) in paths
        curve.select = chosen
        points = curve.keyframe_points
        for part in ("select_control_point", "select_left_handle", "select_right_handle"):
            points.foreach_set(part, [chosen] * len(points))
        if not chosen:
            continue
        curve.hide = False
        if curve.group is not None:
            curve.group.show_expanded = curve.group.show_expanded_graph = True


def show(scene: Scene) -> None:
    """Bring the Graph Editor to the selected curves: the one that is open, or one in a window of its own."""
    if bpy.app.background:
        return
    if _find() is None:
        bpy.ops.wm.window_new()
        window = bpy.context.window_manager.windows[-1]
        window.scene = scene
        window.screen.areas[0].ui_type = "FCURVES"
    bpy.app.timers.register(_frame, first_interval=DRAWN_SECONDS)


def _find() -> tuple[Any, Any] | None:
    """A window and the area in it that is a Graph Editor."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.ui_type == "FCURVES":
                return window, area
    return None


def _frame() -> None:
    """Move the view to what is selected."""
    found = _find()
    if found is None:
        return
    window, area = found
    regions = {region.type: region for region in area.regions}
    with suppress(RuntimeError):  # there may be nothing to look at any more
        with bpy.context.temp_override(window=window, area=area, region=regions["CHANNELS"]):
            bpy.ops.anim.channels_expand(all=True)  # an action is folded at first
        with bpy.context.temp_override(window=window, area=area, region=regions["WINDOW"]):
            bpy.ops.graph.view_selected(include_handles=False)
    area.tag_redraw()
