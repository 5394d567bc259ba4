"""The overlay: the curve that the active route would bake, drawn in the sequencer over the sound that makes it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import blf
import bpy
import gpu
import numpy as np
from bpy.props import BoolProperty
from bpy.types import Context, ImageStrip, Scene, SpaceSequenceEditor, Strip, WindowManager
from gpu_extras.batch import batch_for_shader

from ...core.catalogue import Parameter, Unit
from ...core.curves.routes import Route
from ...core.timebase import FrameRate
from ..host import activity, compat, typed
from ..timeline import strips
from ..timeline.timing import Placement
from . import measured, overlay_geometry
from .overlay_geometry import Band, Detail, View

#: Opacity of what was measured before the sound changed.
STALE = 0.35
#: Curves that are kept ready to be drawn.
KEPT = 16


@dataclass(frozen=True)
class Shaped:
    """The values of a route on every frame of a strip, and the values at the foot and at the top of its band."""

    values: np.ndarray
    low: float
    high: float
    described: Parameter


_shaped: dict[tuple[Any, ...], Shaped] = {}
_batches: dict[tuple[Any, ...], Any] = {}
_handler: Any = None


def shaped(strip: ImageStrip, rate: FrameRate) -> Shaped | None:
    """What the shown route makes of the sound that is known; None if there is none, or it needs more to be measured."""
    holder = strip.bend_settings.routed_holder
    active = holder.active_route() if holder else None
    found = measured.of(strip)
    if active is None or found is None or not active[0].routed:
        return None
    parameter, described = active
    route: Route = parameter.route()
    if not set(route.asked()) <= set(found.features):
        return None
    key = (found.number, route, described)
    if key not in _shaped:
        limits = described.minimum, described.maximum
        values = np.clip(route.shape(found.features, rate), *limits)
        low, high = np.clip(sorted((route.low, route.high)), *limits).tolist()
        _keep(_shaped, key, Shaped(values, low, high, described))
    return _shaped[key]


def _keep(store: dict[tuple[Any, ...], Any], key: tuple[Any, ...], value: Any) -> None:
    """Remember something; the oldest is forgotten."""
    while len(store) >= KEPT:
        del store[next(iter(store))]
    store[key] = value


def forget() -> None:
    """Forget all that was drawn."""
    _shaped.clear()
    _batches.clear()


def text_of(value: float, unit: Unit) -> str:
    """A value as an artist reads it."""
    return f"{math.degrees(value):.0f}°" if unit == Unit.RADIAN else f"{value:.2f}"


def shown_strips(scene: Scene) -> Iterator[Strip]:
    """The strips that the timeline shows: those of the meta strip that is open, else the outermost."""
    editor = scene.sequence_editor
    if editor is not None:
        yield from editor.meta_stack[-1].strips if len(editor.meta_stack) else editor.strips


def _free_above(scene: Scene, strip: Strip, frames: range) -> bool:
    return not any(
        other.channel == strip.channel + 1
        and compat.left_handle(other) < frames.stop
        and compat.right_handle(other) > frames.start
        for other in shown_strips(scene)
    )


def view_of(region: Any) -> View:
    """What a timeline shows."""
    left, bottom = region.view2d.region_to_view(0, 0)
    right, top = region.view2d.region_to_view(region.width, region.height)
    return View(left, right, bottom, top, region.width, region.height)


def draw() -> None:
    """Called by Blender for every sequencer that it draws."""
    context = bpy.context
    space = typed.sequencer_space(context)
    if not context.window_manager.bend_show_curve or space.view_type == "PREVIEW" or not space.show_overlays:
        return
    scene = compat.sequencer_scene(context)
    if scene is None or scene.sequence_editor is None:
        return
    try:
        for strip in shown_strips(scene):
            if strips.is_bend_strip(strip):
                _draw_strip(context, scene, strip)
    except Exception as error:  # an exception in a draw handler would be printed for every redraw, forever
        context.window_manager.bend_show_curve = False
        activity.unexpected(error)


def _draw_strip(context: Context, scene: Scene, strip: ImageStrip) -> None:
    found, placed = measured.of(strip), Placement.of(strip)
    frames, known = placed.sound_frames, shaped(strip, placed.rate)
    grid = measured.grid(strip, placed) if found or strip.bend_settings.beats.fixed else None
    if found is None and grid is None:
        return
    view = view_of(context.region)
    scale = context.preferences.system.ui_scale
    band = overlay_geometry.band(view, frames, strip.channel, _free_above(scene, strip, frames), 16 * scale)
    if band is None:
        return
    accent, words = _colours(context, strip)
    strength = STALE if measured.is_stale(strip) else 1.0
    gpu.state.blend_set("ALPHA")
    part = overlay_geometry.detail(view, frames)
    _draw_ground(band)
    if found and measured.WAVEFORM in found.features:
        key = ("waveform", found.number, part)
        points = lambda: overlay_geometry.waveform(found.features[measured.WAVEFORM], part)  # noqa: E731
        _draw_batch(key, points, "TRI_STRIP", (*words, 0.13 * strength), view, band)
    if grid is not None:
        _draw_ticks(grid, view, band, frames.start, float(placed.rate.value), words, scale)
    if found is not None and known is not None and len(known.values) >= len(frames) > 0:
        _draw_curve(known, found.number, part, view, band, accent, strength, scale)
        if frames.start <= scene.frame_current < frames.stop:
            _draw_value(scene, known, frames, view, band, accent, words, scale)
    gpu.state.blend_set("NONE")


def _colours(context: Context, strip: Strip) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The strip's own colour and that of text, from the theme."""
    theme = context.preferences.themes[0]
    tag = strip.color_tag
    accent = theme.strip_color[int(tag[-2:]) - 1].color if tag != "NONE" else theme.sequence_editor.image_strip
    return _rgb(accent), _rgb(theme.sequence_editor.space.text)


