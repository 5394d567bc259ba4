"""numba's cache of librosa's compiled functions, written by one process at a time. Importing this module is enough.

Two engines that compile for the first time at once would leave a cache that crashes every engine after them:

- numba chooses the name of a function's file by an index that it reads before, and writes after. The index of one comes
  to name the code of the other.
- A generalized ufunc is two entries, the function and its loop, and the loop refers to data of the function by a name
  that differs from process to process. The loop of one comes to stand beside the function of the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any
from weakref import WeakKeyDictionary

from numba.core.caching import IndexDataCacheFile
from numba.np.ufunc.ufuncbuilder import GUFuncBuilder

from ...core.files.leftovers import lock

_WRITING, _COMPILING = "bend-writing.lock", "bend-compiling.lock"
#: Seconds that another process is waited for; a function is written in milliseconds, and compiled in seconds.
_PATIENCE, _PAUSE = 30.0, 0.005

_save, _add, _build = IndexDataCacheFile.save, GUFuncBuilder.add, GUFuncBuilder.build_ufunc
#: What each generalized ufunc that is being compiled holds.
_held: WeakKeyDictionary[GUFuncBuilder, ExitStack] = WeakKeyDictionary()


def _save_alone(cache: Any, key: Any, data: Any) -> None:
    with _alone(Path(cache._cache_path), _WRITING):
        _save(cache, key, data)


def _add_alone(builder: GUFuncBuilder, *arguments: Any, **settings: Any) -> Any:
    """Compile a function or take it from the cache, and let no other process do so until its loop is there too."""
    folder = getattr(builder.nb_func.cache, "_cache_path", None)
    if folder is not None and builder not in _held:
        held = _held[builder] = ExitStack()
        held.enter_context(_alone(Path(folder), f"{builder.py_func.__name__}.{_COMPILING}"))
    try:
        return _add(builder, *arguments, **settings)
    except BaseException:
        _let_go(builder)
        raise


def _build_alone(builder: GUFuncBuilder) -> Any:
    try:
        return _build(builder)
    finally:
        _let_go(builder)


def _let_go(builder: GUFuncBuilder) -> None:
    held = _held.pop(builder, None)
    if held is not None:
        held.close()


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """Within this no other engine holds the lock of that name in a folder, if its file system has locks."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / name, "ab")  # noqa: SIM115
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
GUFuncBuilder.add = _add_alone  # type: ignore[assignment, method-assign]
GUFuncBuilder.build_ufunc = _build_alone  # type: ignore[method-assign]
