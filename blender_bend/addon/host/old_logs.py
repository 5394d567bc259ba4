"""Logs that earlier versions of Bend put into .blend files, with paths and prompts: they go when the file is saved."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

#: What the text was called.
NAME = "Bend Engine Log"


@persistent
def remove(*_: Any) -> None:
    """Take the log out of the file that is open."""
    text = bpy.data.texts.get((NAME, None))
    if text is not None:
        bpy.data.texts.remove(text)


def register() -> None:
    """Watch every save."""
    bpy.app.handlers.save_pre.append(remove)


def unregister() -> None:
    """Stop watching."""
    if remove in bpy.app.handlers.save_pre:
        bpy.app.handlers.save_pre.remove(remove)
