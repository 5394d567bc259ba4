"""Where the logs of this Blender's children lie: one for each kind of child; none is kept long, or in a .blend file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.errors import BendError
from . import changes, preferences

#: Logs of other Blenders are kept for so long.
DAYS = 7
#: What earlier versions of Bend called the text of a .blend file that held a log, with paths and prompts.
OLD_TEXT = "Bend Engine Log"

#: The last death of a child, and its log.
_last: tuple[BendError, Path] | None = None


def folder() -> Path:
    """Where all logs lie."""
    return preferences.user_folder("logs")


def path(name: str) -> Path:
    """The log of a kind of child; every child of that kind begins it again."""
    return folder() / f"{name}-{os.getpid()}.log"


def note(failure: BendError, log: Path) -> None:
    """Take note of the log that tells more about a failure."""
    global _last
    _last = failure, log


def about(failure: BendError | None) -> Path | None:
    """The log that tells more about a failure; None for the engine's own."""
    return _last[1] if _last is not None and _last[0] is failure else None


def forget_old() -> None:
    """Remove what the children of other Blenders have printed long ago."""
    for file in folder().glob("*-*"):
        try:
            if time.time() - file.stat().st_mtime > DAYS * 86400:
                file.unlink()
        except OSError:
            continue  # another Blender was faster


@persistent
def remove_old_text(*_: Any) -> None:
    """Take an old log out of the file that is open."""
    text = bpy.data.texts.get((OLD_TEXT, None))
    if text is not None:
        bpy.data.texts.remove(text)


_HANDLERS = {"save_pre": remove_old_text}


def register() -> None:
    """Watch every save."""
    changes.add_handlers(_HANDLERS)


def unregister() -> None:
    """Stop watching."""
    changes.remove_handlers(_HANDLERS)
