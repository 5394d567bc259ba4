"""The sheet, drawn over an image editor that shows no image."""

from __future__ import annotations

from typing import Any

import blf
import bpy
import gpu
import numpy as np
from bpy.types import Area, Context, Region, SpaceImageEditor
from gpu_extras.batch import batch_for_shader

from ...core.process.shared_picture import Picture
from ..host import activity
from . import opened, words
from .explorer import Explorer, Place, Shown
from .layout import Box, Layout

Color = tuple[float, float, float, float]

_PAPER: Color = (0.09, 0.09, 0.09, 1.0)
_EMPTY: Color = (0.16, 0.16, 0.16, 1.0)
_FAILED: Color = (0.22, 0.12, 0.12, 1.0)
_INK: Color = (0.92, 0.92, 0.92, 1.0)
_PALE: Color = (0.62, 0.62, 0.62, 1.0)
_CURRENT: Color = (1.0, 0.62, 0.15, 1.0)
_HOVERED: Color = (1.0, 1.0, 1.0, 1.0)
_MAKING: Color = (0.33, 0.6, 0.95, 1.0)
#: Of a quad as two triangles: where each corner of the picture lies, whose first row is the top one.
_ON_PICTURE = ((0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0))
#: So many pictures are put on the GPU for one redraw: it takes some milliseconds each.
_AT_ONCE = 2
_TEXT = 11.0

_handler: Any = None
_textures: dict[str, Any] = {}
#: Pictures that were put on the GPU for this redraw.
_put = 0


def register() -> None:
    """Draw from now on; in background there is nothing to draw on."""
    global _handler
    if not bpy.app.background:
        _handler = SpaceImageEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def unregister() -> None:
    """Draw no more."""
    global _handler
    if _handler is not None:
        SpaceImageEditor.draw_handler_remove(_handler, "WINDOW")
        _handler = None
    forget()


def forget() -> None:
    """Give back the memory of what was drawn."""
    _textures.clear()


def layout_of(explorer: Explorer, area: Area, region: Region) -> Layout | None:
    """How a sheet lies in a region; None before there is one."""
    if explorer.sheet is None:
        return None
    scale = bpy.context.preferences.system.ui_scale
    width = free_width(area, region)
    blf.size(0, _TEXT * scale)
    labels = [line.label for line in explorer.sheet.rows.lines]
    beside = min(max(blf.dimensions(0, label)[0] for label in labels) + 10 * scale, 0.22 * width)
    lines = len(explorer.sheet.rows.lines), len(explorer.sheet.columns.lines)
    return Layout(width, region.height, *lines, explorer.size, beside, 16 * scale)


def free_width(area: Area, region: Region) -> float:
    """The width of a region that its sidebar does not cover."""
    sides = [side.x - region.x for side in area.regions if side.type == "UI" and side.width > 1]
    return min([region.width, *(side for side in sides if side > 0)])


def _draw() -> None:
    """Called by Blender for every image editor that it draws."""
    context = bpy.context
    if opened.explorer is None or not opened.is_in(context):
        return
    try:
        _draw_sheet(context, opened.explorer)
    except Exception as error:  # an exception in a draw handler would be printed for every redraw, forever
        opened.explorer = None
        activity.unexpected(error)


def _draw_sheet(context: Context, explorer: Explorer) -> None:
    area, region = context.area, context.region
    if area is None or region is None:
        return
    scale = context.preferences.system.ui_scale
    gpu.state.blend_set("ALPHA")
    _fill(Box(0, 0, region.width, region.height), _PAPER)
    layout = layout_of(explorer, area, region)
    unit = 16 * scale
    if layout is None:
        text = str(explorer.problem) if explorer.problem else "Preparing the sheet…"
        _write(text, unit, region.height - 2 * unit, free_width(area, region) - 2 * unit, _INK, 1.15 * scale)
        gpu.state.blend_set("NONE")
        return
    _draw_labels(explorer, layout, scale)
    _forget_others(explorer)
    late = False
    for place, shown in explorer.shown.items():
        late = _draw_cell(explorer, place, shown, layout.box(place), scale) or late
    _draw_footer(explorer, layout, scale)
    gpu.state.blend_set("NONE")
    if late:
        region.tag_redraw()


def _draw_labels(explorer: Explorer, layout: Layout, scale: float) -> None:
    sheet = explorer.sheet
    assert sheet is not None
    top, unit = layout.height - layout.margin, layout.unit
    room = layout.width - 2 * layout.margin
    title = f"{explorer.strip}, frame {explorer.number}: {sheet.title}"
    _write(title, layout.margin, top - unit, room, _INK, 1.15 * scale)
    for column, line in enumerate(sheet.columns.lines):
        box = layout.box((0, column))
        _write(line.label, box.left, box.bottom + box.height + 0.45 * unit, box.width, _PALE, scale)
    for row, line in enumerate(sheet.rows.lines):
        box = layout.box((row, 0))
        room = layout.beside - 0.5 * unit
        blf.size(0, _TEXT * scale)
        left = box.left - 0.5 * unit - min(blf.dimensions(0, line.label)[0], room)
        _write(line.label, left, box.bottom + box.height / 2 - 0.3 * unit, room, _PALE, scale)


