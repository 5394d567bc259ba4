"""Starting the engine, talking to it, and noticing when it dies."""

from __future__ import annotations

import itertools
import logging
import os
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import bpy

from ..core import messages
from ..core.errors import BendError, Code
from ..core.messages import Message
from . import preferences

log = logging.getLogger(__name__)

LOG_LINES_IN_ERROR = 4


class Request:
    """One thing that the engine was asked for; it always ends: done, failed, cancelled, or with the engine's death."""

    def __init__(self, client: EngineClient, identity: str) -> None:
        self.client = client
        self.identity = identity
        self._messages: queue.Queue[Message] = queue.Queue()
        self._ending: Message | None = None

    def deliver(self, message: Message) -> None:
        """Called by the reading thread."""
        self._messages.put(message)

    def poll(self) -> list[Message]:
        """What came since the last time, without waiting."""
        news = []
        while self._ending is None:
            try:
                message = self._messages.get_nowait()
            except queue.Empty:
                break
            self._note(message)
            news.append(message)
        return news

    def wait(self, seconds: float | None = None) -> Message | None:
        """The next message; None if none came within the time or the request has ended."""
        if self._ending is not None:
            return None
        try:
            message = self._messages.get(timeout=seconds)
        except queue.Empty:
            return None
        self._note(message)
        return message

    def _note(self, message: Message) -> None:
        if message.type in messages.ENDINGS:
            self._ending = message

    @property
    def ended(self) -> bool:
        """Whether the last message has been read."""
        return self._ending is not None

    def result(self) -> dict[str, Any]:
        """What came of it; waits until the end.

        Raises
        ------
        BendError with what the engine said
        """
        while not self.ended:
            self.wait()
        ending = self._ending
        assert ending is not None
        if ending.type == messages.DONE:
            return ending.data
        raise BendError.from_dict(ending.data)

    def cancel(self) -> None:
        """Ask the engine to stop; the request then ends as cancelled, or as done if it was faster."""
        self.client.send(Message(messages.CANCEL, self.identity))


class EngineClient:
    """A running engine.

    Parameters
    ----------
    python : the Python with the engine's packages
    device : ``auto`` or a torch device name
    online : whether it may reach the network
    log_file : where everything goes that the engine prints
    """

    def __init__(self, python: Path, device: str, online: bool, log_file: Path) -> None:
        self.started_with = (python, device, online)
        self.log_file = log_file
        self._numbers = itertools.count(1)
        self._requests: dict[str, Request] = {}
        self._lock = threading.Lock()
        self._dead = False
        environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONSTARTUP"}}
        environment |= {
            "PYTHONPATH": str(preferences.ROOT),
            "PYTHONNOUSERSITE": "1",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONUNBUFFERED": "1",
        }
        if not online:
            environment["HF_HUB_OFFLINE"] = "1"
        # Below the interface in priority: while the engine paints, Blender's windows stay lively.
        polite = (
            {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
            if os.name == "nt"
            else {}
        )
        command = [str(python), "-s", "-m", "blender_bend.engine", "serve", "--log", str(log_file), "--device", device]
        command += ["--studies", str(preferences.user_folder("studies"))]
        log_file.unlink(missing_ok=True)  # or a dying engine would quote the one before it
        try:
            with open(log_file.with_suffix(".start"), "wb") as before_the_log:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=before_the_log,
                    cwd=preferences.ROOT,
                    env=environment,
                    **polite,
                )
        except OSError as error:
            raise BendError(
                Code.ENGINE_MISSING,
                f"{python} does not start: {error.strerror}.",
                "Choose the engine's Python in the preferences.",
                "bend.open_preferences",
            ) from error
        threading.Thread(target=self._read, name="bend engine reader", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the engine runs and answers."""
        return not self._dead and self.process.poll() is None

    def request(self, kind: str, **data: Any) -> Request:
        """Ask for something; the answer comes through the request."""
        request = Request(self, str(next(self._numbers)))
        with self._lock:
            self._requests[request.identity] = request
        self.send(Message(kind, request.identity, data))
        return request

    def send(self, message: Message) -> None:
        """Write one message; if the engine is dead, its requests end by themselves."""
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(message.encode())
            self.process.stdin.flush()
        except (OSError, ValueError):
            log.info("the engine is gone; %s was not sent", message.type)
            if self._dead:
                self._bury()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                message = messages.decode(line)
            except BendError as error:
                log.warning("%s", error)
                continue
            with self._lock:
                request = self._requests.get(message.id)
                if message.type in messages.ENDINGS:
                    self._requests.pop(message.id, None)
            if request:
                request.deliver(message)
        self.process.wait()
        self._bury()

    def _bury(self) -> None:
        """End every request that waits for a dead engine."""
        self._dead = True
        with self._lock:
            orphans, self._requests = self._requests, {}
        if not orphans:
            return
        error = self._obituary().to_dict()
        for request in orphans.values():
            request.deliver(Message(messages.ERROR, request.identity, error))

    def _obituary(self) -> BendError:
        code = self.process.returncode
        last = _tail(self.log_file) or _tail(self.log_file.with_suffix(".start"))
        if code in (-9, 137):
            cause = "It was killed, probably because memory ran out."
        elif "No module named" in last:
            cause = "A package is missing in its Python: " + last.splitlines()[-1]
        else:
            cause = f"Its last words: {last}" if last else ""
        return BendError(
            Code.ENGINE_DIED,
            f"The engine stopped (exit code {code}). {cause}".strip(),
            "Try again; the log tells more.",
            "bend.show_log",
        )

    def close(self, patience: float = 2.0) -> None:
        """Let the engine end: closing its stdin is enough; who does not go is killed."""
        try:
            if self.process.stdin:
                self.process.stdin.close()
        except OSError:
            pass  # a dead engine's pipe
        try:
            self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_LINES_IN_ERROR:])


_client: EngineClient | None = None


def log_file() -> Path:
    """Where this Blender's engine writes what it prints."""
    return preferences.user_folder("logs") / f"engine-{os.getpid()}.log"


def client() -> EngineClient:
    """The running engine, started if need be.

    Raises
    ------
    BendError(ENGINE_MISSING)
    """
    global _client
    wanted = (preferences.engine_python(), preferences.preferences().device, bool(bpy.app.online_access))
    if _client is not None and not (_client.alive and _client.started_with == wanted):
        shut_down()
    if _client is None:
        began = time.monotonic()
        _client = EngineClient(*wanted, log_file())
        log.info("engine started in %.0f ms", 1000 * (time.monotonic() - began))
    return _client


def running() -> bool:
    """Whether an engine has been started and lives."""
    return _client is not None and _client.alive


def shut_down() -> None:
    """End the engine, if there is one."""
    global _client
    if _client is not None:
        _client.close()
        _client = None
