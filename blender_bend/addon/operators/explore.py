"""Exploring: a sheet of pictures in a window, to click in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import IntProperty, StringProperty
from bpy.types import Context, Event, Operator, OperatorProperties

from ...core.errors import BendError
from ..explorer import applying, opened, session, sheet_drawing
from ..explorer.layout import Place
from ..host.typed import OperatorMixin, Result
from ..timeline import strips
from .shared.polls import OnBendStrip


class BEND_OT_explore(OnBendStrip, Operator):
    """Compare settings as a sheet of pictures in a window: sites, operators, steps, values, presets, seeds, prompts"""

    bl_idname = "bend.explore"
    bl_label = "Explore…"
    bl_options = {"REGISTER"}

    def execute(self, context: Context) -> Result:
        try:
            session.open_in_window(context)
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class _OnSheet(OperatorMixin):
    """A mixin for operators that work on an explorer that is open."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if opened.explorer is None:
            cls.poll_message_set("Open the explorer first")
            return False
        return True


class BEND_OT_explore_again(_OnSheet, Operator):
    """Make a new sheet of the frame at the playhead, as the strip is now"""

    bl_idname = "bend.explore_again"
    bl_label = "Explore Again"
    bl_options = {"REGISTER"}

    def execute(self, context: Context) -> Result:
        session.begin_again()
        return {"FINISHED"}


class BEND_OT_explore_stop(_OnSheet, Operator):
    """Stop filling the sheet, or go on; what is drawn stays"""

    bl_idname = "bend.explore_stop"
    bl_label = "Cancel Filling"
    bl_options = {"INTERNAL"}

    @classmethod
    def description(cls, context: Context, properties: OperatorProperties) -> str:
        return cls.__doc__ or ""

    def execute(self, context: Context) -> Result:
        explorer = opened.explorer
        assert explorer is not None
        if explorer.stopped or explorer.problem is not None:
            explorer.go_on()
        else:
            explorer.stop()
        opened.redraw()
        return {"FINISHED"}


class _OnCells(_OnSheet):
    """A mixin for operators that the pointer calls, in the explorer's window alone."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        return super().poll(context) and (bpy.app.background or opened.is_in(context))

    def place(self, context: Context, event: Event) -> Place | None:
        """The cell below the pointer."""
        area, region, explorer = context.area, context.region, opened.explorer
        if area is None or region is None or explorer is None or region.type != "WINDOW":
            return None
        layout = sheet_drawing.layout_of(explorer, area, region)
        return layout.at(event.mouse_region_x, event.mouse_region_y) if layout else None


class BEND_OT_apply_cell(_OnCells, Operator):
    """Set the strip to what this picture shows; a parameter with a curve gets a keyframe"""

    bl_idname = "bend.apply_cell"
    bl_label = "Apply Cell"
    bl_options = {"UNDO", "INTERNAL"}

    row: IntProperty(name="Row", min=0, options={"SKIP_SAVE"})
    column: IntProperty(name="Column", min=0, options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> Any:
        place = self.place(context, event)
        if place is None:
            return {"PASS_THROUGH"}
        self.row, self.column = place
        return self.execute(context)

    def execute(self, context: Context) -> Result:
        explorer = opened.explorer
        assert explorer is not None
        shown = explorer.shown.get((self.row, self.column))
        if shown is None or shown.problem or explorer.sheet is None:
            self.report({"WARNING"}, shown.problem if shown else "There is no such cell.")
            return {"CANCELLED"}
        try:
            strip = strips.called(explorer.scene, explorer.strip)
            said = applying.apply(
                strip, explorer.sheet, shown.cell.job, explorer.place, explorer.number, explorer.asked.presets
            )
        except BendError as error:
            opened.say(str(error))
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}
        opened.say(said)
        if said:
            self.report({"INFO"}, said)
        return {"FINISHED"}


class BEND_OT_hover_cell(_OnCells, Operator):
    """Say what the picture below the pointer is"""

    bl_idname = "bend.hover_cell"
    bl_label = "Show Cell"
    bl_options = {"INTERNAL"}

    def invoke(self, context: Context, event: Event) -> Any:
        opened.hover(self.place(context, event))
        return {"PASS_THROUGH"}

    def execute(self, context: Context) -> Result:
        return {"CANCELLED"}


class BEND_OT_save_sheet(_OnSheet, Operator):
    """Save the sheet with its labels as a PNG picture"""

    bl_idname = "bend.save_sheet"
    bl_label = "Save Sheet…"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", description="PNG file to write", subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.png", options={"HIDDEN"})
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: Context, event: Event) -> Result:
        if not self.filepath:
            self.filepath = "sheet.png"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Context) -> Result:
        try:
            session.save_sheet(Path(bpy.path.abspath(self.filepath)).with_suffix(".png"))
            if bpy.app.background:
                session.wait_for_saving()
        except (BendError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


#: The operator that each of these events of an image editor calls, in the explorer's window.
KEYS: tuple[tuple[str, Any, Any], ...] = (
    (BEND_OT_apply_cell.bl_idname, "LEFTMOUSE", "PRESS"),
    (BEND_OT_hover_cell.bl_idname, "MOUSEMOVE", "ANY"),
    (BEND_OT_explore_stop.bl_idname, "ESC", "PRESS"),
)
_added: list[tuple[Any, Any]] = []


def register() -> None:
    """Let the pointer reach the cells; in background there is none."""
    keyconfig = bpy.context.window_manager.keyconfigs.addon
    if bpy.app.background or keyconfig is None:
        return
    keymap = keyconfig.keymaps.new(name="Image", space_type="IMAGE_EDITOR")
    for operator, kind, value in KEYS:
        _added.append((keymap, keymap.keymap_items.new(operator, kind, value)))


def unregister() -> None:
    """Take the keys away."""
    while _added:
        keymap, item = _added.pop()
        keymap.keymap_items.remove(item)


CLASSES = (
    BEND_OT_explore,
    BEND_OT_explore_again,
    BEND_OT_explore_stop,
    BEND_OT_apply_cell,
    BEND_OT_hover_cell,
    BEND_OT_save_sheet,
)
