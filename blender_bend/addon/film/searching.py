"""Looking for frames in the store, in every way in which they may have been made.

Frames that were made in another way, on another machine or before memory ran out, are as good: they stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.job.job import Frame, Job
from ...core.job.resolve import Traced, Tracer
from ...core.resources.ways import Way
from ..host.slices import Slices
from . import bringing
from .stored import Stored

#: Frames whose keys are computed without a pause; a slice takes a few milliseconds.
SLICE = 10

#: Frames of a film, some at a time, and None for a pause. Of little that lives for a moment there is nothing to be
#: collected as garbage, which would take longer than a slice.
Takes = Iterator[list[Frame] | None]


@dataclass(frozen=True)
class Part:
    """Some frames of a film, each in the way in which it is there, or else as it is to be made.

    Parameters
    ----------
    lacking : the numbers of those that are not there; of a chain, only of those that must be rendered
    anchor : what these frames need before all others: the first link of a chain, whose colors they take
    """

    traced: Sequence[Traced]
    lacking: Collection[int]
    anchor: Traced | None = None


#: What was looked for of them, part by part, and None for a pause.
Parts = Iterator[Part | None]


class Search:
    """Looks for the frames of a job, part by part in their order.

    Parameters
    ----------
    good : the other ways in which a frame may be there
    former : the stores that the strip used until now, from which frames are brought along
    known : keys of the job's frames by number, as far as it was traced before
    """

    def __init__(
        self,
        job: Job,
        good: Sequence[Way],
        stored: Stored,
        former: Sequence[Path],
        known: Mapping[int, str] | None = None,
    ) -> None:
        self._tracers = [Tracer(job, known), *(Tracer(way.of(job)) for way in good)]
        self._stored, self._former, self._size = stored, former, job.size

    def parts(self, takes: Takes) -> Parts:
        """Everything that is taken.

        Raises
        ------
        BendError(STORE_UNWRITABLE), and those of the film that is taken
        """
        for frames in takes:
            yield (yield from self.look(frames)) if frames else None

    def look(self, frames: Sequence[Frame]) -> Slices[Part]:
        """The next frames.

        Raises
        ------
        BendError(STORE_UNWRITABLE)
        """
        made: list[Traced] = []
        found: dict[int, Traced] = {}
        for tracer in self._tracers:
            traced = yield from trace(tracer, [frame for frame in frames if frame.number not in found])
            made = made or traced
            missing = yield from self._missing({one.key for one in traced})
            found.update({one.frame.number: one for one in traced if one.key not in missing})
            if len(found) == len(frames):
                break
        lacking = {frame.number for frame in frames if frame.number not in found}
        return Part([found.get(one.frame.number, one) for one in made], lacking)

    def _missing(self, keys: set[str]) -> Slices[set[str]]:
        """The keys that no store has; what a former one has is in the store afterwards."""
        missing = {key for key in keys if not self._stored.has(key)}
        for folder in self._former:
            if not missing:
                break
            yield from bringing.frames(folder, self._stored.store, missing, self._size)
            missing = self._stored.look_for(missing)
        return missing


def trace(tracer: Tracer, frames: Sequence[Frame]) -> Slices[list[Traced]]:
    """The next frames of a tracer, resolved, with their keys."""
    traced: list[Traced] = []
    for begin in range(0, len(frames), SLICE):
        traced += map(tracer.trace, frames[begin : begin + SLICE])
        yield
    return traced
