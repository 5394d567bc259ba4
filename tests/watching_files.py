"""Whoever opens, lists, copies or only asks for a file in this process, and which programs it starts."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_EVENTS = ("open", "glob.", "shutil.", "subprocess.", "socket.", "tempfile.", "pathlib.", "os.")
#: What has a source and a target.
_TWO = ("shutil.", "os.rename", "os.link", "os.symlink")
#: What tells of no file: the environment, and how processes end.
_IGNORED = {"os.putenv", "os.unsetenv", "os.fork", "os.killpg", "os.kill"}
#: What Python does not tell of by itself.
_SILENT = ("stat", "lstat", "access", "readlink", "statvfs")

_seen: list[tuple[str, str]] | None = None
#: Whether only the main thread is watched.
_main_only = False
_hooked = False


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None or not event.startswith(_EVENTS) or event in _IGNORED:
        return
    if _main_only and threading.current_thread() is not threading.main_thread():
        return
    paths = 2 if event.startswith(_TWO) else 1  # the second of the others is a mode, or a pattern
    for argument in arguments[:paths]:
        if isinstance(argument, (str, bytes, os.PathLike)):
            _seen.append((event, os.fsdecode(argument)))
    if event.startswith(("subprocess.", "socket.")):
        _seen.append((event, repr(arguments)))


def _told(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    def call(path: Any, *arguments: Any, **more: Any) -> Any:
        _note(f"os.{name}", (path,))
        return own(path, *arguments, **more)

    return call


@contextmanager
def watched(main_only: bool = False) -> Iterator[list[tuple[str, str]]]:
    """Everything that is asked of the file system meanwhile, as events with their paths.

    Parameters
    ----------
    main_only : whether other threads may do what they like
    """
    global _seen, _hooked, _main_only
    if not _hooked:
        sys.addaudithook(_note)  # it stays for as long as the process lives
        _hooked = True
    own = {name: getattr(os, name) for name in _SILENT if hasattr(os, name)}
    for name, function in own.items():
        setattr(os, name, _told(name, function))
    _main_only, _seen = main_only, (found := [])
    try:
        yield found
    finally:
        _seen = None
        for name, function in own.items():
            setattr(os, name, function)


def outside(found: list[tuple[str, str]], folders: list[Path]) -> list[tuple[str, str]]:
    """What was asked of anything else than some folders; modes and the like are no paths."""
    roots = [os.path.normpath(folder) for folder in folders]
    return [
        (event, path)
        for event, path in found
        if event.startswith(("subprocess.", "socket."))
        or (
            ("/" in path or "\\" in path)
            and not any((os.path.normpath(path) + os.sep).startswith(root + os.sep) for root in roots)
        )
    ]
