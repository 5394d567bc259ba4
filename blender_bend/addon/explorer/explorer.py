"""The explorer at work: it asks the engine for one cell after another, from coarse to fine, and knows what came.

Nothing of the file is touched. One step of it takes a few milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...core.errors import BendError, Code
from ...core.files import caches
from ...core.job.job import Job
from ...core.job.resolve import trace
from ...core.models.file_hashes import Unread
from ...core.process.shared_picture import Picture
from ...core.sheets.asked import Asked
from ...core.sheets.sheet import Cell, Sheet, coarse_to_fine
from ..host import activity, changes, preferences, reading
from ..live import others, switch
from ..live import wanted as wanted_frames
from ..live.asking import Asking
from ..live.controller import ENDING
from ..live.kept import Kept
from ..live.wanted import Models, Wanted
from ..process import automatic
from ..timeline import strips
from .choices import place_of

Place = tuple[int, int]

#: How long one step may put cells together.
SLICE_SECONDS = 0.006


@dataclass
class Shown:
    """A cell with what is known of it.

    Parameters
    ----------
    draft, finished : what makes it, roughly and as Preview Frame does; the second is None if a draft is no cheaper
    picture : the best there is
    problem : why there is none, in words
    """

    cell: Cell
    draft: Wanted
    finished: Wanted | None
    picture: Picture | None = None
    problem: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether nothing better can come."""
        return self.picture is not None and self.picture.key == (self.finished or self.draft).key

    def next(self, finish: bool) -> Wanted | None:
        """What is still wanted of it."""
        if self.problem or (self.picture is not None and (not finish or self.is_finished)):
            return None
        return self.draft if self.picture is None else self.finished


