"""Work that is done while the window is idle: begun after a change of the file, carried on a slice at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import bpy

from . import activity, changes

#: How long one tick may hold the window.
TICK_SECONDS = 0.008
#: Between two ticks while there is work, so that the window is drawn in between.
BUSY_SECONDS = 0.02
QUIET_SECONDS = 0.4

#: Work in slices; one that has to wait for something says for how many seconds.
Work = Iterator[float | None]


class IdleJob:
    """One thing that is kept up to date while nothing else goes on.

    Parameters
    ----------
    begin : the work after a change; a further change replaces it
    between : called at every tick that has no work left from before
    pauses : whether it stays away right now, for a reason of its own
    """

    def __init__(
        self,
        begin: Callable[[], Work],
        between: Callable[[], None] = lambda: None,
        pauses: Callable[[], bool] = lambda: False,
    ) -> None:
        self._begin, self._between, self._pauses = begin, between, pauses
        self._work: Work | None = None
        self._looked = -1
        self._timer = self.tick  # Blender knows a timer by its object, and every access makes another

    @property
    def rests(self) -> bool:
        """Whether nothing is left to do, as far as is known."""
        return self._work is None and self._looked == changes.updates

    def look_again(self) -> None:
        """Begin again at the next tick, as after a change."""
        self._looked = -1

    def give_up(self) -> None:
        """Drop what is under way; it begins again after the next change."""
        self._work = None

    def tick(self) -> float:
        """Do a slice of the work, or look whether there is some; returns the seconds until the next tick."""
        if activity.current is not None or activity.renders() or self._pauses():
            return QUIET_SECONDS
        try:
            return self._advance()
        except Exception as error:  # an exception would end the timer for the whole session
            activity.unexpected(error)
            self.give_up()
            return QUIET_SECONDS

    def _advance(self) -> float:
        if self._work is None:
            self._between()
        if self._looked != changes.updates:
            self._looked, self._work = changes.updates, self._begin()
            return QUIET_SECONDS
        until = time.monotonic() + TICK_SECONDS
        while self._work is not None:
            try:
                waits = next(self._work)
            except StopIteration:
                self._work = None
                break
            if waits is not None or time.monotonic() >= until:
                return waits or BUSY_SECONDS
        return QUIET_SECONDS

    def start(self) -> None:
        """Begin to tick; in background mode there is no window to keep up to date."""
        if not bpy.app.background:
            bpy.app.timers.register(self._timer, first_interval=QUIET_SECONDS, persistent=True)

    def stop(self) -> None:
        """Stop ticking, and drop what is under way."""
        self.give_up()
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)
