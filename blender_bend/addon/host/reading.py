"""Model files are read once as a whole, beside Blender's own work: the window never waits for gigabytes.

The thread knows nothing of Blender. What waits for it asks again once it is through; without a window nothing waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import bpy

from ...core.errors import BendError, Code
from ...core.models import file_hashes
from ...core.models.file_hashes import Unread
from .slices import Result, Slices

#: How long a slice waits for the thread; a window can spare it.
SLICE_SECONDS = 0.005
#: How long a file is left alone that was written a moment ago.
SETTLING_SECONDS = 0.2


class Reading:
    """Files that are being read.

    Parameters
    ----------
    paths : those that were asked for
    """

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.failure: BendError | None = None
        self.text = file_hashes.words(paths[0].name, 0, 1)
        self.fraction = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bend file hashes", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for its end, but not for long."""
        self._thread.join(seconds)

    def stop(self) -> None:
        """End it soon; what was read as a whole is known."""
        self._stopped.set()

    def _run(self) -> None:
        for path in self.paths:
            try:
                self._read(path)
            except OSError as error:
                self.failure = _unreadable(path, error)
                return
            except BendError:  # it was stopped
                return

    def _read(self, path: Path) -> None:
        """Read a file once it is no longer being written: what is known before that is only valid for a moment.

        Raises
        ------
        OSError, BendError(CANCELLED)
        """
        while not file_hashes.is_settled(path):
            self.tell(path, 0, 1)
            self._stopped.wait(SETTLING_SECONDS)
        with file_hashes.telling(self.tell):
            file_hashes.of(path)

    def tell(self, path: Path, done: int, size: int) -> None:
        if self._stopped.is_set():
            raise BendError(Code.CANCELLED, "Canceled.")
        self.text, self.fraction = file_hashes.words(path.name, done, size), done / max(size, 1)


def _unreadable(path: Path, error: OSError) -> BendError:
    return BendError(
        Code.MODEL_INVALID,
        f"{path} can't be read: {error.strerror}.",
        "Check that the file and its disk are readable, or choose another model.",
        "bend.open_preferences",
    )


_last: Reading | None = None


def current() -> Reading | None:
    """What is being read; None if nothing is."""
    return _last if _last is not None and _last.running else None


def begin(unread: Unread, again: bool = False) -> Reading:
    """Read files in the background, unless others are being read: those come first.

    Parameters
    ----------
    again : whether to try once more what could not be read

    Raises
    ------
    BendError(MODEL_INVALID) if they were tried last, and one of them could not be read
    """
    global _last
    if (running := current()) is not None:
        return running
    if _last is not None and _last.failure and _last.paths == unread.paths and not again:
        raise _last.failure
    _last = Reading(unread.paths)
    return _last


def once_read(make: Callable[[], Slices[Result]], say: Callable[[str], None] = lambda text: None) -> Slices[Result]:
    """Carry out slices; where files must be read first, wait for that and carry them out once more.

    Closing the generator ends the waiting. The reading goes on, for the panel needs it too.

    Parameters
    ----------
    make : gives the slices
    say : told how far the reading is

    Raises
    ------
    BendError(MODEL_INVALID) if a file cannot be read, and what the slices raise
    """
    again = True
    while True:
        try:
            return (yield from make())
        except Unread as unread:
            reading, again = begin(unread, again), False
        while reading.running:
            say(reading.text)
            reading.wait(SLICE_SECONDS)
            yield


def register() -> None:
    """From now on the main thread reads no weights, if there is a window."""
    file_hashes.spare_main_thread(not bpy.app.background)


def unregister() -> None:
    """Stop reading."""
    global _last
    file_hashes.spare_main_thread(False)
    if _last is not None:
        _last.stop()
    _last = None
