"""What the modal operators share: a timer, Esc, one activity at a time, and failures that are seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpy.types import Context, Event, Timer

from ....core.errors import BendError
from ...host import activity
from ...host.typed import OperatorMixin, Result


class Watching(OperatorMixin):
    """A mixin for an operator that watches the engine work.

    The operator provides ``start``, ``update``, ``cancel_work`` and ``finish``; each may raise BendError.
    """

    interval = 0.1
    _timer: Timer | None = None
    _over = False
    _cancel_sent = False
    _drawn = ""

    def start(self, context: Context) -> None:
        """Begin."""
        raise NotImplementedError

    def update(self) -> bool:
        """Go on; whether there is more to do."""
        raise NotImplementedError

    def cancel_work(self) -> None:
        """Stop, as soon as that can be."""
        raise NotImplementedError

    def finish(self) -> None:
        """Take in what was done."""
        raise NotImplementedError

    def watch(self, context: Context) -> Result:
        """Start, and come back on every tick of a timer."""
        failure = self._attempt(lambda: self.start(context))
        if failure:
            return self._fail(failure)
        window_manager = context.window_manager
        self._timer = window_manager.event_timer_add(self.interval, window=context.window)
        window_manager.modal_handler_add(self)
        activity.redraw()
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, event: Event) -> Result:
        """One event: Esc cancels, a tick of the timer takes in what the engine did; the rest goes on to Blender."""
        current = activity.current
        if event.type == "ESC" and event.value == "PRESS" and current:
            current.cancel_asked = True
        if event.type != "TIMER":
            return {"RUNNING_MODAL"} if event.type == "ESC" else {"PASS_THROUGH"}
        if current and current.cancel_asked and not self._cancel_sent:
            self._cancel_sent = True
            self.cancel_work()
        failure = self._attempt(self._advance)
        if failure is None and not self._over:
            self._redraw_if_changed(current)
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        failure = failure or self._attempt(self.finish)
        if failure:
            return self._fail(failure)
        activity.end()
        return {"FINISHED"}

    def _advance(self) -> None:
        self._over = not self.update()

    def _attempt(self, work: Callable[[], Any]) -> BendError | None:
        """Do something; what goes wrong is shown, and never leaves the activity standing."""
        try:
            work()
        except BendError as error:
            return error
        except Exception as error:  # else every button of Bend would stay grey until Blender is restarted
            return activity.unexpected(error)
        return None

    def _redraw_if_changed(self, current: activity.Activity | None) -> None:
        text = current.text() if current else ""
        if text != self._drawn:
            self._drawn = text
            activity.redraw()

    def cancel(self, context: Context) -> None:
        """Blender ends the operator, because it quits or opens another file, or the artist closes its dialog."""
        if self._timer is None:
            return  # not begun
        self._stop_timer(context)
        self.cancel_work()
        activity.end()

    def _stop_timer(self, context: Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None

    def _fail(self, error: BendError) -> Result:
        activity.end(error)
        cancelled = error.code == "cancelled"
        self.report({"INFO"} if cancelled else {"WARNING"}, error.message if cancelled else str(error))
        return {"CANCELLED"}