def _draw_cell(explorer: Explorer, place: Place, shown: Shown, box: Box, scale: float) -> bool:
    """Draw a cell; whether its picture has to wait for the next redraw."""
    late = False
    if shown.picture is not None:
        texture = _texture_of(shown.picture)
        late = texture is None
        if texture is not None:
            _paint(texture, box)
    if shown.picture is None or late:
        _fill(box, _FAILED if shown.problem else _EMPTY)
    if shown.problem:
        _write(shown.problem, box.left + 6 * scale, box.bottom + box.height - 18 * scale, box.width - 12 * scale,
               _PALE, 0.9 * scale)  # fmt: skip
    line = max(round(2 * scale), 2)
    if place in explorer.current:
        _outline(box, line, _CURRENT)
        _tag("current", box, scale)
    if place == explorer.made:
        _outline(box, max(line // 2, 1), _MAKING)
    if place == opened.hovered:
        _outline(box, line, _HOVERED)
    return late


def _draw_footer(explorer: Explorer, layout: Layout, scale: float) -> None:
    """What is said of the cell below the pointer, or of the sheet."""
    text, color = words.at(explorer), _PALE
    if opened.hovered is not None and opened.hovered in explorer.shown:
        text, color = words.about(explorer, opened.hovered), _INK
    _write(text, layout.margin, layout.margin, layout.width - 2 * layout.margin, color, scale)


def _texture_of(picture: Picture) -> Any:
    """A picture on the GPU; None if enough were put there for this redraw."""
    global _put
    if picture.key not in _textures:
        if _put >= _AT_ONCE:
            return None
        _put += 1
        width, height = picture.size
        colors = np.ones((height * width, 4), np.float32)
        colors[:, :3] = np.frombuffer(picture.pixels, np.uint8).reshape(-1, 3) * np.float32(1 / 255)
        types: Any = gpu.types  # 4.5's stubs know no arguments of theirs
        buffer = types.Buffer("FLOAT", colors.size, colors.ravel())
        _textures[picture.key] = types.GPUTexture(picture.size, format="RGBA8", data=buffer)
    return _textures[picture.key]


def _forget_others(explorer: Explorer) -> None:
    """Give back pictures that are not on the sheet any more."""
    global _put
    _put = 0
    wanted = {shown.picture.key for shown in explorer.shown.values() if shown.picture is not None}
    for key in [key for key in _textures if key not in wanted]:
        del _textures[key]


def _corners(box: Box) -> list[tuple[float, float]]:
    right, top = box.left + box.width, box.bottom + box.height
    return [(box.left, box.bottom), (right, box.bottom), (box.left, top), (right, top)]


def _paint(texture: Any, box: Box) -> None:
    shader = gpu.shader.from_builtin("IMAGE")
    batch = batch_for_shader(shader, "TRI_STRIP", {"pos": _corners(box), "texCoord": _ON_PICTURE})
    shader.bind()
    shader.uniform_sampler("image", texture)
    batch.draw(shader)


def _fill(box: Box, color: Color) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.bind()
    shader.uniform_float("color", color)
    batch_for_shader(shader, "TRI_STRIP", {"pos": _corners(box)}).draw(shader)


def _outline(box: Box, line: float, color: Color) -> None:
    left, bottom = box.left - line, box.bottom - line
    width, height = box.width + 2 * line, box.height + 2 * line
    _fill(Box(left, bottom, width, line), color)
    _fill(Box(left, bottom + height - line, width, line), color)
    _fill(Box(left, bottom, line, height), color)
    _fill(Box(left + width - line, bottom, line, height), color)


def _tag(text: str, box: Box, scale: float) -> None:
    blf.size(0, 0.9 * _TEXT * scale)
    width = blf.dimensions(0, text)[0] + 8 * scale
    if width > box.width:
        return
    _fill(Box(box.left, box.bottom, width, 15 * scale), _CURRENT)
    _write(text, box.left + 4 * scale, box.bottom + 4 * scale, width, (0.05, 0.05, 0.05, 1.0), 0.9 * scale)


def _write(text: str, left: float, bottom: float, room: float, color: Color, scale: float) -> None:
    """One line of text, cut where its room ends."""
    blf.size(0, _TEXT * scale)
    blf.color(0, *color)
    blf.position(0, left, bottom, 0)
    blf.draw(0, _fitted(text, room))


def _fitted(text: str, room: float) -> str:
    if blf.dimensions(0, text)[0] <= room:
        return text
    while text and blf.dimensions(0, f"{text}…")[0] > room:
        text = text[:-1]
    return f"{text}…"