class Explorer:
    """A sheet of one frame of a strip.

    Parameters
    ----------
    scene, strip : names
    number : of the frame
    before : the one whose place it takes

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """

    def __init__(self, scene: str, strip: str, number: int, asked: Asked, before: Explorer | None = None) -> None:
        folder = preferences.cache_folder(caches.DRAFTS)
        self.scene, self.strip, self.number, self.asked = scene, strip, number, asked
        # What is being made of the sheet before is replaced, not canceled: an engine that still starts heeds no cancel.
        self.asking: Asking = before.asking if before is not None else Asking(folder)
        self.kept: Kept = before.kept if before is not None else Kept(folder)
        self._models = Models()
        self._planning: Iterator[None] = self._plan()
        self._measuring = automatic.Measuring()
        self._looked = -1
        self._made: Place | None = None
        #: The sheet, and the place of its bend in the stack; None before it is planned.
        self.sheet: Sheet | None = None
        self.place: int | None = None
        self.shown: dict[Place, Shown] = {}
        #: Cells that the strip is set to now.
        self.current: set[Place] = set()
        #: Why there is no sheet, or why it does not go on.
        self.problem: BendError | None = None
        #: Whether it waits for something else, and whether the artist has stopped it.
        self.paused = self.stopped = False
        #: Counts what has changed in the picture of it.
        self.version = 0

    @property
    def size(self) -> tuple[int, int]:
        """Of the pictures."""
        return self.sheet.job.size if self.sheet else (1, 1)

    @property
    def waits(self) -> bool:
        """Whether there is something to do."""
        return not (self.stopped or self.problem) and (self.sheet is None or self._next() is not None)

    @property
    def outdated(self) -> bool:
        """Whether the strip is set to none of the cells."""
        return self.sheet is not None and bool(self.shown) and self._looked >= 0 and not self.current

    def counts(self) -> tuple[int, int]:
        """How many cells are as good as was asked for, and how many there are."""
        made = sum(1 for shown in self.shown.values() if shown.next(self.asked.finish) is None)
        lines = (len(self.sheet.rows.lines) * len(self.sheet.columns.lines)) if self.sheet else 0
        return made, lines

    def step(self) -> None:
        """Go on for a moment."""
        self.paused = activity.current is not None or activity.rendering or activity.renders()
        others.waiting = not self.paused and self.waits
        if self.stopped or self.problem is not None:
            return
        if self.paused:
            self.asking.cancel()
            return
        try:
            self._advance()
        except BendError as error:
            self._end(error)

    def stop(self) -> None:
        """Ask for nothing more."""
        self.stopped = True
        self.asking.cancel()
        others.waiting = False
        self.version += 1

    def go_on(self) -> None:
        """Go on where it was stopped."""
        self.stopped, self.problem = False, None
        self.version += 1

    def close(self) -> None:
        """End all of it."""
        others.waiting = False
        self.asking.close()

    def _end(self, error: BendError) -> None:
        self.problem = error
        self.asking.cancel()
        others.waiting = False
        self.version += 1

    def _advance(self) -> None:
        strips.called(self.scene, self.strip)
        self._take()
        if self._measuring.goes_on() or self._plans():
            return
        self._look()
        if self.made is not None or (switch.live is not None and switch.live.asking.wanted is not None):
            return
        until = time.monotonic() + SLICE_SECONDS
        while (found := self._next()) is not None and time.monotonic() < until:
            place, wanted = found
            picture = self.kept.get(wanted.key)
            if picture is None:
                self._made = place
                self.asking.ask(wanted)
                self.version += 1
                return
            self._show(place, picture)

    @property
    def made(self) -> Place | None:
        """The cell that is being made."""
        if self._made is None or self.asking.wanted is None:
            return None
        return self._made

    def _next(self) -> tuple[Place, Wanted] | None:
        """The next cell, and what is wanted of it: a draft of each first."""
        for finish in (False, True) if self.asked.finish else (False,):
            for place, shown in self.shown.items():
                wanted = shown.next(finish)
                if wanted is not None:
                    return place, wanted
        return None

    def _take(self) -> None:
        """Take in what the engine has made."""
        place = self._made
        try:
            picture = self.asking.follow()
        except BendError as error:
            if error.code in ENDING:
                raise
            if place is None:
                return
            self.shown[place].problem = error.message
            self.version += 1
            return
        if picture is not None and place is not None:
            self.kept.put(picture)
            self._show(place, picture)

    def _show(self, place: Place, picture: Picture) -> None:
        self.shown[place].picture = picture
        self.version += 1

    def _plans(self) -> bool:
        """Whether cells are still put together."""
        until = time.monotonic() + SLICE_SECONDS
        while time.monotonic() < until:
            try:
                if next(self._planning, self._planning) is self._planning:
                    return False
            except Unread as unread:
                reading.begin(unread)
                self._planning = self._plan()
                return True
        return True

    def _plan(self) -> Iterator[None]:
        """Put the cells together, in the order in which they are made."""
        job = self._job()
        yield
        self.place = place_of(strips.called(self.scene, self.strip))
        sheet = self.asked.sheet(job, self.place)
        sheet.check()
        self.sheet = sheet
        for row, column in coarse_to_fine(len(sheet.rows.lines), len(sheet.columns.lines)):
            self.shown[row, column] = self._shown(sheet, row, column)
            yield
        self._looked = -1
        self.version += 1

    def _shown(self, sheet: Sheet, row: int, column: int) -> Shown:
        try:
            planned = sheet.cell(row, column)
            linked = wanted_frames.linked(strips.called(self.scene, self.strip), planned.job)
            cell = replace(planned, job=linked)
        except BendError as error:
            cell = Cell(row, column, sheet.job)
            return Shown(cell, wanted_frames.of_job(self.scene, self.strip, sheet.job), None, problem=error.message)
        draft = wanted_frames.of_job(self.scene, self.strip, cell.job)
        return Shown(cell, draft, finished(draft, cell.job))

    def _job(self) -> Job:
        """What the strip says of the frame now.

        Raises
        ------
        BendError, Unread
        """
        strip = strips.called(self.scene, self.strip)
        if self.number not in strips.frame_range(strip):
            raise BendError(Code.PARAMETER_INVALID, "The playhead is not over the bend strip.", "Move it there.")
        return wanted_frames.job_at(strip.id_data, strip, self.number, self._models.resolve)

    def _look(self) -> None:
        """Find the cells that the strip is set to, after every change of the file."""
        if self._looked == changes.updates:
            return
        self._looked = changes.updates
        try:
            now = wanted_frames.of_job(self.scene, self.strip, self._job()).key
        except (BendError, Unread):
            now = ""
        current = {place for place, shown in self.shown.items() if shown.draft.key == now and not shown.problem}
        if current != self.current:
            self.current = current
            self.version += 1


def finished(draft: Wanted, job: Job) -> Wanted | None:
    """The same frame as Preview Frame makes it; None if the draft is that already.

    It is a draft to the engine, so that it never enters a frame store.
    """
    if (draft.job.steps, draft.job.size) == (job.steps, job.size):
        return None
    whole = replace(job, batch=1, draft_of=job.size)
    (made,) = trace(whole)
    return replace(draft, job=whole, key=made.key)
