"""What may stand where a file is expected: none of these is one, and none may be waited for."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: A pipe that nobody writes to is waited for by whoever opens it as a file.
KINDS = ("folder", "pipe", "link to itself", "link to nowhere", "forbidden")
#: Another user than root, who may read everything.
_NOBODY = 65534
_SECONDS = 20

each_kind = pytest.mark.parametrize("kind", KINDS)
unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither pipes nor links for everybody")


def put(kind: str, path: Path) -> None:
    """Put something strange in the place of a file."""
    if kind == "forbidden":
        path.chmod(0)
        return
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if kind == "link to itself" else path.with_name("nowhere"))


@contextmanager
def as_anybody() -> Iterator[None]:
    """Have no more rights than others, and never wait for long.

    Nothing may be imported meanwhile, since Python may be in root's folder.
    """

    def give_up(*_: Any) -> None:
        raise AssertionError("it waits")

    user, before = os.geteuid(), signal.signal(signal.SIGALRM, give_up)
    signal.alarm(_SECONDS)
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(user)
            importlib.invalidate_caches()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
