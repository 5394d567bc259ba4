"""The explorer that is open, and its window: what its sheet, its tab, and its operators share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.types import Area, Context, Window

if TYPE_CHECKING:
    from .explorer import Explorer, Place

SPACE = "IMAGE_EDITOR"

explorer: Explorer | None = None
#: The cell below the pointer.
hovered: Place | None = None
#: What came of the last thing that was asked for, in words.
said = ""
#: Which window it is; 0 before there is one.
pointer = 0
#: Whether another choice was made of what is compared.
chosen = False


def window() -> Window | None:
    """The window of the explorer; None if it was closed."""
    return next((one for one in bpy.context.window_manager.windows if one.as_pointer() == pointer), None)


def is_in(context: Context) -> bool:
    """Whether a context is that of the explorer's window."""
    return explorer is not None and context.window is not None and context.window.as_pointer() == pointer


def areas() -> list[Area]:
    """Where the sheet is drawn."""
    shown = window()
    return [area for area in shown.screen.areas if area.type == SPACE] if shown else []


def redraw() -> None:
    """Draw the sheet and what is said of it again."""
    for area in areas():
        area.tag_redraw()


def hover(place: Place | None) -> None:
    """The pointer is over a cell, or over none."""
    global hovered
    if place != hovered:
        hovered = place
        redraw()


def say(text: str) -> None:
    """Say something below the sheet."""
    global said
    said = text
    redraw()
