"""The explorer that is open: its window, its timer, what is below the pointer, and saving its sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.types import Context

from ...core.errors import BendError, Code
from ...core.files.whole import write_whole
from ...core.process import messages, shared_picture
from ..host import activity, changes
from ..process import engine_client
from ..process.engine_request import Request
from ..timeline import strips
from . import choices, opened, sheet_drawing
from .explorer import Explorer

#: Between two looks at the engine.
TICK_SECONDS = 1 / 40
#: How many redraws it takes until the window is as it should be.
_REDRAWS = 3

_undressed = 0
_drawn: tuple[Any, ...] = ()
_saving: Request | None = None


def open_in_window(context: Context) -> None:
    """Explore the active strip's frame at the playhead, in a window of its own; it is opened if need be.

    Raises
    ------
    BendError if there is no window, or nothing to explore
    """
    global _undressed
    if bpy.app.background:
        raise BendError(Code.PARAMETER_INVALID, "The explorer needs a window.", "Start Blender with one.")
    begin(*strips.shown())
    if opened.window() is None:
        before = {one.as_pointer() for one in context.window_manager.windows}
        bpy.ops.wm.window_new()
        new = next((one for one in context.window_manager.windows if one.as_pointer() not in before), None)
        if new is None:
            close()
            raise BendError(Code.PARAMETER_INVALID, "Blender opened no window for the explorer.", "Try again.")
        opened.pointer, _undressed = new.as_pointer(), _REDRAWS
        area: Any = new.screen.areas[0]
        area.ui_type = opened.SPACE
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=0.0, persistent=True)


def begin(scene: Any, strip: Any) -> Explorer:
    """Explore the frame of a strip that is at the playhead.

    Raises
    ------
    BendError if there is no such frame, or no room for pictures
    """
    if strip is None:
        raise BendError(Code.STRIP_MISSING, "There is no bend strip to explore.", "Select one.")
    if scene.frame_current not in strips.frame_range(strip):
        raise BendError(Code.PARAMETER_INVALID, "The playhead is not over the bend strip.", "Move it there.")
    made = Explorer(
        scene.name,
        strip.name,
        scene.frame_current,
        choices.of_window_manager().asked(strip, scene.frame_current),
        opened.explorer,
    )
    opened.explorer, opened.hovered, opened.said, opened.chosen = made, None, "", False
    return made


def begin_again() -> None:
    """The same with what is chosen now, and with what the strip is now; nothing if no explorer is open."""
    if opened.explorer is None:
        return
    opened.chosen = False
    scene, strip = strips.shown()
    try:
        begin(scene, strip)
    except BendError as error:
        opened.said = str(error)
    opened.redraw()


def close() -> None:
    """End it; its window may stay, or is closed already."""
    global _saving
    if opened.explorer is not None:
        opened.explorer.close()
    opened.explorer = opened.hovered = _saving = None
    opened.pointer = 0
    sheet_drawing.forget()


def save_sheet(path: Path) -> None:
    """Let the engine write the sheet as a picture with labels.

    Raises
    ------
    BendError if there is no engine, or nothing to write
    """
    global _saving
    if opened.explorer is None or opened.explorer.sheet is None:
        raise BendError(Code.PARAMETER_INVALID, "There is no sheet to save.", "Explore first.")
    _saving = engine_client.client().request(messages.SHEET, **page(opened.explorer, path))
    opened.said = f"Saving {path.name}…"


def page(shown: Explorer, path: Path) -> dict[str, Any]:
    """The message that asks for the sheet as a picture; drafts that the disk lacks are put there."""
    assert shown.sheet is not None
    rows, columns = shown.sheet.rows.lines, shown.sheet.columns.lines
    cells = [shown.shown.get((row, column)) for row in range(len(rows)) for column in range(len(columns))]
    for cell in cells:
        if cell is not None and cell.picture is not None:
            kept = shared_picture.kept_path(shown.kept.folder, cell.picture.key)
            if not kept.is_file():
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_whole(kept, shared_picture.packed(cell.picture))
    places = [(row, column) for row in range(len(rows)) for column in range(len(columns))]
    return {
        "title": f"{shown.strip}, frame {shown.number}: {shown.sheet.title}",
        "rows": [line.label for line in rows],
        "columns": [line.label for line in columns],
        "pictures": [cell.picture.key if cell is not None and cell.picture is not None else "" for cell in cells],
        "captions": [cell.problem if cell is not None else "" for cell in cells],
        "marked": [index for index, place in enumerate(places) if place in shown.current],
        "kept": str(shown.kept.folder),
        "out": str(path),
    }


def wait_for_saving() -> None:
    """Wait until the sheet is saved, in background mode.

    Raises
    ------
    BendError with what the engine said
    """
    global _saving
    request, _saving = _saving, None
    if request is not None:
        request.result()


def _follow_saving() -> None:
    global _saving
    if _saving is None:
        return
    _saving.poll()
    if not _saving.ended:
        return
    request, _saving = _saving, None
    try:
        opened.said = f"Saved {Path(str(request.result()['out'])).name}"
    except BendError as error:
        opened.said = str(error)
    opened.redraw()


def _dress() -> None:
    """Leave nothing of the editor but our sheet and our tab; Blender takes some redraws to follow."""
    global _undressed
    if _undressed == 0:
        return
    for area in opened.areas():
        _undressed -= 1
        space: Any = area.spaces.active
        space.show_region_header = space.show_region_tool_header = space.show_region_toolbar = False
        space.show_region_ui, space.image = True, None
        space.mode = "MASK"  # else its tool, which samples colors, would take every click
        for region in area.regions:
            if region.type == "UI":
                side: Any = region
                try:
                    side.active_panel_category = "Explorer"
                except (AttributeError, TypeError):  # not drawn yet
                    _undressed = max(_undressed, 1)
        area.tag_redraw()


def _tick() -> float | None:
    global _drawn
    if opened.explorer is None:
        return None
    if opened.window() is None:
        close()
        return None
    try:
        _dress()
        if opened.chosen:
            begin_again()
        opened.explorer.step()
        _follow_saving()
    except Exception as error:  # it would end the timer, and the window would seem to go on
        activity.end(activity.unexpected(error))
        close()
        return None
    explorer = opened.explorer
    now = (id(explorer), explorer.version, explorer.paused, explorer.asking.phase, changes.updates)
    if now != _drawn:
        _drawn = now
        opened.redraw()
    return TICK_SECONDS


@persistent
def _off(*_: Any) -> None:
    close()


def register() -> None:
    """Be ready to draw; it is closed when another file is opened."""
    bpy.app.handlers.load_pre.append(_off)
    sheet_drawing.register()


def unregister() -> None:
    """End it, and draw no more."""
    close()
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    sheet_drawing.unregister()
    if _off in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(_off)
