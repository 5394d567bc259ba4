"""Changes of the file, counted once for everyone who keeps something up to date in idle moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import activity

#: Functions by the name of the list of handlers that they belong to.
Handlers = Mapping[str, Callable[..., None]]

#: Counts every update of the file, even one that only selects something.
updates = 0
#: Counts what surely makes a difference: undo, another file, frames that came or went.
changes = 0


@persistent
def note_update(*_: Any) -> None:
    """Count an update, unless Bend itself is moving the playhead to capture pictures."""
    global updates
    if not activity.grabbing:
        updates += 1


@persistent
def mark_changed(*_: Any) -> None:
    """Count a change, and the update that it is."""
    global changes
    if not activity.grabbing:
        changes += 1
    note_update()


HANDLERS = {
    "depsgraph_update_post": note_update,
    "undo_post": mark_changed,
    "redo_post": mark_changed,
    "load_post": mark_changed,
}


def register() -> None:
    """Watch the file; in background mode there is no window to keep up to date."""
    if bpy.app.background:
        return
    add_handlers(HANDLERS)


def unregister() -> None:
    """Stop watching."""
    remove_handlers(HANDLERS)


def add_handlers(added: Handlers, first: bool = False) -> None:
    """Let Blender call functions by the names of its lists of handlers: after all others, or before them."""
    for name, handler in added.items():
        handlers = getattr(bpy.app.handlers, name)
        handlers.insert(0 if first else len(handlers), handler)


def remove_handlers(added: Handlers) -> None:
    """Let Blender call them no longer; those that it does not call are left alone."""
    for name, handler in added.items():
        handlers = getattr(bpy.app.handlers, name)
        if handler in handlers:
            handlers.remove(handler)
