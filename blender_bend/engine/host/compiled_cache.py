"""numba's cache of librosa's compiled functions, written by one process at a time. Importing this module is enough.

numba chooses the name of a function's file by an index that it reads before, and writes after. Of two engines that
compile for the first time at once, the index of one comes to name the code of the other, and whoever loads that later
crashes, each time anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from numba.core.caching import IndexDataCacheFile

from ...core.files.leftovers import lock

_LOCK = "bend-writing.lock"
#: Seconds that another process is waited for; a function is written in milliseconds.
_PATIENCE, _PAUSE = 30.0, 0.005

_save = IndexDataCacheFile.save


def _save_alone(cache: Any, key: Any, data: Any) -> None:
    with _alone(Path(cache._cache_path)):
        _save(cache, key, data)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Within this no other engine writes to a folder, if its file system has locks."""
    try:
        file = open(folder / _LOCK, "ab")  # noqa: SIM115
    except OSError:  # numba then cannot write there either, and says so
        yield
        return
    with file:
        _wait_for(file)
        yield


def _wait_for(file: IO[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            lock(file)
        except OSError:
            time.sleep(_PAUSE)
        else:
            return


IndexDataCacheFile.save = _save_alone  # type: ignore[method-assign]
