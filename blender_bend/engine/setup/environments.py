"""The environments beside each other in the set-up folder: who uses which, and which go. Standard library only.

An engine that runs holds a lease on the environment it runs from: a file in it that it keeps locked. The system takes a
lock back whatever happens to a process, so an environment without a locked lease is used by nobody.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import BendError, Code
from ...core.files.whole import lock
from ...core.process import environment

PATTERN = "environment-*"
#: The folder of an environment in which its users keep their leases.
LEASES = "leases"


@contextlib.contextmanager
def leased(folder: Path = Path(sys.prefix)) -> Iterator[None]:
    """Keep the environment of this process while it runs; any other Python needs no lease."""
    if not folder.match(PATTERN):
        yield
        return
    lease = folder / LEASES / str(os.getpid())
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # an environment that cannot be written cannot be removed either
            lease.parent.mkdir(exist_ok=True)
            lock(stack.enter_context(open(lease, "a+b")))
        yield


def is_used(folder: Path) -> bool:
    """Whether a process holds a lease on an environment."""
    for lease in (folder / LEASES).glob("*"):
        try:
            with open(lease, "a+b") as file:
                if not lock(file):
                    return True  # nobody can tell
        except OSError:
            return True
    return False


def sweep(base: Path) -> None:
    """Remove every environment but the one in use and those that engines still run from; these go the next time."""
    record = environment.read_record(base)
    for folder in base.glob(PATTERN):
        if (record is None or folder.name != record.folder) and not is_used(folder):
            shutil.rmtree(folder, ignore_errors=True)
    for file in base.glob(".*.tmp"):
        file.unlink(missing_ok=True)


def sweep_later(folder: Path = Path(sys.prefix)) -> threading.Thread | None:
    """Remove, beside other work, what an update left because an engine ran from it.

    Parameters
    ----------
    folder : the environment of this process; nothing is done unless it is the one in use
    """
    record = environment.read_record(folder.parent) if folder.match(PATTERN) else None
    if record is None or record.folder != folder.name:
        return None

    def work() -> None:
        # While a set-up is under way its unfinished environment must stay; it sweeps by itself.
        with contextlib.suppress(BendError), locked(folder.parent / environment.LOCK):
            sweep(folder.parent)

    thread = threading.Thread(target=work, name="bend sweep", daemon=True)
    thread.start()
    return thread


def remove(base: Path) -> None:
    """Take the environment away; one that another engine runs from goes when that has ended.

    Raises
    ------
    BendError(SETUP_BUSY)
    """
    if not base.is_dir():
        return
    with locked(base / environment.LOCK):
        (base / environment.RECORD).unlink(missing_ok=True)
        sweep(base)
        shutil.rmtree(base / "downloads", ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that the system takes back whatever happens to this process.

    Raises
    ------
    BendError(SETUP_BUSY)
    """
    with open(path, "a+b") as file:
        try:
            lock(file)
        except OSError as error:
            raise BendError(
                Code.SETUP_BUSY, "Another Blender is installing the engine.", "Wait until it has finished."
            ) from error
        yield
