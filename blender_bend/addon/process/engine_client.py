"""Starting the engine, talking to it, and noticing when it dies, falls silent or is of another Bend."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import BendError, Code
from ...core.files import caches
from ...core.process import logs, messages
from ...core.process.exit_causes import engine_died
from ...core.process.messages import Message
from ...core.process.restarts import Restarts
from ...core.version import VERSION
from ..host import log_files, preferences
from .child import LAST_WORDS_SECONDS, variables
from .engine_request import Request

log = logging.getLogger(__name__)

#: How often the engine is watched: whether it still says something, and whether anybody needs it.
WATCH_SECONDS, IDLE_CHECK_SECONDS = 1.0, 10.0
#: An engine that is asked for something and says nothing for so long is stuck; it says that it is there every 5 s.
SILENCE_SECONDS = 120
#: An engine that goes on with what was cancelled for so long does not respond, and is ended. Between two looks it may
#: make a denoising step or load a part of a model.
UNRESPONSIVE_SECONDS = 20


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
        #: Whether it was ended because it went on with what was cancelled.
        self.unresponsive = False
        #: Whether it has got anything done.
        self.useful = False
        self._numbers = itertools.count(1)
        self._requests: dict[str, Request] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._verdict: BendError | None = None
        self._silent_seconds = 0.0
        #: The requests that were cancelled and go on, and for how long.
        self._unheeded: dict[str, float] = {}
        self.last_use = time.monotonic()
        environment = variables() | {"PYTHONUNBUFFERED": "1"}
        if not online:
            environment["HF_HUB_OFFLINE"] = "1"
        # Below the interface in priority: while the engine paints, Blender's windows stay lively.
        polite = 0
        if sys.platform == "win32":
            polite = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        command = [str(python), "-s", "-m", "blender_bend.engine", "serve", "--log", str(log_file), "--device", device]
        command += ["--studies", str(preferences.cache_folder(caches.STUDIES))]
        log_file.unlink(missing_ok=True)  # or a dying engine would quote the one before it
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=preferences.ROOT,
                env=environment,
                creationflags=polite,
            )
        except OSError as error:
            raise BendError(
                Code.ENGINE_MISSING,
                f"{python} can't be started: {error.strerror}.",
                "Choose the engine's Python in the preferences.",
                "bend.open_preferences",
            ) from error
        assert self.process.stderr is not None
        self._before_the_log = logs.keep(self.process.stderr, log_file.with_suffix(".start"))
        threading.Thread(target=self._read, name="bend engine reader", daemon=True).start()
        threading.Thread(target=self._watch, name="bend engine watch", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the engine runs and answers."""
        return not self._over.is_set() and self._verdict is None and self.process.poll() is None

    @property
    def idle_seconds(self) -> float:
        """How long it has been idle."""
        with self._lock:
            return 0.0 if self._requests else time.monotonic() - self.last_use

    def request(self, kind: str, **data: Any) -> Request:
        """Ask for something; the answer comes through the request."""
        request = Request(self.send, str(next(self._numbers)), kind)
        with self._lock:
            self._requests[request.identity] = request
            self.last_use, self._silent_seconds = time.monotonic(), 0.0
        self.send(Message(kind, request.identity, data))
        return request

    def send(self, message: Message) -> None:
        """Write one message; if the engine is dead, its requests end by themselves."""
        try:
            assert self.process.stdin is not None
            with self._lock:
                if message.type == messages.CANCEL and message.id in self._requests:
                    self._unheeded.setdefault(message.id, 0.0)
            self.process.stdin.write(message.encode())
            self.process.stdin.flush()
        except (OSError, ValueError):
            log.info("the engine has exited; %s was not sent", message.type)
            if self._over.is_set():
                self._bury()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in messages.lines(self.process.stdout):
                self._silent_seconds = 0.0
                try:
                    self._take_in(messages.decode(line))
                except BendError as error:
                    if error.code == Code.ENGINE_VERSION:
                        self._condemn(error)
                    log.warning("%s", error)
        finally:
            if self._end_process(patience=5.0):
                self._verdict = self._verdict or _stuck("has closed its pipe")
            self._bury()

    def _take_in(self, message: Message) -> None:
        """Deliver a message; late and foreign ones have no request and are dropped.

        Raises
        ------
        BendError(ENGINE_VERSION)
        """
        if message.type == messages.ALIVE:
            theirs = str(message.data.get("bend"))[:40]
            if theirs != VERSION:
                words = f"Bend was updated: the engine is version {theirs}, the add-on {VERSION}."
                raise BendError(Code.ENGINE_VERSION, words, "Restart Blender.")
            return
        with self._lock:
            request = self._requests.get(message.id)
            if message.type in messages.ENDINGS:
                self._requests.pop(message.id, None)
                self._unheeded.pop(message.id, None)
                self.last_use = time.monotonic()
        if request is None:
            log.info("a message without a request was dropped: %s %s", message.type, message.data)
            return
        self.useful = self.useful or message.type in {messages.FRAME, messages.DONE}
        request.deliver(message)

    def _watch(self) -> None:
        """End an engine that has fallen silent, or goes on with what was cancelled.

        Ticks are counted, not the clock's seconds: a machine that wakes up from sleep is no silence.
        """
        while not self._over.wait(WATCH_SECONDS):
            self._silent_seconds += WATCH_SECONDS
            if self._requests and self._silent_seconds > SILENCE_SECONDS:
                self._condemn(_stuck(f"hasn't responded for {SILENCE_SECONDS:.0f} s"))
            with self._lock:
                self._unheeded = {request: seconds + WATCH_SECONDS for request, seconds in self._unheeded.items()}
                unresponsive = any(seconds > UNRESPONSIVE_SECONDS for seconds in self._unheeded.values())
            if unresponsive:
                self.unresponsive = True
                self._condemn(_stuck(f"hasn't reacted to Cancel for {UNRESPONSIVE_SECONDS:.0f} s"))

    def _condemn(self, verdict: BendError) -> None:
        """End an engine for a reason, which all its requests are told."""
        self._verdict = self._verdict or verdict
        self.process.kill()

    def _bury(self) -> None:
        """End every request that waits for a dead engine."""
        self._over.set()
        with self._lock:
            orphans, self._requests = self._requests, {}
            cancelled, self._unheeded = self._unheeded, {}
        if not orphans:
            return
        self._before_the_log.join(LAST_WORDS_SECONDS)
        written = logs.tail(self.log_file) or logs.tail(self.log_file.with_suffix(".start"))
        error = (self._verdict or engine_died(self.process.returncode, written, self.log_file.name)).to_dict()
        for request in orphans.values():
            if request.identity in cancelled:
                over = BendError(Code.CANCELLED, "Canceled.").to_dict()
                request.deliver(Message(messages.CANCELLED, request.identity, over))
                continue
            request.deliver(Message(messages.ERROR, request.identity, error))

    def close(self, patience: float = 2.0) -> None:
        """Let the engine end: closing its stdin is enough; who does not go is killed. Its requests are cancelled."""
        if self.process.poll() is None:
            self._verdict = self._verdict or BendError(Code.CANCELLED, "Canceled.")
        try:
            if self.process.stdin:
                self.process.stdin.close()
        except OSError:
            pass  # a dead engine's pipe
        self._end_process(patience)

    def _end_process(self, patience: float) -> bool:
        """Wait for its end; whether it had to be killed."""
        try:
            self.process.wait(timeout=patience)
            return False
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return True


