"""Files that a .blend names: Bend doesn't look at them before one of its buttons was pressed in it.

A file from someone else can name anything: a private file, a pipe, a folder on another machine. Until the artist
has pressed a button, nothing that a file names is touched, not even to see whether it is there; after that, panels and
timers look at what is on this machine. What is on another one is looked at only while a button does its work.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import changes

#: How long the state of a file counts as known: panels are drawn many times a second.
FILE_SECONDS = 1.0
#: Files whose states are kept.
_KEPT = 200_000
#: Where Unix systems mount other machines as soon as they are accessed.
_AUTOMOUNTS = ("/net/", "/Network/", "/afs/")

#: Size in bytes and nanosecond of change.
State = tuple[int, int]
#: The state of what is not there, or is no file.
GONE: State = (0, 0)

_pressed = False
_pressing = 0
_known: dict[str, tuple[float, State]] = {}


class Unseen(Exception):
    """No button has been pressed yet, so the state of the file is unknown."""


@contextmanager
def press() -> Iterator[None]:
    """A button does its work: what the .blend names may be looked at. Never to be held while Blender goes on."""
    global _pressed, _pressing
    _pressed = True
    _pressing += 1
    try:
        yield
    finally:
        _pressing -= 1


def state(path: str, fresh: bool = False) -> State:
    """How a file is; unless it must be ``fresh`` or a button does its work, as it was known a moment ago.

    Raises
    ------
    Unseen
    """
    known = _known.get(path)
    if not _pressed or (known is None and not _may_look(path)):
        raise Unseen(path)
    now = time.monotonic()
    old = fresh or _pressing > 0 or known is None or now - known[0] > FILE_SECONDS
    if known is None or (old and _may_look(path)):
        if len(_known) >= _KEPT:
            _known.clear()
        known = _known[path] = (now, _look(path))
    return known[1]


def may_look() -> bool:
    """Whether a button was pressed since the file was opened."""
    return _pressed


def is_missing(path: str) -> bool:
    """Whether a file is known not to be there."""
    try:
        return state(path) == GONE
    except Unseen:
        return False


def is_elsewhere(path: str) -> bool:
    """Whether a path leads to another machine, as far as it can be told without looking."""
    return path.replace("\\", "/").startswith(("//", *_AUTOMOUNTS))


def forget() -> None:
    """Look at every file again."""
    _known.clear()


def _may_look(path: str) -> bool:
    return _pressed and (_pressing > 0 or not is_elsewhere(path))


def _look(path: str) -> State:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a zero in the path
        return GONE
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else GONE


@persistent
def on_load(*_: Any) -> None:
    """Another file is open; one that was never saved was made here."""
    global _pressed
    _pressed = not getattr(bpy.data, "filepath", "")
    forget()


_HANDLERS = {"load_post": on_load}


def register() -> None:
    """Take note of every file that is opened."""
    changes.add_handlers(_HANDLERS, first=True)
    if hasattr(bpy.data, "filepath"):  # not while Blender starts, when a file is loaded right after
        on_load()


def unregister() -> None:
    """Forget everything."""
    changes.remove_handlers(_HANDLERS)
    forget()
