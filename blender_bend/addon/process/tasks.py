"""Tasks: child processes that do one thing, such as a set-up or a download, with their progress in the panels.

They say what they are at in JSON lines (``phase``, ``done``, ``total``, ``bytes``, ``total_bytes``), and how it went in
the last one (``end``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from ...core.errors import BendError
from ..host import activity
from ..host.activity import Activity
from .child import Child

TICK_SECONDS = 0.2


@dataclass
class Working(Activity):
    """A task in progress.

    Parameters
    ----------
    bytes, total_bytes : how much has come, and of how much; 0 if unknown
    """

    bytes: int = 0
    total_bytes: int = 0

    @property
    def fraction(self) -> float:
        """How much is done, 0...1."""
        return self.bytes / self.total_bytes if self.total_bytes else super().fraction

    def text(self) -> str:
        """One line for the progress bar."""
        if self.cancel_asked:
            return "Canceling…"
        if self.total_bytes:
            size = f", {size_text(self.bytes)} of {size_text(self.total_bytes)}"
        else:
            size = f", {size_text(self.bytes)}" if self.bytes else ""
        return f"{self.phase or self.title}{size}"


def size_text(count: float) -> str:
    """Bytes as an artist reads them: 340 MB, 4.3 GB."""
    return (
        f"{count / 1e9:.1f} GB"
        if count >= 1e9
        else f"{count / 1e6:.0f} MB"
        if count >= 1e6
        else f"{count / 1e3:.0f} kB"
    )


class Task:
    """A task in progress; the panels show its activity, and its cancel button stops it.

    Parameters
    ----------
    title : what, in a verb
    stopped : what to say of the child if it ends without a word
    then : what to do when it has gone well
    after : what to do however it has gone
    """

    def __init__(
        self,
        child: Child,
        title: str,
        stopped: Callable[[Child], BendError],
        then: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._child, self._stopped, self._then, self._after = child, stopped, then, after
        self._ending: dict[str, Any] | None = None
        self.shown = activity.current = Working(title, phase=f"{title}…")
        activity.last_failure = None
        self._over = False

    def watch(self) -> None:
        """Follow it beside Blender's own work. A timer, for a modal operator dies with the window it was called in."""
        bpy.app.timers.register(self.tick, persistent=True)

    def wait(self) -> None:
        """Follow it to the end.

        Raises
        ------
        BendError with what went wrong
        """
        while not self._over:
            self._take_in(wait=True)
        failure = self._finish()
        if failure:
            raise failure

    def tick(self) -> float | None:
        if self.shown.cancel_asked:
            self._child.stop()
        self._take_in()
        redraw()
        if not self._over:
            return TICK_SECONDS
        self._finish()
        redraw()
        return None

    def _take_in(self, wait: bool = False) -> None:
        for said in self._child.poll(wait):
            if said is None:
                self._over = True
            elif "end" in said:
                self._ending = said
            else:
                shown = self.shown
                shown.phase = str(said.get("phase", ""))
                shown.bytes, shown.total_bytes = int(said.get("bytes", 0)), int(said.get("total_bytes", 0))
                shown.done, shown.total = int(said.get("done", shown.done)), int(said.get("total", shown.total))

    def _finish(self) -> BendError | None:
        failure = None
        if self._ending is None:
            failure = self._stopped(self._child)
        elif self._ending["end"] != "done":
            failure = BendError.from_dict(self._ending)
        else:
            self._then()
        self._after()
        activity.end(failure)
        return failure


def redraw() -> None:
    """Let the sidebars and open preferences show the progress."""
    activity.redraw()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
