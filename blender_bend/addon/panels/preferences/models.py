"""The models of the hub in the preferences: what each takes, under which licence, and whether it is here."""

from __future__ import annotations

from typing import Any

from ....core.models import hub_cache, known_models
from ...host import model_list
from ...host.model_list import Row
from ...process.tasks import size_text


def draw_models(layout: Any) -> None:
    """The list, and what can be done with it."""
    box = layout.box()
    column = box.column(align=True)
    for row in model_list.rows():
        _draw_row(column.row(align=True), row)
    total = sum(model.size for model in model_list.stored())
    row = box.row()
    row.label(text=f"On this disk: {size_text(total)}", icon="DISK_DRIVE")
    if unreadable := model_list.unreadable():
        box.label(text=f"{unreadable} and not counted", icon="ERROR")
    other = row.operator("bend.download_model", text="Download Another…", icon="IMPORT")
    other.ask = True
    if hub_cache.has_token():
        row.operator("bend.log_out", icon="UNLOCKED")
    else:
        row.operator("bend.log_in", text="Log In…", icon="LOCKED")


def _draw_row(layout: Any, row: Row) -> None:
    icon = "CHECKMARK" if row.whole else "TEMP" if row.here else "BLANK1"
    split = layout.split(factor=0.36)
    split.label(text=row.label, icon=icon)
    split = split.split(factor=0.22)
    split.label(text=_size(row))
    split = split.split(factor=0.66)
    split.label(text=row.known.licence if row.known else "", icon="LOCKED" if row.known and row.known.gated else "NONE")
    buttons = split.row(align=True)
    buttons.alignment = "RIGHT"
    if not row.whole:
        text = "Resume" if row.here else "Download"
        buttons.operator("bend.download_model", text=text).model = row.name
    if row.here:
        buttons.operator("bend.delete_model", text="", icon="TRASH").model = row.name
    buttons.operator("wm.url_open", text="", icon="URL").url = known_models.page_of(row.name)


def _size(row: Row) -> str:
    if row.here is None:
        return f"{row.known.gigabytes:.1f} GB" if row.known else ""
    whole = f" of {row.known.gigabytes:.1f} GB" if row.known and not row.whole else ""
    return f"{size_text(row.here.size)}{whole}"
