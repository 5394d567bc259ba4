"""The state of a bend strip's pictures, drawn: a bar along the strip, and a badge in the preview."""

from __future__ import annotations

from typing import Any

import blf
import bpy
import gpu
import numpy as np
from bpy.props import BoolProperty
from bpy.types import Context, ImageStrip, Scene, SpaceSequenceEditor, WindowManager
from gpu_extras.batch import batch_for_shader

from ..host import activity, compat, typed
from ..measuring import overlay
from ..measuring.overlay_geometry import STRIP_BOTTOM, STRIP_TOP, View
from ..timeline import strips
from . import picture_states
from .picture_states import LOOKS, State

#: Height of the bar and distance from the foot of the strip, in pixels at 100 %.
_BAR, _FOOT = 4.0, 2.0
#: Opacity of what has changed since it was counted.
_DOUBTED = 0.35
_PLATE = (0.0, 0.0, 0.0, 0.55)
#: Batches that are kept ready to be drawn.
_KEPT = 16

_batches: dict[tuple[Any, ...], Any] = {}
_handlers: list[tuple[Any, str]] = []


def quads(spans: picture_states.Spans, opacity: float) -> tuple[np.ndarray, np.ndarray]:
    """Two triangles for each stretch, in frames and shares of the bar's height, and their colors.

    Returns
    -------
    float32 arrays, shapes (6 * spans, 2) and (6 * spans, 4)
    """
    looks = [LOOKS[State(state)] for state in range(len(State))]
    heights = np.array([look.height for look in looks])[spans.states]
    colors = np.array([(*look.color, opacity) for look in looks])[spans.states]
    nothing = np.zeros_like(heights)
    x = np.stack([spans.starts, spans.stops, spans.stops, spans.starts, spans.stops, spans.starts], axis=1)
    y = np.stack([nothing, nothing, heights, nothing, heights, heights], axis=1)
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    return points, np.repeat(colors, 6, axis=0).astype(np.float32)


def draw_bars() -> None:
    """Called by Blender for every timeline that it draws."""
    context = bpy.context
    space = typed.sequencer_space(context)
    if not _is_shown(context) or space.view_type == "PREVIEW":
        return
    scene = compat.sequencer_scene(context)
    if scene is None or scene.sequence_editor is None:
        return
    try:
        view = overlay.view_of(context.region)
        scale = context.preferences.system.ui_scale
        for strip in overlay.shown_strips(scene):
            if strips.is_bend_strip(strip):
                _draw_bar(strip, view, scale)
    except Exception as error:  # an exception in a draw handler would be printed for every redraw, forever
        _give_up(context, error)


def _draw_bar(strip: ImageStrip, view: View, scale: float) -> None:
    known, frames = picture_states.of(strip), strips.frame_range(strip)
    if known is None or not frames or frames.stop < view.left or frames.start > view.right:
        return
    foot, top = view.y(strip.channel + STRIP_BOTTOM), view.y(strip.channel + STRIP_TOP)
    if top < 0 or foot > view.height:
        return
    height, start = min(_BAR * scale, (top - foot) / 3), strips.element_range(strip).start
    key = (strip.id_data.name, strip.name, picture_states.version, start, frames.start, frames.stop, view, scale)
    if key not in _batches:
        while len(_batches) >= _KEPT:
            del _batches[next(iter(_batches))]
        shown = picture_states.spans(known.codes, start, _within(view, frames))
        points, colors = quads(shown, _DOUBTED if known.doubted else 1.0)
        shader = gpu.shader.from_builtin("FLAT_COLOR")
        _batches[key] = batch_for_shader(shader, "TRIS", {"pos": points, "color": colors})
    bottom = foot + min(_FOOT * scale, height / 2)
    gpu.state.blend_set("ALPHA")
    _rectangle(view.x(frames.start), bottom - 1, view.x(frames.stop), bottom + height + 1, _PLATE)
    with gpu.matrix.push_pop():
        gpu.matrix.translate((view.x(start), bottom))
        gpu.matrix.scale((view.pixels_per_frame, height))
        _batches[key].draw(gpu.shader.from_builtin("FLAT_COLOR"))
    gpu.state.blend_set("NONE")


