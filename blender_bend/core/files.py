"""Files: written so that one that is there is complete, locked, and measured. Standard library only."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file at the end, or vanishes if anything goes wrong.

    Several processes may write one path at once; the last one wins, whole.

    Raises
    ------
    OSError if the folder cannot be written
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()  # Windows replaces no open file
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            file.close()
            os.unlink(file.name)
            raise


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
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; a link counts as what it is, not as what it leads to."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size
    return total
