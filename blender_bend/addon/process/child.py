"""A child process that answers in JSON lines, is watched without waiting, and never outlives Blender."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...core.errors import BendError, Code
from ...core.files import foreign_json
from ...core.process import logs, messages
from ...core.process.exit_causes import death
from ..host import log_files, preferences

#: A process that has ended has said its last words; only what it started itself may still hold its stderr.
LAST_WORDS_SECONDS = 1.0


def variables() -> dict[str, str]:
    """The environment of every Python that Bend starts: its own modules, and nothing of Blender's Python."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONSTARTUP"}}
    return kept | {"PYTHONPATH": str(preferences.ROOT), "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1"}


class Child:
    """A running process; its stdin is the thread it hangs by: closing it, or Blender's end, ends the child.

    Parameters
    ----------
    name : of its log, in which everything is kept that it prints to stderr

    Raises
    ------
    OSError if the Python does not start
    """

    def __init__(self, python: Path, arguments: list[str], name: str) -> None:
        self.log_file = log_files.path(name)
        quiet = 0
        if sys.platform == "win32":
            quiet = subprocess.CREATE_NO_WINDOW
        self.process = subprocess.Popen(
            [str(python), "-s", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=preferences.ROOT,
            env=variables(),
            creationflags=quiet,
        )
        assert self.process.stderr is not None
        self._log = logs.keep(self.process.stderr, self.log_file)
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, name="bend child reader", daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in messages.lines(self.process.stdout):
            try:
                self._lines.put(foreign_json.parse(line, messages.LONGEST_LINE))
            except foreign_json.Unreadable:
                continue  # something that a library printed
        self.process.wait()
        self._log.join(LAST_WORDS_SECONDS)
        self._lines.put(None)

    def poll(self, wait: bool = False) -> list[dict[str, Any] | None]:
        """What it said since the last time; None means that it has ended.

        Parameters
        ----------
        wait : wait for the next line first
        """
        news = [self._lines.get()] if wait else []
        while not self._lines.empty():
            news.append(self._lines.get())
        return news

    def say(self, line: str) -> None:
        """Write a line to it: what must not stand among its arguments, where every program can read it.

        Raises
        ------
        BendError(ENGINE_DIED) if it has ended
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()
        except (OSError, ValueError) as error:
            self.stop()
            self.process.wait()
            self._log.join(LAST_WORDS_SECONDS)
            raise self.death("The engine") from error

    def stop(self) -> None:
        """Ask it to end; it cleans up and says so."""
        if self.process.stdin and not self.process.stdin.closed:
            with suppress(OSError):  # it has ended already
                self.process.stdin.close()

    def death(self, subject: str, code: Code = Code.ENGINE_DIED, otherwise: Path | None = None) -> BendError:
        """Its end without an answer as a failure that can be shown, with the last lines of its log.

        Parameters
        ----------
        subject : what has ended, at the beginning of a sentence
        otherwise : another log of it, quoted if it printed nothing to stderr
        """
        file, written = self.log_file, logs.tail(self.log_file)
        if not written and otherwise is not None:
            file, written = otherwise, logs.tail(otherwise)
        failure = death(subject, self.process.returncode, written, file.name, code)
        log_files.note(failure, file)
        return failure


def engine_command(arguments: list[str]) -> Child:
    """Start a command of the engine, such as ``doctor``.

    Raises
    ------
    BendError(ENGINE_MISSING)
    """
    python = preferences.engine_python()
    try:
        return Child(python, ["-m", "blender_bend.engine", *arguments], arguments[0])
    except OSError as error:
        raise BendError(
            Code.ENGINE_MISSING,
            f"{python} can't be started: {error.strerror}.",
            "Press Set Up, or choose the engine's Python in the preferences.",
            "bend.set_up_engine",
        ) from error