def _within(view: View, frames: range) -> View:
    """The part of a view in which a strip is, at the same scale."""
    left, right = max(view.left, frames.start), min(view.right, frames.stop)
    return View(left, right, view.bottom, view.top, max(round((right - left) * view.pixels_per_frame), 1), view.height)


def _rectangle(left: float, bottom: float, right: float, top: float, color: tuple[float, ...]) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.bind()
    shader.uniform_float("color", color)
    corners = [(left, bottom), (right, bottom), (left, top), (right, top)]
    batch_for_shader(shader, "TRI_STRIP", {"pos": corners}).draw(shader)


def badge(scene: Scene) -> tuple[str, State] | None:
    """What the preview must say of the picture at the playhead; None if it is what the curves say, or unknown."""
    if scene.sequence_editor is None:
        return None
    frame = scene.frame_current
    shown = [strip for strip in strips.bend_strips(scene) if not strip.mute and frame in strips.frame_range(strip)]
    for strip in sorted(shown, key=lambda strip: strip.channel, reverse=True):
        state, known = picture_states.at(strip, frame), picture_states.of(strip)
        if state is None or known is None:
            continue
        if known.doubted and state == State.READY:
            return "Checking…", State.MAKING
        return None if state == State.READY else (LOOKS[state].label, state)
    return None


def draw_badge() -> None:
    """Called by Blender for every preview that it draws."""
    context = bpy.context
    scene = compat.sequencer_scene(context)
    if not _is_shown(context) or scene is None:
        return
    try:
        found = badge(scene)
        if found is not None:
            _draw_label(*found, context)
    except Exception as error:
        _give_up(context, error)


def _draw_label(text: str, state: State, context: Context) -> None:
    scale = context.preferences.system.ui_scale
    blf.size(0, 12.0 * scale)
    wide = blf.dimensions(0, text)[0]
    margin, padding, swatch = 12 * scale, 7 * scale, 9 * scale
    left, bottom = margin, margin
    width, height = wide + swatch + 3 * padding, 24 * scale
    gpu.state.blend_set("ALPHA")
    _rectangle(left, bottom, left + width, bottom + height, (0.0, 0.0, 0.0, 0.7))
    middle = bottom + height / 2
    _rectangle(
        left + padding, middle - swatch / 2, left + padding + swatch, middle + swatch / 2, (*LOOKS[state].color, 1.0)
    )
    gpu.state.blend_set("NONE")
    blf.color(0, 1.0, 1.0, 1.0, 1.0)
    blf.position(0, left + swatch + 2 * padding, middle - 4.5 * scale, 0)
    blf.draw(0, text)


def _is_shown(context: Context) -> bool:
    return context.window_manager.bend_show_states and typed.sequencer_space(context).show_overlays


def _give_up(context: Context, error: Exception) -> None:
    context.window_manager.bend_show_states = False
    activity.unexpected(error)


def draw_popover(self: Any, context: Context) -> None:
    """The switch, in the sequencer's overlays."""
    column = self.layout.column()
    column.active = typed.sequencer_space(context).show_overlays
    column.prop(context.window_manager, "bend_show_states")


_POPOVER = "SEQUENCER_PT_overlay"


def register() -> None:
    """Draw from now on; in background there is nothing to draw on."""
    WindowManager.bend_show_states = BoolProperty(
        name="Bend Frame States",
        description="Show along each bend strip which frames are ready (green), being made (blue), out of date "
        "(orange), or missing (red), and say so in the preview",
        default=True,
        update=lambda self, context: activity.redraw_pictures(),
    )
    if bpy.app.background:
        return
    for draw, region in ((draw_bars, "WINDOW"), (draw_badge, "PREVIEW")):
        _handlers.append((SpaceSequenceEditor.draw_handler_add(draw, (), region, "POST_PIXEL"), region))
    if hasattr(bpy.types, _POPOVER):
        getattr(bpy.types, _POPOVER).append(draw_popover)


def unregister() -> None:
    """Draw no more."""
    while _handlers:
        SpaceSequenceEditor.draw_handler_remove(*_handlers.pop())
    if not bpy.app.background and hasattr(bpy.types, _POPOVER):
        getattr(bpy.types, _POPOVER).remove(draw_popover)
    _batches.clear()
    picture_states.forget()
    del WindowManager.bend_show_states
