"""A sheet: one frame of a job in rows and columns, each of which changes the job in a way of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from operator import itemgetter

from ..errors import BendError, Code
from ..job.job import Job
from ..wording import counted
from .kinds import Kind

#: More pictures than anybody compares; a thousand of 512 pixels are one of 16,000.
MOST_CELLS = 1000
#: How far apart the cells are that are made first, and then those between them.
_STRIDES = (4, 2, 1)


_TURNS = {kind: turn for turn, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Line:
    """A row or a column.

    Parameters
    ----------
    label : in words
    change : gives the job of this line
    """

    label: str
    change: Callable[[Job], Job]


@dataclass(frozen=True)
class Axis:
    """The rows, or the columns.

    Parameters
    ----------
    title : what they differ in, in words
    """

    kind: Kind
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet.

    Parameters
    ----------
    row, column : its place
    job : that makes it, with one frame
    """

    row: int
    column: int
    job: Job


@dataclass(frozen=True)
class Sheet:
    """Pictures of one frame.

    Parameters
    ----------
    job : without any change, with one frame
    """

    job: Job
    rows: Axis
    columns: Axis

    def cells(self) -> list[Cell]:
        """Every cell, row by row.

        Raises
        ------
        BendError if there are too many, or a job cannot be rendered
        """
        self.check()
        places = ((row, column) for row in range(len(self.rows.lines)) for column in range(len(self.columns.lines)))
        return [self.cell(row, column) for row, column in places]

    def check(self) -> None:
        """Refuse a sheet with too many pictures.

        Raises
        ------
        BendError(PARAMETER_INVALID)
        """
        if (count := len(self.rows.lines) * len(self.columns.lines)) > MOST_CELLS:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"A sheet has at most {MOST_CELLS:,} pictures, and this one would have {count:,}.",
                "Ask for fewer rows or columns.",
            )

    def cell(self, row: int, column: int) -> Cell:
        """One cell.

        Raises
        ------
        BendError if its job cannot be rendered
        """
        across, down = self.rows.lines[row], self.columns.lines[column]
        changes = sorted(
            [(_TURNS[self.rows.kind], across.change), (_TURNS[self.columns.kind], down.change)], key=itemgetter(0)
        )
        job = self.job
        for _, change in changes:
            job = change(job)
        job.check()
        return Cell(row, column, job)

    @property
    def title(self) -> str:
        """What is compared, and how many pictures that are."""
        count = counted(len(self.rows.lines) * len(self.columns.lines), "picture")
        return f"{self.rows.title} × {self.columns.title}, {count}"


def coarse_to_fine(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Every place of a sheet once: first some all over it, then those between them."""
    made = set()
    for stride in _STRIDES:
        for row in range(0, rows, stride):
            for column in range(0, columns, stride):
                if (row, column) not in made:
                    made.add((row, column))
                    yield row, column


def with_frame(job: Job, **changes: object) -> Job:
    """A job of one frame with something of that frame changed."""
    (frame,) = job.frames
    return replace(job, frames=(replace(frame, **changes),))  # type: ignore[arg-type]
