"""Files: written so that one that is there is complete, opened only where they are files, and measured.

Not every file system can all that is asked of one here: what it cannot is left out, and what it only lost for a moment
is asked again. Standard library only.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

from . import leftovers
from .leftovers import lock, sweep

__all__ = [
    "DIGEST",
    "copy_whole",
    "lock",
    "open_regular",
    "patiently",
    "read_regular",
    "replacing",
    "size_of",
    "sweep",
    "write_whole",
]

Result = TypeVar("Result")

#: A SHA-256 as text.
DIGEST = re.compile(r"[0-9a-f]{64}")

#: How network and user-space file systems say that they have no such thing as ``fsync``.
_UNSUPPORTED = {
    getattr(errno, name)
    for name in ("EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EACCES", "ENOTTY")
    if hasattr(errno, name)
}


def patiently(work: Callable[[], Result]) -> Result:
    """Do something, and once more if a network file system has lost sight of a file meanwhile.

    Raises
    ------
    OSError
    """
    try:
        return work()
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        return work()


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file at the end, or vanishes if anything goes wrong.

    Several processes may write one path at once; the last one wins, whole. What a killed process leaves is a temporary
    file, which ``sweep`` removes.

    Raises
    ------
    OSError if the folder cannot be written
    """
    with patiently(lambda: leftovers.temporary(path.parent)) as file:
        try:
            yield file
            file.flush()
            _sync(file)
            if os.name == "nt":
                file.close()  # Windows replaces no open file
            with suppress(OSError):  # a file system without permissions has none to be set
                os.chmod(file.name, 0o644)
            patiently(lambda: os.replace(file.name, path))
        except BaseException:
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                os.unlink(file.name)
            raise


def _sync(file: IO[bytes]) -> None:
    """Let the system write a file to the disk, where it can be asked to."""
    try:
        patiently(lambda: os.fsync(file.fileno()))
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, so that it is complete as soon as it is there.

    Raises
    ------
    OSError
    """

    def write() -> None:
        with replacing(path) as file:
            file.write(content)

    patiently(write)


def open_regular(path: Path, most: int | None = None, follow: bool = False) -> IO[bytes]:
    """Open a file for reading only if it is one: no folder, device or pipe, and no link unless it may be followed.

    Parameters
    ----------
    most : bytes that it may have

    Raises
    ------
    OSError
    """
    if not follow and os.path.islink(path):  # Windows cannot be asked to refuse a link while it opens
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    names = ("O_CLOEXEC", "O_BINARY", "O_NONBLOCK", *(() if follow else ("O_NOFOLLOW",)))
    handle = os.open(path, os.O_RDONLY | sum(getattr(os, name, 0) for name in names))
    file = os.fdopen(handle, "rb")
    status = os.fstat(handle)
    wrong = 0 if stat.S_ISREG(status.st_mode) else errno.EINVAL
    if not wrong and most is not None and status.st_size > most:
        wrong = errno.EFBIG
    if wrong:
        file.close()
        raise OSError(wrong, os.strerror(wrong), str(path))
    return file


def read_regular(path: Path, most: int, follow: bool = False) -> bytes:
    """The content of a file, if it is one; see ``open_regular``. One that shrinks meanwhile is as short as it is.

    Parameters
    ----------
    most : bytes that it may have

    Raises
    ------
    OSError
    """

    def read() -> bytes:
        with open_regular(path, most, follow) as file:
            size = os.fstat(file.fileno()).st_size  # a buffer of the most that may be there would be gigabytes
            content = file.read(min(size, most) + 1)
            if len(content) > size:
                content += file.read(most + 1 - len(content))
        if len(content) > most:  # it grew meanwhile
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return content

    return patiently(read)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file, with the time of its last change, so that the copy is complete as soon as it is there.

    Raises
    ------
    OSError
    """

    def copy() -> os.stat_result:
        with open_regular(source, follow=True) as content, replacing(target) as file:
            shutil.copyfileobj(content, file, 1 << 20)
            return os.fstat(content.fileno())

    times = patiently(copy)
    with suppress(OSError):
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; a link counts as what it is, not as what it leads to."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size
    return total
