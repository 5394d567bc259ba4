"""How much room the store takes, and what is kept to save work, measured beside Blender's own work."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import bpy

from ...core.files.caches import ALL, Cache, remove
from ...core.job.resolve import INPUTS
from ...core.job.store_files import Tally, tallies
from ..host import preferences
from ..host.slices import Slices
from ..process import tasks

#: Seconds for which a measurement counts.
FRESH_SECONDS = 10.0
TICK_SECONDS = 0.3
#: Files that are removed without a pause.
SLICE = 100


@dataclass(frozen=True)
class Size:
    """The size of a store.

    Parameters
    ----------
    tallies : the files that Bend has made, by kind
    bytes : of all files
    caches : bytes of what is kept to save work, by label
    """

    tallies: tuple[Tally, ...]
    bytes: int
    caches: dict[str, int] = field(default_factory=dict)


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


def folders() -> dict[Cache, Path]:
    """Where what is kept to save work lies."""
    return {cache: preferences.cache_folder(cache) for cache in ALL}


def kept(places: dict[Cache, Path]) -> dict[str, int]:
    """How much of each kind is kept to save work, in bytes by label."""
    return {cache.label: sum(status.st_size for _, status in cache.files(folder)) for cache, folder in places.items()}


def clear(tell: Callable[[int, int], None] = lambda done, total: None) -> Slices[int]:
    """Remove what is kept to save work; all of it is made again when it is needed.

    Returns
    -------
    how many bytes became free
    """
    freed = done = 0
    for cache, folder in folders().items():
        for path, status in list(cache.files(folder)):
            freed, done = freed + remove(path, status, folder), done + 1
            if done % SLICE == 0:
                tell(done, 0)
                yield
    forget()
    return freed


def known(store: Path) -> Size | None:
    """The size as it was a short while ago; None until it has been measured for the first time.

    For panels: it never waits, and lets them be drawn again when there is news.
    """
    global _thread
    when, size = _known.get(store, (-FRESH_SECONDS, None))
    if time.monotonic() - when > FRESH_SECONDS and _thread is None:
        _thread = threading.Thread(target=_note, args=(store, folders()), name="bend store size", daemon=True)
        _thread.start()
        bpy.app.timers.register(look, first_interval=TICK_SECONDS, persistent=True)  # also if a file is opened
    return size


def forget() -> None:
    """Frames were removed: measure again."""
    _known.clear()


def _note(store: Path, places: dict[Cache, Path]) -> None:
    try:
        size = measure(store)
    except OSError:
        size = Size((), 0)  # a folder that is gone holds nothing
    _known[store] = (time.monotonic(), replace(size, caches=kept(places)))


def look() -> float | None:
    global _thread
    if _thread is not None and _thread.is_alive():
        return TICK_SECONDS
    _thread = None
    tasks.redraw()
    return None
