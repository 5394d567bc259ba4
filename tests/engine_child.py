"""The engine as a child process, talked to over its real pipes, as Blender does it."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from blender_bend.core.job.job import Job
from blender_bend.core.process import messages
from blender_bend.core.process.messages import Message

ROOT = Path(__file__).resolve().parents[1]
#: Deadlines far away, for busy machines: no test is about speed.
PATIENCE = 300
SECONDS = 60
ENGINE = ("-m", "blender_bend.engine")


class Child:
    """A real engine; every line it writes must be a message.

    Parameters
    ----------
    log : its log file
    python : what Python runs; a test may put something before the engine, which then lies in ``sys.argv[1:]``
    """

    def __init__(self, log: Path, python: tuple[str, ...] = ENGINE) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, *python, "serve", "--log", str(log), "--device", "cpu"],
            cwd=log.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.beats: list[Message] = []
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            message = messages.decode(line)
            if message.type == messages.ALIVE:
                self.beats.append(message)
            else:
                self._messages.put(message)
        self._messages.put(None)

    def write(self, line: bytes) -> None:
        """Send raw bytes."""
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def send(self, kind: str, request: str, **data: Any) -> None:
        """Send a message."""
        self.write(Message(kind, request, data).encode())

    def next(self) -> Message:
        """The next message besides heartbeats."""
        message = self._messages.get(timeout=PATIENCE)
        assert message is not None, self.log.read_text()
        return message

    def answers(self, request: str) -> list[Message]:
        """All messages up to the end of a request; none of another request comes in between."""
        found = [self.next()]
        while found[-1].type not in messages.ENDINGS:
            found.append(self.next())
        assert {message.id for message in found} == {request}
        return found

    def kill(self) -> None:
        """Kill it as the system does; what it still says is lost."""
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)

    def close(self) -> None:
        """End it, whatever state it is in."""
        self.process.stdin.close()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def request(job: Job, folder: Path) -> dict[str, str]:
    """The data of a render request."""
    (folder / "job.json").write_text(job.to_json(), encoding="utf-8")
    return {"job": str(folder / "job.json"), "store": str(folder / "frames")}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a store, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} if folder.exists() else {}
