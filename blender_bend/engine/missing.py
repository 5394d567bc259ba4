"""What a frame store does not have of a job, found out and resolved in slices: a film may have 100,000 frames.

Only frame keys and numbers are kept of a whole film. Frames are resolved again slice by slice when their turn has come;
their states are shared within a slice. Between two slices of any work, a cancel is heard.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..core import plan
from ..core.errors import BendError, Code
from ..core.job import Job
from ..core.plan import Work
from ..core.resolve import Resolved, trace
from .frame_store import FrameStore

T = TypeVar("T")

#: So many frames are planned together: their common beginnings are computed once for each slice.
SLICE = 512


def never() -> bool:
    """Nobody cancels."""
    return False


def hearing(items: Iterable[T], cancelled: Callable[[], bool], every: int = SLICE) -> Iterator[T]:
    """The same items; from time to time it is asked whether the work is still wanted.

    Raises
    ------
    BendError(CANCELLED)
    """
    for index, item in enumerate(items):
        if index % every == 0 and cancelled():
            raise BendError(Code.CANCELLED, "Cancelled.")
        yield item


@dataclass(frozen=True)
class Missing:
    """What the store does not have.

    Parameters
    ----------
    numbers : for every frame key that is missing, the numbers of the frames that show it, in the job's order
    telling : for every choice of prompts one frame that has it
    """

    job: Job
    numbers: Mapping[str, list[int]]
    telling: Mapping[tuple[str, ...], Resolved]

    @property
    def total(self) -> int:
        """How many frames of the timeline are missing."""
        return sum(len(numbers) for numbers in self.numbers.values())

    def frames(self, cancelled: Callable[[], bool] = never) -> Iterator[tuple[str, Resolved]]:
        """The missing frames by key, each once, in the job's order."""
        given: set[str] = set()
        for traced in hearing(trace(self.job), cancelled):
            if len(given) == len(self.numbers):
                return
            if traced.key in self.numbers and traced.key not in given:
                given.add(traced.key)
                yield traced.key, traced.data

    def slices(self, cancelled: Callable[[], bool] = never) -> Iterator[dict[str, Resolved]]:
        """The missing frames by key, so many at a time."""
        together: dict[str, Resolved] = {}
        for key, frame in self.frames(cancelled):
            together[key] = frame
            if len(together) == SLICE:
                yield together
                together = {}
        if together:
            yield together

    def work(self, cancelled: Callable[[], bool] = never) -> Work:
        """How much work they are, slice by slice as they are rendered."""
        found = [plan.measure(frames.values()) for frames in self.slices(cancelled)]
        return Work(
            self.total,
            len(self.numbers),
            sum(one.states for one in found),
            sum(one.alone for one in found),
        )


def missing(
    job: Job, store: FrameStore, numbers: Collection[int] | None = None, cancelled: Callable[[], bool] = never
) -> Missing:
    """What a store does not have of a job.

    Parameters
    ----------
    numbers : frame numbers of the timeline; None means all. Where frames start from the one before, all frames before
        the last of these are needed as well.
    cancelled : asked between slices

    Raises
    ------
    BendError(CANCELLED)
    """
    wanted = None if numbers is None else frozenset(numbers)
    last = max(wanted, default=None) if wanted is not None else None
    found: dict[str, list[int]] = {}
    telling: dict[tuple[str, ...], Resolved] = {}
    for traced in hearing(trace(job), cancelled):
        number = traced.frame.number
        chained = job.source == "previous" and last is not None and number <= last
        if wanted is not None and number not in wanted and not chained:
            continue
        if not store.has(traced.key):
            found.setdefault(traced.key, []).append(number)
            texts = (*(text for text, _ in traced.data["prompt"]), traced.data["negative"])
            telling.setdefault(texts, traced.data)
    return Missing(job, found, telling)
