"""Properties of the sound condition under the names that earlier versions saved in .blend files."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..host import changes, compat
from ..timeline import strips

#: The name of now by the former one.
RENAMED = {"heard": "embedded", "heard_from": "embedded_from"}


@persistent
def adopt(*_: Any) -> None:
    """Give what the opened file has stored under a former name the name of now."""
    for scene in bpy.data.scenes:
        if scene.library is not None:
            continue
        for strip in strips.bend_strips(scene):
            condition = strip.bend_settings.condition
            stored = compat.stored(condition)
            for former in RENAMED.keys() & stored.keys():
                if isinstance(stored[former], str):
                    setattr(condition, RENAMED[former], stored[former])
                del stored[former]


_HANDLERS = {"load_post": adopt}


def register() -> None:
    """Look at every file that is opened, before anything else does."""
    changes.add_handlers(_HANDLERS, first=True)


def unregister() -> None:
    """Look no longer."""
    changes.remove_handlers(_HANDLERS)
