"""The frames on the disk: how many, which are unused, and taking them elsewhere."""

from __future__ import annotations

from bpy.types import Context, Panel

from .. import compat, frame_use, preferences, store_size
from ..errands import size_text
from .main import BendPanel


class BEND_PT_frames(BendPanel, Panel):
    """The frame folder of this project"""

    bl_idname = "BEND_PT_frames"
    bl_label = "Frames on Disk"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        layout = self.layout
        store = preferences.frame_folder()
        row = layout.row(align=True)
        size = store_size.known(store)
        text = f"{size.frames} frame{'' if size.frames == 1 else 's'}, {size_text(size.bytes)}" if size else "…"
        row.label(text=text, icon="RENDERLAYERS")
        if size and size.frames:
            row.operator("wm.path_open", text="", icon="FILE_FOLDER").filepath = str(store)
        found = frame_use.found if frame_use.found and frame_use.found.holds() else None
        column = layout.column(align=True)
        column.operator("bend.find_unused_frames", icon="VIEWZOOM")
        if found and found.unused:
            column.operator(
                "bend.delete_unused_frames", text=f"Delete {len(found.unused)} ({size_text(found.size)})…", icon="TRASH"
            )
        elif found:
            column.label(text="Every frame is used", icon="CHECKMARK")
        column = layout.column(align=True)
        column.operator("bend.export_frames", text="Export Frames…", icon="EXPORT")
        column.operator("bend.collect", icon="PACKAGE")
        scene = compat.sequencer_scene(context)
        if scene.bend_beside or preferences.preferences().frame_folder:
            layout.prop(scene, "bend_beside")


CLASSES = (BEND_PT_frames,)
