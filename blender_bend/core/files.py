"""Files: written so that one that is there is complete, swept, locked, and measured. Standard library only."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, where nobody can remove a file that somebody has open
    fcntl = None  # type: ignore[assignment]

_BEGIN, _END = ".", ".tmp"
#: Windows lets a complete file go before it is renamed; for so long it is not taken for a leftover.
_GRACE_SECONDS = 60.0


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file at the end, or vanishes if anything goes wrong.

    Several processes may write one path at once; the last one wins, whole. What a killed process leaves is an unlocked
    temporary file, which ``sweep`` removes.

    Raises
    ------
    OSError if the folder cannot be written
    """
    with _temporary(path.parent) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows replaces no open file
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            file.close()
            Path(file.name).unlink(missing_ok=True)
            raise


def _temporary(folder: Path) -> IO[bytes]:
    """A new file that is locked for as long as it is open."""
    while True:
        file = tempfile.NamedTemporaryFile(dir=folder, prefix=_BEGIN, suffix=_END, delete=False)  # noqa: SIM115
        if fcntl is None or not _wait_for_lock(file) or os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # somebody swept it away before it was locked


def _wait_for_lock(file: IO[bytes]) -> bool:
    """Lock a file; False if this file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
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
            if fcntl is None:
                if time.time() - path.stat().st_mtime < _GRACE_SECONDS:
                    continue
                path.unlink()
            else:
                with open(path, "r+b") as file:
                    lock(file)
                    path.unlink()
            swept += 1
        except OSError:
            continue  # its writer has it, or somebody else was faster
    return swept


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file, with the time of its last change, so that the copy is complete as soon as it is there.

    Raises
    ------
    OSError
    """
    with open(source, "rb") as content, replacing(target) as file:
        shutil.copyfileobj(content, file, 1 << 20)
    times = source.stat()
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def lock(file: IO[bytes]) -> None:
    """Take a lock that the system takes back with the file's closing, whatever happens to this process.

    Raises
    ------
    OSError if another process holds it
    """
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; a link counts as what it is, not as what it leads to."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size
    return total
