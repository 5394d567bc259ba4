"""The frames on the disk: how many, which are unused, and taking them elsewhere."""

from __future__ import annotations

from typing import Any

from bpy.types import Context, Panel

from ...core.wording import counted
from ..host import compat, preferences
from ..process.tasks import size_text
from ..store import frame_use, store_size
from ..store.store_size import Size
from .main import BendPanel, wrap


class BEND_PT_frames(BendPanel, Panel):
    """Frames of this project on disk"""

    bl_idname = "BEND_PT_frames"
    bl_label = "Frames on Disk"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        layout = self.layout
        store = preferences.frame_folder()
        row = layout.row(align=True)
        size = store_size.known(store)
        lines = row.column(align=True)
        for number, text in enumerate(sizes(size) if size else ("…",)):
            lines.label(text=text, icon="BLANK1" if number else "RENDERLAYERS")
        if size and size.tallies:
            row.operator("wm.path_open", text="", icon="FILE_FOLDER").filepath = str(store)
        found = frame_use.found if frame_use.found and frame_use.found.holds() else None
        column = layout.column(align=True)
        column.operator("bend.find_unused_frames", icon="VIEWZOOM")
        if found and found.unused:
            for line in wrap(f"Unused: {found.words()}"):
                column.label(text=line)
            text = f"Delete {counted(len(found.unused), 'File')} ({size_text(found.size)})…"
            column.operator("bend.delete_unused_frames", text=text, icon="TRASH")
        elif found:
            column.label(text="All frames are in use", icon="CHECKMARK")
        column = layout.column(align=True)
        column.operator("bend.export_frames", text="Export Frames…", icon="EXPORT")
        column.operator("bend.collect", icon="PACKAGE")
        scene = compat.sequencer_scene(context)
        draw_caches(layout, size)
        if scene.bend_beside or preferences.preferences().frame_folder:
            layout.prop(scene, "bend_beside")


def draw_caches(layout: Any, size: Size | None) -> None:
    """How much is kept to save work, and the button that removes it."""
    row = layout.row(align=True)
    total = size_text(sum(size.caches.values())) if size else "…"
    row.label(text=f"Cached data: {total}", icon="TEMP")
    row.operator("bend.clear_caches", text="", icon="TRASH")


def sizes(size: Size) -> list[str]:
    """The files of a store, a line for each kind."""
    return [f"{tally.words()}, {size_text(tally.bytes)}" for tally in size.tallies] or ["No frames yet"]


CLASSES = (BEND_PT_frames,)