def _rgb(colour: Any) -> tuple[float, ...]:
    return tuple(colour)[:3]


def _draw_ground(band: Band, opacity: float = 0.22) -> None:
    """A dim ground, so that what is drawn on it is read over whatever lies below."""
    corners = [(band.left, band.bottom), (band.right, band.bottom), (band.left, band.top), (band.right, band.top)]
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", (0.0, 0.0, 0.0, opacity))
    batch_for_shader(shader, "TRI_STRIP", {"pos": corners}).draw(shader)


def _draw_batch(
    key: tuple[Any, ...], points: Any, kind: str, colour: tuple[float, ...], view: View, band: Band, width: float = 0.0
) -> None:
    """Draw points of the strip's space; they are made only once for each key."""
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR" if width else "UNIFORM_COLOR")
    if key not in _batches:
        made = points()
        _keep(_batches, key, batch_for_shader(shader, kind, {"pos": made}) if len(made) > 1 else None)
    batch = _batches[key]
    if batch is None:
        return
    with gpu.matrix.push_pop():
        gpu.matrix.translate((band.left, band.bottom))
        gpu.matrix.scale((view.pixels_per_frame, band.top - band.bottom))
        shader.bind()
        shader.uniform_float("color", colour)
        if width:
            shader.uniform_float("lineWidth", width)
            shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        batch.draw(shader)


def _draw_curve(
    known: Shaped,
    number: int,
    part: Detail,
    view: View,
    band: Band,
    accent: tuple[float, ...],
    strength: float,
    scale: float,
) -> None:
    inner = _inner(band, scale)
    key = (number, id(known), part)
    points = lambda: overlay_geometry.curve(known.values, part, known.low, known.high)  # noqa: E731
    filled = lambda: overlay_geometry.fill(points())  # noqa: E731
    _draw_batch(("fill", *key), filled, "TRI_STRIP", (*accent, 0.25 * strength), view, inner)
    _draw_batch(("line", *key), points, "LINE_STRIP", (*accent, strength), view, inner, 1.6 * scale)


