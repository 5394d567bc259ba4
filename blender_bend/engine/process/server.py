"""The engine as a child process: requests come in on stdin, answers go out on the old stdout, one JSON line each."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from ...core.errors import BendError, Code
from ...core.limits import FRAME
from ...core.models import file_hashes
from ...core.process import logs, messages
from ...core.process.messages import Message
from ...core.sound.embed_request import EmbedRequest
from ...core.sound.measure_request import MeasureRequest
from ...core.version import VERSION
from ..host.memory import is_out_of_memory, out_of_memory
from .waiting import Waiting

if TYPE_CHECKING:
    from ..rendering.render import Progress

log = logging.getLogger(__name__)

#: How often the engine says that it is there.
HEARTBEAT_SECONDS = 5.0


def redirect_output(log_file: Path) -> BinaryIO:
    """Keep the real stdout for messages and send everything else that is ever printed to the log file.

    Must be called before torch, diffusers or librosa are imported: they print.

    Returns
    -------
    the stream for messages
    """
    sys.stdout.flush()
    private = os.fdopen(os.dup(1), "wb", buffering=0)
    target = logs.open_new(log_file)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.close(target)
    return private


def _leave() -> NoReturn:
    """End now, because Blender is gone.

    A render in the middle of a step would keep the main thread for seconds; the frame store is safe at any moment.
    """
    os._exit(0)


class Server:
    """Works through requests one by one on the main thread; a second thread reads, so that a cancel counts at once.

    A request whose data says ``urgent`` comes first: what is worked on stops, waits, and then goes on with what is
    still missing.

    Parameters
    ----------
    incoming, outgoing : binary streams
    device : ``auto`` or a torch device name
    studies : folder for what is found out about models; None for the user's cache
    log_file : what is printed goes there, and is kept short; None if it goes elsewhere
    """

    def __init__(
        self,
        incoming: BinaryIO,
        outgoing: BinaryIO,
        device: str = "auto",
        studies: Path | None = None,
        log_file: Path | None = None,
    ) -> None:
        self.log_file = log_file
        self.incoming = incoming
        self.outgoing = outgoing
        self.device = device
        self.studies = studies
        self._waiting = Waiting()
        #: The frames that renders which were interrupted have announced, by request and number.
        self._announced: dict[str, dict[int, str]] = {}
        self._renderer: Any = None
        self._drafts: Any = None
        #: What is being done, in words.
        self._phase = ""
        self._writing = threading.Lock()
        self._handlers: dict[str, Callable[[Message], dict[str, Any]]] = {
            messages.HELLO: self._hello,
            messages.MEASURE: self._measure,
            messages.EMBED: self._embed,
            messages.RENDER: self._render,
            messages.DRAFT: self._draft,
            messages.SHEET: self._sheet,
            messages.SPEEDS: self._speeds,
        }

    def serve(self) -> None:
        """Answer until stdin closes, or Blender is gone; this does not return."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self.beat, name="heart", daemon=True).start()
        while True:
            self.answer_next()

    def answer_next(self) -> None:
        """Wait for a request, do what it asks for, and say how it ended."""
        message = self._waiting.take()
        ending = self._answer(message)
        self._phase = ""
        if ending.type == messages.CANCELLED and self._waiting.interrupt():
            self._send(messages.PHASE, message.id, {"text": "Waiting while Blender renders"})
            return
        self._announced.pop(message.id, None)
        self._waiting.end()  # before the answer: whoever has it may use the same id again
        self._write(ending.encode())

    def _read(self) -> None:
        for line in messages.lines(self.incoming):
            try:
                self.take(messages.decode(line))
            except BendError as error:
                self._send(messages.ERROR, "", error.to_dict())
        _leave()

    def take(self, message: Message) -> None:
        if message.type == messages.CANCEL:
            self._cancel(message.id)
            return
        try:
            replaced = self._waiting.add(message)
        except BendError as busy:
            self._send(messages.ERROR, message.id, busy.to_dict())
            return
        for draft in replaced:
            self._say_cancelled(draft)

    def _cancel(self, request: str) -> None:
        """Tell the request that is worked on to stop; one that waits ends at once, whatever is worked on."""
        if self._waiting.cancel(request):
            self._say_cancelled(request)

    def _say_cancelled(self, request: str) -> None:
        self._send(messages.CANCELLED, request, BendError(Code.CANCELLED, "Canceled.").to_dict())

    def beat(self) -> None:
        """Say who is there, and then that it is still there.

        If another process holds the other end of stdin open, Blender's end shows only in a new parent.
        """
        parent = os.getppid()
        while os.getppid() == parent:
            phase = {"phase": self._phase} if self._phase else {}
            self._send(messages.ALIVE, "", {"bend": VERSION, "pid": os.getpid(), **phase})
            if self.log_file is not None:
                with suppress(OSError):  # somebody has removed it
                    logs.shorten(self.log_file)
            time.sleep(HEARTBEAT_SECONDS)
        _leave()

    def _send(self, kind: str, request: str, data: dict[str, Any]) -> None:
        self._write(Message(kind, request, data).encode())

    def _write(self, line: bytes) -> None:
        try:
            with self._writing:
                self.outgoing.write(line)
        except OSError:
            _leave()

    def _answer(self, message: Message) -> Message:
        """Do what is asked for; what ends the request."""
        handler = self._handlers.get(message.type)
        try:
            if handler is None:
                raise BendError(Code.MESSAGE_INVALID, f"The engine doesn't support '{message.type}'.")
            messages.check(message)
            with file_hashes.telling(self._of_files(message.id)):
                done = Message(messages.DONE, message.id, handler(message))
            done.encode()  # what cannot be sent is an error of this request
            return done
        except BendError as error:
            kind = messages.CANCELLED if error.code == Code.CANCELLED else messages.ERROR
            return Message(kind, message.id, error.to_dict())
        except Exception as error:  # the last resort of a server: it must outlive any request, and says what it met
            log.error("%s", traceback.format_exc())
            unexpected = BendError(
                Code.INTERNAL,
                f"Unexpected error in the engine: {type(error).__name__}: {error}.",
                "See the log for details.",
                "bend.show_log",
            )
            known = out_of_memory() if is_out_of_memory(error) else unexpected
            return Message(messages.ERROR, message.id, known.to_dict())

    def _hello(self, message: Message) -> dict[str, Any]:
        from .doctor import examine

        return {"pid": os.getpid(), **examine()}

    def _measure(self, message: Message) -> dict[str, Any]:
        from ..analysis import Settings, measure_file
        from ..host.results import write_arrays

        asked = MeasureRequest.from_data(message.data)
        measured = measure_file(
            asked.sound,
            asked.rate,
            list(asked.features),
            frames=asked.frames,
            cache=asked.cache,
            settings=Settings(
                asked.beats,
                asked.midi,
                asked.midi_start,
                asked.encodec,
                phase=lambda text: self.say(message.id, text),
                cancelled=self._must_stop,
            ),
        )
        write_arrays(asked.out, measured)
        return {"out": str(asked.out)}

    def _embed(self, message: Message) -> dict[str, Any]:
        self.say(message.id, "Embedding the sound")
        from ..rendering.sound_embedding import answer

        return answer(
            EmbedRequest.from_data(message.data),
            self.device,
            phase=lambda text: self.say(message.id, text),
            cancelled=self._must_stop,
        )

    def _render(self, message: Message) -> dict[str, Any]:
        self.say(message.id, "Starting the engine")
        from ...core.job.job import Job
        from ..store.frame_store import FrameStore

        self._start_renderer()
        data, before = message.data, dict(self._announced.get(message.id, {}))
        self.say(message.id, "Reading the frames")
        summary = self._renderer.render(
            Job.read(Path(data["job"]), self._stop_if_asked),
            FrameStore(Path(data["store"])),
            None if data.get("numbers") is None else set(map(FRAME, data["numbers"])),
            progress=lambda progress: self._announce(message.id, progress),
            phase=lambda text: self.say(message.id, text),
            cancelled=self._must_stop,
            told=lambda notices: self._send(
                messages.NOTICES, message.id, {"notices": [asdict(notice) for notice in notices]}
            ),
            playhead=data.get("playhead"),
        )
        found, rendered = summary.found - len(before), summary.rendered + len(set(before.values()))
        return asdict(replace(summary, found=max(found, 0), rendered=rendered))

    def _start_renderer(self) -> None:
        from ..rendering.drafts import Drafts
        from ..rendering.render import Renderer

        if self._renderer is None:
            self._renderer = Renderer(self.device, self.studies)
            self._drafts = Drafts(self._renderer)

    def _draft(self, message: Message) -> dict[str, Any]:
        if self._renderer is None:
            self.say(message.id, "Starting the engine")
        from ...core.job.job import Job
        from ..store.frame_store import FrameStore

        self._start_renderer()
        data = message.data
        made = self._drafts.make(
            Job.from_json(data["job"]),
            FrameStore(Path(data["store"])),
            Path(data["picture"]),
            Path(data["kept"]),
            phase=lambda text: self.say(message.id, text),
            cancelled=self._must_stop,
            replaced=self._waiting.is_replaced,
        )
        return asdict(made)

    def _sheet(self, message: Message) -> dict[str, Any]:
        from ..rendering import sheet_picture

        return sheet_picture.sheet_of_drafts(message.data)

    def _announce(self, request: str, progress: Progress) -> None:
        self._announced.setdefault(request, {})[progress.number] = progress.key
        self._send(messages.FRAME, request, asdict(progress))

    def _speeds(self, message: Message) -> dict[str, Any]:
        self.say(message.id, "Starting the engine")
        from ..host.speeds import of_this_machine

        found = of_this_machine(self.device, self.studies, lambda text: self.say(message.id, text))
        return {"speeds": found.to_json()}

    def say(self, request: str, text: str) -> None:
        """Tell what begins now; every heartbeat tells it again until the request ends."""
        self._phase = text
        self._send(messages.PHASE, request, {"text": text})

    def _of_files(self, request: str) -> file_hashes.Step:
        """What is said while files are read as a whole; after each the request goes on with what it was at."""
        spoken = file_hashes.spoken(lambda text: self.say(request, text), self._must_stop)
        before = ""

        def step(path: Path, done: int, size: int) -> None:
            nonlocal before
            before = before if done else self._phase
            spoken(path, done, size)
            if done >= size and before != self._phase:
                self.say(request, before)

        return step

    def _stop_if_asked(self) -> None:
        if self._must_stop():
            raise BendError(Code.CANCELLED, "Canceled.")

    def _must_stop(self) -> bool:
        """Asked before every denoising step; lets the reading thread speak first, which torch's small steps starve."""
        time.sleep(0.001)
        return self._waiting.must_stop()
