"""How many files of each kind are in the store and how much room they take, measured beside Blender's own work."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.resolve import INPUTS
from ..core.store_files import Tally, tallies
from . import activity

#: Seconds for which a measurement counts.
FRESH_SECONDS = 10.0
TICK_SECONDS = 0.3


@dataclass(frozen=True)
class Size:
    """The size of a store.

    Parameters
    ----------
    tallies : the files that Bend has made, by kind
    bytes : of all files
    """

    tallies: tuple[Tally, ...]
    bytes: int


_known: dict[Path, tuple[float, Size]] = {}
_thread: threading.Thread | None = None


def measure(store: Path) -> Size:
    """Look through a store."""
    files: list[tuple[str, int]] = []
    for folder, prefix in ((store, ""), (store / INPUTS, f"{INPUTS}/")):
        if not folder.is_dir():
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    files.append((prefix + entry.name, entry.stat(follow_symlinks=False).st_size))
    return Size(tallies(files), sum(size for _, size in files))


def known(store: Path) -> Size | None:
    """The size as it was a short while ago; None until it has been measured for the first time.

    For panels: it never waits, and lets them be drawn again when there is news.
    """
    global _thread
    when, size = _known.get(store, (-FRESH_SECONDS, None))
    if time.monotonic() - when > FRESH_SECONDS and _thread is None:
        _thread = threading.Thread(target=_note, args=(store,), name="bend store size", daemon=True)
        _thread.start()
        bpy.app.timers.register(_look, first_interval=TICK_SECONDS, persistent=True)  # also if a file is opened
    return size


def forget() -> None:
    """Frames were removed: measure again."""
    _known.clear()


def _note(store: Path) -> None:
    try:
        size = measure(store)
    except OSError:
        size = Size((), 0)  # a folder that is gone holds nothing
    _known[store] = (time.monotonic(), size)


def _look() -> float | None:
    global _thread
    if _thread is not None and _thread.is_alive():
        return TICK_SECONDS
    _thread = None
    activity.redraw()
    return None
