"""The frame store and the project: finding and deleting unused frames, exporting frames, collecting."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Event, Operator

from ...core.wording import counted
from ..host import compat, preferences
from ..host.slices import Slices
from ..host.typed import Result
from ..process.tasks import size_text
from ..store import collect, export_frames, frame_use, store_size
from ..store.collect import Collected
from ..store.frame_use import Found
from ..timeline.strips import polled_bend_strip
from .shared.polls import OnIdleBendStrip, WhenIdle
from .shared.slicing import InSlices


class BEND_OT_clear_caches(WhenIdle, InSlices, Operator):
    """Delete cached measurements, sound embeddings and model studies. Frames are kept"""

    bl_idname = "bend.clear_caches"
    bl_label = "Clear Caches"

    title = "Clearing caches"

    def invoke(self, context: Context, event: Event) -> Result:
        return context.window_manager.invoke_props_dialog(self, width=380, confirm_text="Delete")

    def draw(self, context: Context) -> None:
        column = self.layout.column(align=True)
        column.label(text="Delete cached data?", icon="TRASH")
        size = store_size.known(preferences.frame_folder())
        for label, count in size.caches.items() if size else ():
            column.label(text=f"{label}: {size_text(count)}", icon="BLANK1")
        column.label(text="It will be recomputed when needed.", icon="INFO")

    def execute(self, context: Context) -> Result:
        return super().execute(context) if bpy.app.background else self.watch(context)

    def work(self, context: Context) -> Slices[int]:
        return store_size.clear(self.count)

    def tell(self, result: int) -> str:
        return f"Freed {size_text(result)}"


class BEND_OT_find_unused_frames(WhenIdle, InSlices, Operator):
    """Find frames and captured pictures that no strip of this file uses, without deleting them"""

    bl_idname = "bend.find_unused_frames"
    bl_label = "Find Unused Frames"

    title = "Searching the frames"

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def work(self, context: Context) -> Slices[Found]:
        return frame_use.search(self.count)

    def tell(self, result: Found) -> str:
        return f"Unused: {words(result)}. {counted(result.used, 'file')} in use"


def _found() -> Found:
    """What Find Unused Frames has found, as the poll has made sure of."""
    assert frame_use.found is not None
    return frame_use.found


class BEND_OT_delete_unused_frames(WhenIdle, InSlices, Operator):
    """Delete the frames and captured pictures that no strip of this file uses; they can be rendered again"""

    bl_idname = "bend.delete_unused_frames"
    bl_label = "Delete Unused Frames"

    title = "Deleting frames"

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if frame_use.found is None or not frame_use.found.holds():
            cls.poll_message_set("Press Find Unused Frames first")
            return False
        return True

    def invoke(self, context: Context, event: Event) -> Result:
        return context.window_manager.invoke_props_dialog(self, width=380, confirm_text="Delete")

    def draw(self, context: Context) -> None:
        column = self.layout.column(align=True)
        column.label(text=f"Delete {words(_found())}?", icon="TRASH")
        column.label(text="No strip of this .blend file uses them.")
        column.label(text="Other .blend files that use this folder", icon="ERROR")
        column.label(text="will have to render these frames again.", icon="BLANK1")
        column.label(text=str(_found().store), icon="FILE_FOLDER")

    def execute(self, context: Context) -> Result:
        # After the dialog Blender calls execute; in a window the work then goes on in slices.
        return super().execute(context) if bpy.app.background else self.watch(context)

    def work(self, context: Context) -> Slices[Found]:
        return frame_use.remove(_found(), self.count)

    def tell(self, result: Found) -> str:
        store_size.forget()
        return f"{words(result)} deleted"


class BEND_OT_export_frames(OnIdleBendStrip, InSlices, Operator):
    """Copy the frames of this strip to a folder as an image sequence, numbered like the timeline"""

    bl_idname = "bend.export_frames"
    bl_label = "Export Frames"

    title = "Exporting frames"

    directory: StringProperty(name="Folder", description="Folder to copy the frames to", subtype="DIR_PATH")
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    name: StringProperty(
        name="Name",
        description="Prefix of the file names. Empty: the strip's name",
        options={"SKIP_SAVE"},
    )
    overwrite: BoolProperty(name="Overwrite", description="Overwrite files with the same names", options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> Result:
        self.name = bpy.path.clean_name(polled_bend_strip(context).name)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Context) -> Result:
        return super().execute(context) if bpy.app.background else self.watch(context)

    def work(self, context: Context) -> Slices[list[Path]]:
        strip = polled_bend_strip(context)
        name = self.name.strip() or strip.name
        folder = Path(bpy.path.abspath(self.directory))
        scene = compat.sequencer_scene(context)
        return export_frames.export(scene, strip, folder, bpy.path.clean_name(name), self.overwrite, self.count)

    def tell(self, result: list[Path]) -> str:
        return f"{counted(len(result), 'frame')} exported"


class BEND_OT_collect(WhenIdle, InSlices, Operator):
    """Copy frames and sounds next to the .blend file, so the folder can be moved to another machine"""

    bl_idname = "bend.collect"
    bl_label = "Collect Project"
    bl_options = {"REGISTER", "UNDO"}

    title = "Collecting"

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def work(self, context: Context) -> Slices[Collected]:
        return collect.collect(self.count)

    def tell(self, result: Collected) -> str:
        store_size.forget()
        lost = f"; not found: {', '.join(result.lost[:3])}" if result.lost else ""
        lost += f"; skipped, not sound files: {', '.join(result.refused[:3])}" if result.refused else ""
        return f"{counted(result.files, 'file')} copied, {size_text(result.bytes)}{lost}. Save the .blend file now"


def words(found: Found) -> str:
    """How many files of each kind, and how large they are together."""
    return f"{found.words()} ({size_text(found.size)})"


CLASSES = (
    BEND_OT_clear_caches,
    BEND_OT_find_unused_frames,
    BEND_OT_delete_unused_frames,
    BEND_OT_export_frames,
    BEND_OT_collect,
)
