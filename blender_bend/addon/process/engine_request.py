"""What the engine was asked for: it always ends, and is followed without waiting or with."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import Any

from ...core.errors import BendError
from ...core.process import messages
from ...core.process.messages import Message

log = logging.getLogger(__name__)


class Request:
    """One thing that the engine was asked for; it always ends: done, failed, cancelled, or with the engine's death.

    Parameters
    ----------
    send : writes a message to the engine
    kind : what is asked for, one of ``core.process.messages``
    """

    def __init__(self, send: Callable[[Message], None], identity: str, kind: str = "") -> None:
        self._send = send
        self.identity = identity
        self._kind = kind
        self._messages: queue.Queue[Message] = queue.Queue()
        self._ending: Message | None = None

    def deliver(self, message: Message) -> None:
        """Called by the reading thread. News that say too little are left out; an ending becomes an error of it."""
        try:
            messages.check(message, self._kind)
        except BendError as error:
            log.warning("%s", error)
            if message.type not in messages.ENDINGS:
                return
            message = Message(messages.ERROR, message.id, error.to_dict())
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

    @property
    def failed(self) -> bool:
        """Whether it has ended, and not as it should."""
        return self._ending is not None and self._ending.type != messages.DONE

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
        self._send(Message(messages.CANCEL, self.identity))
