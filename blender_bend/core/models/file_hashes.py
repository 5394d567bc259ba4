"""The SHA-256 of whole files: gigabytes are read once, and known by path, size and times from then on.

Of a file that huggingface_hub has downloaded it is the name of its blob, so that nothing is read. Blender's main thread
never reads weights, or its window would stand still: what it asks for and is not known yet is ``Unread``.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ..errors import BendError, Code
from ..files import hash_cache
from ..files.whole import DIGEST, open_regular
from . import hub_cache

#: Told of a file while it is read: which, how many bytes of it, of how many. What it raises ends the reading.
Step = Callable[[Path, int, int], None]

#: Whatever ends so is read in the background.
WEIGHTS = frozenset({".bin", ".ckpt", ".pt", ".pth", ".safetensors"})
#: So many bytes of anything else are read at once.
AT_ONCE = 1 << 20
#: Within so much of a file's last change it may be changed once more without another time: FAT counts in 2 seconds.
FRESH_NS = 2_000_000_000
#: A file that is read in less is not worth a word.
SILENT_SECONDS = 0.5

BLOCK = 1 << 24

#: Whether Blender's window waits for the main thread.
main_thread_spared = False
_waiting: ContextVar[bool] = ContextVar("waiting", default=False)
_step: ContextVar[Step | None] = ContextVar("step", default=None)


class Unread(BendError):
    """Files that must be read in the background first; their reader is asked again afterwards."""

    def __init__(self, paths: list[Path]) -> None:
        names = ", ".join(path.name for path in paths[:3])
        super().__init__(
            Code.MODEL_UNREAD,
            f"{names}{' and others' if len(paths) > 3 else ''} must be read once.",
            "Bend reads it in the background; Generate waits for it.",
        )
        self.paths = paths


def spare_main_thread(spared: bool) -> None:
    """Whether the main thread reads no weights because a window waits for it."""
    global main_thread_spared
    main_thread_spared = spared


@contextmanager
def reading_here() -> Iterator[None]:
    """The caller waits: what is not known is read, whatever thread this is. Never to be held while Blender goes on."""
    token = _waiting.set(True)
    try:
        yield
    finally:
        _waiting.reset(token)


@contextmanager
def telling(step: Step) -> Iterator[None]:
    """Tell of every file that is read by this thread."""
    token = _step.set(step)
    try:
        yield
    finally:
        _step.reset(token)


def words(name: str, done: int, size: int) -> str:
    """How far the reading of a file is; the number comes first, for a long name is cut off where it is shown."""
    return f"Reading once, {100 * done // max(size, 1)}%: {name}"


def spoken(say: Callable[[str], None], cancelled: Callable[[], bool] = lambda: False, every: int = 1) -> Step:
    """A step that says how far it is, for a file that takes a while, and can be cancelled.

    Parameters
    ----------
    every : percent from one word to the next
    """
    file, began, said = Path(), 0.0, -1

    def step(path: Path, done: int, size: int) -> None:
        nonlocal file, began, said
        if cancelled():
            raise BendError(Code.CANCELLED, "Canceled.")
        if path != file or not done:
            file, began, said = path, time.monotonic(), -1
        part = 100 * done // max(size, 1) // every
        if part != said and time.monotonic() - began >= SILENT_SECONDS:
            said = part
            say(words(path.name, done, size))

    return step


def of(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits.

    Raises
    ------
    OSError
    Unread if a window waits for this thread
    BendError(CANCELLED) if who is told says so
    """
    status = path.stat()
    key = _key(path, status)
    return _blob_name(path, status) or hash_cache.get(key) or _read(path, status, key)


def of_all(paths: Iterable[Path]) -> list[str]:
    """The same of several files; ``Unread`` names all that must be read.

    Raises
    ------
    those of ``of``
    """
    found, unread = [], []
    for path in paths:
        try:
            found.append(of(path))
        except Unread as error:
            unread += error.paths
    if unread:
        raise Unread(unread)
    return found


def is_settled(path: Path) -> bool:
    """Whether a change of the file from now on shows in its times.

    Raises
    ------
    OSError
    """
    return _is_settled(path.stat(), time.time_ns())


def _is_settled(status: os.stat_result, now: int) -> bool:
    return all(abs(now - changed) >= FRESH_NS for changed in (status.st_mtime_ns, status.st_ctime_ns))


def _key(path: Path, status: os.stat_result) -> hash_cache.Key:
    """What a file is known by. Windows keeps a file's birth where others keep its change, so there its number counts.

    Elsewhere numbers would only cost: some network file systems give others to the same files every day.
    """
    number = status.st_ino if os.name == "nt" else 0
    return os.path.abspath(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns, number


def _blob_name(path: Path, status: os.stat_result) -> str:
    """The name of the blob that a link of the hub's cache leads to; empty if that does not tell the content.

    Small files are called by another hash, and one that was written to after it was linked is no longer what it was.
    """
    link = path.lstat()
    if not stat.S_ISLNK(link.st_mode) or status.st_mtime_ns > link.st_mtime_ns:
        return ""
    blob = Path(os.path.realpath(path))
    inside = blob.parent.name == "blobs" and blob.parent.parent.parent == Path(os.path.realpath(hub_cache.cache()))
    return blob.name if inside and DIGEST.fullmatch(blob.name) else ""


def _read(path: Path, status: os.stat_result, key: hash_cache.Key) -> str:
    if _is_spared() and (path.suffix.lower() in WEIGHTS or status.st_size > AT_ONCE):
        raise Unread([path])
    now = time.time_ns()
    found = digest_of(path, status.st_size)
    if _is_settled(status, now) and _key(path, path.stat()) == key:
        hash_cache.keep(key, found, lasting=status.st_size > AT_ONCE)
    return found


def _is_spared() -> bool:
    return main_thread_spared and not _waiting.get() and threading.current_thread() is threading.main_thread()


def digest_of(path: Path, size: int) -> str:
    digest, step, done = hashlib.sha256(), _step.get(), 0
    block = memoryview(bytearray(min(BLOCK, max(size, 1))))
    with open_regular(path, follow=True) as file:
        while True:
            if step:
                step(path, done, size)
            count = file.readinto(block)  # type: ignore[attr-defined]
            if not count:
                return digest.hexdigest()
            digest.update(block[:count])
            done += count
