"""Temporary files: locked while somebody writes them, and swept away when their writer is gone.

Where a file system has no locks, the name of a temporary file tells who writes it.
"""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, where nobody can remove a file that somebody has open
    fcntl = None  # type: ignore[assignment]

_BEGIN, _END = ".", ".tmp"
#: Windows lets a complete file go before it is renamed; for so long it is not taken for a leftover.
_GRACE_SECONDS = 60.0
#: After so long without a change nobody elsewhere writes a file any more.
_ABANDONED_SECONDS = 600.0
#: What says that somebody else holds a lock, and not that there are no locks.
_HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
#: How often a new file may vanish before it is locked.
_TRIES = 100


def temporary(folder: Path) -> IO[bytes]:
    """A new file that is locked for as long as it is open, if this file system has locks.

    Raises
    ------
    OSError
    """
    prefix = f"{_BEGIN}{_machine()}_{os.getpid()}_"
    for _ in range(_TRIES):
        file = tempfile.NamedTemporaryFile(dir=folder, prefix=prefix, suffix=_END, delete=False)  # noqa: SIM115
        if fcntl is None or not _wait_for_lock(file) or os.path.exists(file.name):
            return file
        file.close()  # somebody swept it away before it was locked
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(folder))


def _machine() -> str:
    """Where the numbers of processes mean the same: this machine, and on Linux this container."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{zlib.crc32(f'{platform.node()} {space}'.encode()):08x}"


def _wait_for_lock(file: IO[bytes]) -> bool:
    """Lock a file; False if this file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def lock(file: IO[bytes]) -> bool:
    """Take a lock that the system takes back with the file's closing, whatever happens to this process.

    Returns
    -------
    whether it is locked; False where the file system has no locks

    Raises
    ------
    OSError if another process holds it
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            raise
        return False
    return True


def sweep(folder: Path) -> int:
    """Remove the temporary files in a folder whose writers are gone.

    Returns
    -------
    how many there were
    """
    swept = 0
    for path in folder.glob(f"{_BEGIN}*{_END}"):
        try:
            swept += _remove_if_left(path)
        except OSError:
            continue  # its writer has it, or somebody else was faster
    return swept


def _remove_if_left(path: Path) -> bool:
    """Remove a temporary file unless its writer has it.

    Raises
    ------
    OSError
    """
    if fcntl is None:
        if time.time() - path.stat().st_mtime < _GRACE_SECONDS:
            return False
        path.unlink()
        return True
    with open(path, "r+b") as file:
        if not lock(file) and _is_written(path):
            return False
        path.unlink()
    return True


def _is_written(path: Path) -> bool:
    """Whether somebody may be at a file that cannot be locked.

    Raises
    ------
    OSError
    """
    machine, _, rest = path.name.removeprefix(_BEGIN).partition("_")
    number = rest.partition("_")[0]
    if machine == _machine() and number.isdecimal():
        return _runs(int(number))
    # Somebody else's: the clock that counts is the one of the file system.
    with tempfile.TemporaryFile(dir=path.parent) as now:
        return os.fstat(now.fileno()).st_mtime - path.stat().st_mtime < _ABANDONED_SECONDS


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is another person's
    return True