def _stuck(what: str) -> BendError:
    """An engine that lives, but not for us."""
    return BendError(
        Code.ENGINE_DIED, f"The engine {what} and was stopped.", "Try again; see the log for details.", "bend.show_log"
    )


_client: EngineClient | None = None
restarts = Restarts()


def log_file() -> Path:
    """Where this Blender's engine writes what it prints."""
    return log_files.path("engine")


def client() -> EngineClient:
    """The running engine, started if need be.

    Raises
    ------
    BendError(ENGINE_MISSING), BendError(ENGINE_DIED) if it has died so often that it must wait
    """
    global _client
    wanted = (preferences.engine_python(), preferences.preferences().device, bool(bpy.app.online_access))
    if _client is not None and _client.started_with != wanted:
        shut_down()
        forgive()
    elif _client is not None and not _client.alive:
        if not _client.unresponsive:
            restarts.died(_client.useful, time.monotonic())
        shut_down()
    if _client is None:
        began = time.monotonic()
        restarts.check(began)
        log_files.forget_old()
        _client = EngineClient(*wanted, log_file())
        log.info("engine started in %.0f ms", 1000 * (time.monotonic() - began))
        if not bpy.app.timers.is_registered(rest_if_idle):
            bpy.app.timers.register(rest_if_idle, first_interval=IDLE_CHECK_SECONDS, persistent=True)
    return _client


def forgive() -> None:
    """Let the engine be started again, however often it has died."""
    restarts.forgive()


def rest_if_idle() -> float | None:
    """Stop an engine that has been idle for a while, which frees its memory.

    Returns
    -------
    seconds until the next call, as Blender's timers expect; None if there is no engine left
    """
    if _client is None:
        return None
    minutes = preferences.preferences().idle_minutes
    if minutes and _client.idle_seconds > 60 * minutes:
        log.info("the engine was idle and has been stopped")
        shut_down()
        return None
    return IDLE_CHECK_SECONDS


def running() -> bool:
    """Whether an engine has been started and lives."""
    return _client is not None and _client.alive


def shut_down(patience: float = 2.0) -> None:
    """End the engine, if there is one.

    Parameters
    ----------
    patience : seconds that it is given to end by itself
    """
    global _client
    if _client is not None:
        _client.close(patience)
        _client = None
