"""What operators share that carry out a function in slices: progress, Esc, and waiting for it in background mode."""

from __future__ import annotations

import time
from typing import Any

from bpy.types import Context

from ....core.errors import BendError, Code
from ...host import activity
from ...host.slices import Slices, at_once
from ...host.typed import Result
from .modal import Watching

#: How long the work may hold the window at a time.
SECONDS = 0.03


class InSlices(Watching):
    """A mixin; the operator provides ``title``, ``work`` and ``tell``."""

    title = ""
    interval = 0.02

    def work(self, context: Context) -> Slices[Any]:
        """The slices, up to the result."""
        raise NotImplementedError

    def wait(self, context: Context) -> Any:
        """The result, without a window."""
        return at_once(self.work(context))

    def tell(self, result: Any) -> str:
        """The result in words."""
        raise NotImplementedError

    @staticmethod
    def count(done: int, total: int) -> None:
        """For the function: how far it is."""
        current = activity.current
        if current:
            current.done, current.total = done, total
            current.says = f"{current.title}: {done}{f' of {total}' if total else ''}"

    def execute(self, context: Context) -> Result:
        try:
            result = self.wait(context)
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, self.tell(result))
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        activity.begin(self.title).says = f"{self.title}…"
        self._slices, self._result, self._done = self.work(context), None, False

    def update(self) -> bool:
        if activity.current and activity.current.cancel_asked:
            return False
        until = time.monotonic() + SECONDS
        try:
            while time.monotonic() < until:
                next(self._slices)
        except StopIteration as done:
            self._result, self._done = done.value, True
        return not self._done

    def cancel_work(self) -> None:
        self._slices.close()

    def finish(self) -> None:
        if not self._done:
            raise BendError(Code.CANCELLED, "Canceled.")
        self.report({"INFO"}, self.tell(self._result))