def _inner(band: Band, scale: float) -> Band:
    """The line keeps off the edges of its band."""
    margin = min(2.0 * scale, 0.1 * (band.top - band.bottom))
    return Band(band.left, band.right, band.bottom + margin, band.top - margin)


def _draw_ticks(
    grid: Any, view: View, band: Band, first: int, rate: float, words: tuple[float, ...], scale: float
) -> None:
    """Beats at the foot of the band; bars through all of it."""
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    height = band.top - band.bottom
    for moments, share, opacity in ((grid.times, 0.25, 0.5), (grid.bars, 1.0, 0.4)):
        pixels = np.round(overlay_geometry.ticks(moments, view, first, rate)) + 0.5
        pixels = pixels[(pixels >= band.left) & (pixels <= band.right)]
        if len(pixels):
            points = overlay_geometry.segments(pixels, band.bottom, band.bottom + share * height)
            shader.bind()
            shader.uniform_float("color", (*words, opacity))
            gpu.state.line_width_set(1.0)
            batch_for_shader(shader, "LINES", {"pos": points}).draw(shader)


def _draw_value(
    scene: Scene,
    known: Shaped,
    frames: range,
    view: View,
    band: Band,
    accent: tuple[float, ...],
    words: tuple[float, ...],
    scale: float,
) -> None:
    """The value under the playhead, beside a dot on the curve."""
    value = float(known.values[scene.frame_current - frames.start])
    inner = _inner(band, scale)
    height = (value - known.low) / ((known.high - known.low) or 1.0)
    x = view.x(scene.frame_current)
    y = inner.bottom + height * (inner.top - inner.bottom)
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    for radius, colour in ((4.0 * scale, (0.0, 0.0, 0.0, 0.6)), (3.0 * scale, (*accent, 1.0))):
        angles = np.linspace(0, 2 * np.pi, 20)
        circle = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1).astype(np.float32)
        shader.bind()
        shader.uniform_float("color", colour)
        batch_for_shader(shader, "TRI_FAN", {"pos": circle}).draw(shader)
    text = text_of(value, known.described.unit)
    blf.size(0, 11.0 * scale)
    wide, high = blf.dimensions(0, text)
    left = x + 8 * scale if x + 12 * scale + wide < view.width else x - 8 * scale - wide
    foot = min(max(y - high / 2, band.bottom + 2 * scale), band.top - high - 2 * scale)
    plate = Band(left - 4 * scale, left + wide + 4 * scale, foot - 4 * scale, foot + high + 4 * scale)
    _draw_ground(plate, 0.6)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 0.9)
    blf.color(0, words[0], words[1], words[2], 1.0)
    blf.position(0, left, foot, 0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)


def draw_popover(self: Any, context: Context) -> None:
    """The switch, in the sequencer's overlays."""
    column = self.layout.column()
    column.active = typed.sequencer_space(context).show_overlays
    column.prop(context.window_manager, "bend_show_curve")


_POPOVER = "SEQUENCER_PT_sequencer_overlay"


def register() -> None:
    """Draw from now on; in background there is nothing to draw on."""
    global _handler
    WindowManager.bend_show_curve = BoolProperty(
        name="Bend Curve",
        description="Show the routed curve over the bend strip before it is baked",
        default=True,
        update=lambda self, context: activity.redraw_timelines(),
    )
    if not bpy.app.background:
        _handler = SpaceSequenceEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL")
        if hasattr(bpy.types, _POPOVER):
            getattr(bpy.types, _POPOVER).append(draw_popover)


def unregister() -> None:
    """Draw no more."""
    global _handler
    if _handler is not None:
        SpaceSequenceEditor.draw_handler_remove(_handler, "WINDOW")
        _handler = None
        if hasattr(bpy.types, _POPOVER):
            getattr(bpy.types, _POPOVER).remove(draw_popover)
    forget()
    del WindowManager.bend_show_curve
