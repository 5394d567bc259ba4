"""The gallery: a page of pictures with their names, what is looked for, and what can be done."""

from __future__ import annotations

from typing import Any

from bpy.types import Context, UILayout

from ...gallery import library
from ...gallery.library import Entry
from ...gallery.state import ACROSS, PAGE, gallery_of, pages_of
from . import icons

#: How large a picture is drawn, in Blender's units.
SCALE = 7.0


def draw_gallery(layout: UILayout, context: Context) -> None:
    """All of the gallery."""
    gallery = gallery_of(context)
    row = layout.row()
    row.prop(gallery, "kind", expand=True)
    row.prop(gallery, "search", text="", icon="VIEWZOOM")
    if gallery.kind != library.OPERATORS:
        choice = row.row(align=True)
        choice.prop(gallery, "how", expand=True)
    shown = gallery.shown()
    layout.separator()
    if not shown:
        layout.label(text=_nothing(gallery), icon="INFO")
    grid = layout.grid_flow(row_major=True, columns=ACROSS, even_columns=True, even_rows=True)
    some = shown[gallery.page * PAGE : (gallery.page + 1) * PAGE]
    for entry in some:
        _draw_entry(grid.column(align=True), gallery, entry)
    for _ in range(max(0, ACROSS - len(some)) if some else 0):
        grid.column()
    layout.separator()
    _draw_foot(layout.row(), gallery, pages_of(shown))


def _nothing(gallery: Any) -> str:
    if gallery.search:
        return "Nothing has these words in its name or description"
    return "Save the bends of a strip with Save Preset, or put preset files into the folder"


def _draw_entry(cell: UILayout, gallery: Any, entry: Entry) -> None:
    cell.template_icon(icon_value=icons.of_picture(entry.picture), scale=SCALE)
    if entry.problem:
        problem = cell.row(align=True)
        problem.alert = True
        problem.operator("bend.delete_preset", text=entry.name, icon="ERROR").filepath = str(entry.path)
        return
    if entry.path is None:
        cell.operator("bend.add_bend", text=entry.name).operator = entry.operator
        return
    row = cell.row(align=True)
    adding = row.operator("bend.add_preset", text=entry.name)
    adding.filepath, adding.replace = str(entry.path), gallery.how == "replace"
    if entry.kind == library.OWN:
        row.operator("bend.delete_preset", text="", icon="TRASH").filepath = str(entry.path)


def _draw_foot(row: UILayout, gallery: Any, pages: int) -> None:
    row.operator("bend.save_preset", icon="ADD", text="Save Preset…")
    row.operator("wm.path_open", text="Open Folder", icon="FILE_FOLDER").filepath = str(library.folder())
    row.operator("bend.renew_pictures", icon="FILE_REFRESH")
    row.operator("bend.restore_pictures", text="", icon="LOOP_BACK")
    turning = row.row(align=True)
    turning.alignment = "RIGHT"
    back = turning.row(align=True)
    back.enabled = gallery.page > 0
    back.operator("bend.gallery_page", text="", icon="TRIA_LEFT").by = -1
    turning.label(text=f"{gallery.page + 1} / {pages}")
    forward = turning.row(align=True)
    forward.enabled = gallery.page + 1 < pages
    forward.operator("bend.gallery_page", text="", icon="TRIA_RIGHT").by = 1
