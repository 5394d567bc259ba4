"""Logs of processes: kept in files that stay small, whatever is printed, and read for their last words."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import IO

from ..privacy import without_private

log = logging.getLogger(__name__)

#: Bytes that a log may have; of a longer one the end stays.
MOST = 1 << 20
#: How much of a log is read for its last words.
TAIL_BYTES = 1 << 14
_CUT = b"[what was printed before is left out]\n"


def open_new(path: Path) -> int:
    """Begin a log; whoever writes to this file descriptor appends, so that the file may be shortened meanwhile.

    Raises
    ------
    OSError
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)


def shorten(path: Path, most: int = MOST) -> None:
    """Leave only the end of a log that has become too long; what is printed at this very moment may be lost.

    Parameters
    ----------
    most : bytes that it may have; half of them stay

    Raises
    ------
    OSError
    """
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size <= most:
            return
        file.seek(size - most // 2)
        end = file.read(most // 2)
        file.seek(0)
        file.write(_CUT + end)
        file.truncate()


def keep(stream: IO[bytes], path: Path, most: int = MOST) -> threading.Thread:
    """Write what a process prints into a log, beside other work, until it has ended."""
    thread = threading.Thread(target=_keep, args=(stream, path, most), name="bend log", daemon=True)
    thread.start()
    return thread


def _keep(stream: IO[bytes], path: Path, most: int) -> None:
    with stream:
        try:
            _write(stream, path, most)
        except (OSError, ValueError) as error:
            log.warning("%s cannot be written: %s", path.name, error)
            while stream.read(1 << 16):  # a full pipe would stop the process
                pass


def _write(stream: IO[bytes], path: Path, most: int) -> None:
    """Append what comes, piece by piece.

    Raises
    ------
    OSError
    """
    written = 0
    with os.fdopen(open_new(path), "ab", buffering=0) as file:
        while piece := os.read(stream.fileno(), 1 << 16):
            written += file.write(piece) or 0
            if written > most // 2:  # with the half that stays it is the most
                shorten(path, most // 2)
                written = 0


def tail(path: Path, most: int = TAIL_BYTES) -> str:
    """The last lines of a log, without what is private, such as half a line that ends a token; empty if there are none.

    Parameters
    ----------
    most : bytes that are read
    """
    try:
        with open(path, "rb") as file:
            skipped = max(0, path.stat().st_size - most)
            file.seek(skipped)
            read = file.read(most)
    except OSError:
        return ""
    whole = read.partition(b"\n")[2] if skipped else read
    return without_private((whole or read).decode("utf-8", errors="replace").strip())
