"""What is said below a sheet and beside it."""

from __future__ import annotations

from ...core.wording import counted
from . import opened
from .explorer import Explorer, Place


def about(explorer: Explorer, place: Place) -> str:
    """A cell in words."""
    sheet, shown = explorer.sheet, explorer.shown[place]
    assert sheet is not None
    lines = (sheet.rows.lines[place[0]].label, f"{sheet.columns.title.lower()} {sheet.columns.lines[place[1]].label}")
    if shown.problem:
        return f"{' · '.join(lines)}: {shown.problem}"
    use = "current" if place in explorer.current else "click to apply"
    quality = "" if shown.is_finished or shown.picture is None else " (draft)"
    return f"{' · '.join(lines)}{quality}: {use}"


def at(explorer: Explorer) -> str:
    """What the explorer is at, in a few words."""
    made, every = explorer.counts()
    if explorer.problem is not None:
        return str(explorer.problem)
    if opened.said:
        return opened.said
    if explorer.paused:
        return "Paused while frames are rendered"
    if explorer.sheet is None:
        return "Preparing the sheet…"
    if made == every:
        return f"{counted(every, 'picture')}, all ready. Click one to apply it"
    drafts = sum(1 for shown in explorer.shown.values() if shown.picture is not None)
    doing = "Stopped" if explorer.stopped else (explorer.asking.phase or "Drawing")
    return f"{doing}: {drafts} of {every} drawn, {made} finished. Click one to apply it"
