"""What is known of files that were read as a whole: in this process, and for large ones in the user's cache folder.

The file on the disk is one that any program may write, damage or remove: then something is read once more.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from pathlib import Path

from . import foreign_json
from .whole import DIGEST, write_whole

log = logging.getLogger(__name__)

#: Absolute path, size, times of change in nanoseconds and number of a file.
Key = tuple[str, int, int, int, int]

#: Files that are known on the disk; the oldest go.
MOST = 1000
#: Files that are known in this process.
MOST_HERE = 10_000

_lock = threading.Lock()
here: dict[Key, str] = {}
_on_disk: dict[str, str] = {}
#: The file that ``_on_disk`` was read from, and how it was.
_seen: tuple[object, ...] = ()


def place() -> Path:
    """The file in the user's cache folder."""
    return Path.home() / ".cache" / "bend" / "file-hashes.json"


def get(key: Key) -> str:
    """The hash of a file; empty if it is not known."""
    with _lock:
        if key in here:
            return here[key]
        _look_at_disk()
        return _on_disk.get(name_of(key), "")


def keep(key: Key, digest: str, lasting: bool) -> None:
    """Take note of the hash of a file.

    Parameters
    ----------
    lasting : whether the next process shall know it
    """
    with _lock:
        if len(here) >= MOST_HERE:
            here.clear()
        here[key] = digest
        if lasting:
            _write(name_of(key), digest)


def forget() -> None:
    """Know only what is on the disk."""
    global _seen
    with _lock:
        here.clear()
        _on_disk.clear()
        _seen = ()


def name_of(key: Key) -> str:
    """What a file is called on the disk: not by its path, which need not be text, and is nobody's business."""
    path, *numbers = key
    return hashlib.sha256(f"{numbers}".encode() + os.fsencode(path)).hexdigest()


def _look_at_disk() -> None:
    """Read the file once more if another process has written it."""
    global _seen
    file = place()
    try:
        status = file.stat()
        now: tuple[object, ...] = (file, status.st_size, status.st_mtime_ns, status.st_ino)
    except OSError:
        now = (file,)
    if now == _seen:
        return
    _seen = now
    _on_disk.clear()
    _on_disk.update(_read(file))


def _read(file: Path) -> dict[str, str]:
    try:
        found = foreign_json.read(file) or {}
    except foreign_json.Unreadable as error:
        log.warning("%s counts for nothing: %s", file, error)
        return {}
    return {
        name: digest
        for name, digest in found.items()
        if DIGEST.fullmatch(name) and isinstance(digest, str) and DIGEST.fullmatch(digest)
    }


def _write(name: str, digest: str) -> None:
    """Add a hash to what is on the disk now; of two who write at once one may be lost, and the file is read again."""
    file = place()
    known = {**_read(file), name: digest}
    kept = dict(list(known.items())[-MOST:])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(kept, indent=0).encode())
    except OSError as error:
        log.warning("%s cannot be written: %s", file, error.strerror)
