"""Requests that wait: urgent ones come first, and what they interrupt goes on after them; of drafts the last counts."""

from __future__ import annotations

import threading
import time

from ...core.errors import BendError, Code
from ...core.process import messages
from ...core.process.messages import Message

#: More requests than these wait for nobody: they are refused, so that a flood fills no memory.
MOST = 1000
#: So long after an urgent request an interrupted one waits: the next frame of Blender's render is about to come.
QUIET_SECONDS = 1.0


def is_urgent(message: Message) -> bool:
    """Whether somebody can do nothing but wait for it, such as Blender within a render."""
    return message.data.get("urgent") is True


def is_draft(message: Message) -> bool:
    """Whether it is a draft, whose place is taken by the next one."""
    return message.type == messages.DRAFT


class Waiting:
    """What waits and what is worked on; a second thread adds and cancels."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        #: In the order in which they came.
        self._waiting: list[Message] = []
        #: By id: those that wait, and the one that is worked on.
        self._open: dict[str, Message] = {}
        self._current: Message | None = None
        self._cancelled = False
        #: Those that were interrupted, and until when they wait.
        self._interrupted: list[Message] = []
        self._quiet_until = 0.0

    def add(self, message: Message) -> list[str]:
        """Let a request wait for its turn.

        Returns
        -------
        the ids of the waiting drafts whose place it takes, which have ended by that

        Raises
        ------
        BendError(MESSAGE_INVALID) if too many do
        """
        with self._changed:
            if len(self._waiting) >= MOST:
                raise BendError(
                    Code.MESSAGE_INVALID, f"{MOST} requests are already waiting.", "Wait until they finish."
                )
            replaced = [one for one in self._waiting if is_draft(one)] if is_draft(message) else []
            for one in replaced:
                self._drop(one)
            self._open[message.id] = message
            self._waiting.append(message)
            self._changed.notify()
            return [one.id for one in replaced]

    def _drop(self, message: Message) -> None:
        """Forget a request that waits; called with the lock held."""
        self._open.pop(message.id, None)
        self._waiting = [one for one in self._waiting if one is not message]
        self._interrupted = [one for one in self._interrupted if one is not message]

    def take(self) -> Message:
        """The next request to be worked on; waits for it."""
        with self._changed:
            while (message := self._next()) is None:
                self._changed.wait(max(self._quiet_until - time.monotonic(), 0.0) if self._interrupted else None)
            self._waiting.remove(message)
            self._interrupted = [one for one in self._interrupted if one is not message]
            self._current, self._cancelled = message, False
            return message

    def _next(self) -> Message | None:
        quiet = time.monotonic() >= self._quiet_until
        ready = [one for one in self._waiting if quiet or not self._is_interrupted(one)]
        return next((one for one in ready if is_urgent(one)), ready[0] if ready else None)

    def _is_interrupted(self, message: Message) -> bool:
        return any(one is message for one in self._interrupted)

    def end(self) -> None:
        """The request that was worked on has ended; its id may be used again."""
        with self._changed:
            assert self._current is not None
            if is_urgent(self._current):
                self._quiet_until = time.monotonic() + QUIET_SECONDS
            if self._open.get(self._current.id) is self._current:
                del self._open[self._current.id]
            self._current = None

    def interrupt(self) -> bool:
        """Put the request that was worked on back in front of the others; False if it was cancelled or replaced."""
        with self._changed:
            assert self._current is not None
            if self._cancelled or self._is_replaced():
                return False
            self._waiting.insert(0, self._current)
            self._interrupted.append(self._current)
            self._current = None
            return True

    def cancel(self, request: str) -> bool:
        """Let the request that is worked on stop, or one that waits end; whether the latter has ended by that."""
        with self._changed:
            cancelled = self._open.get(request)
            if cancelled is None:
                return False
            if cancelled is self._current:
                self._cancelled = True
                return False
            self._drop(cancelled)
            return True

    def is_replaced(self) -> bool:
        """Whether the request that is worked on is a draft, and another one waits to take its place."""
        with self._changed:
            return self._is_replaced()

    def _is_replaced(self) -> bool:
        current = self._current
        return current is not None and is_draft(current) and any(map(is_draft, self._waiting))

    def must_stop(self) -> bool:
        """Whether the request that is worked on was cancelled, or an urgent one waits for it."""
        with self._changed:
            current = self._current
            if current is None or self._cancelled:
                return True
            return not is_urgent(current) and any(is_urgent(one) for one in self._waiting)
