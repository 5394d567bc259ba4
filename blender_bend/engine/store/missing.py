"""What a frame store does not have of a job, found out part by part: a film may have 100,000 frames.

A frame is resolved when the turn of its part has come, and forgotten with it; states are shared within a part. Between
two slices of any work, a cancel takes effect.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ...core.catalogue.strip import StartsFrom
from ...core.errors import BendError, Code
from ...core.job import sharing
from ...core.job.frames import Frames
from ...core.job.job import Job
from ...core.job.resolve import trace
from ...core.job.resolved import Resolved
from ...core.job.rough_to_fine import rough_to_fine
from ...core.job.sharing import Work
from .frame_store import FrameStore

T = TypeVar("T")

#: So many frames are planned together: their common beginnings are computed once for each slice.
SLICE = 512


def never() -> bool:
    """Nobody cancels."""
    return False


def until_cancelled(items: Iterable[T], cancelled: Callable[[], bool], every: int = SLICE) -> Iterator[T]:
    """The same items; from time to time it is asked whether the work is still wanted.

    Raises
    ------
    BendError(CANCELLED)
    """
    for index, item in enumerate(items):
        if index % every == 0 and cancelled():
            raise BendError(Code.CANCELLED, "Canceled.")
        yield item


@dataclass(frozen=True)
class Part:
    """What a store has of some frames of a job, and what it does not have.

    Parameters
    ----------
    there : the keys of frames that are there, by number
    frames : what is missing and in no part before: resolved frames by key, in the job's order
    numbers : for every key that is missing, or was until its part was made, the numbers of the frames that show it
    """

    there: dict[int, str] = field(default_factory=dict)
    frames: dict[str, Resolved] = field(default_factory=dict)
    numbers: dict[str, list[int]] = field(default_factory=dict)


def look(
    job: Job,
    store: FrameStore,
    numbers: Collection[int] | None = None,
    cancelled: Callable[[], bool] = never,
    playhead: int | None = None,
) -> Iterator[Part]:
    """What a store has of a job, part by part; no frame is resolved before the part that it is in is asked for.

    Parameters
    ----------
    numbers : frame numbers of the timeline; None means all. Where frames start from the one before, all frames before
        the last of these are needed as well.
    cancelled : asked from time to time
    playhead : within a part, what is missing comes from rough to fine from this frame on; None means in the job's order

    Raises
    ------
    BendError(CANCELLED)
    """
    for part in _look(job, store, numbers, cancelled):
        yield part if playhead is None or job.source == StartsFrom.PREVIOUS else _from_rough_to_fine(part, playhead)


def _from_rough_to_fine(part: Part, playhead: int) -> Part:
    """The same part; a frame comes when the first number that shows it does."""
    key_of = {number: key for key, numbers in part.numbers.items() for number in numbers}
    if not key_of:
        return part
    order = rough_to_fine(range(min(key_of), max(key_of) + 1), playhead)
    keys = dict.fromkeys(key_of[number] for number in order if number in key_of)
    return replace(part, frames={key: part.frames[key] for key in keys if key in part.frames})


def _look(
    job: Job, store: FrameStore, numbers: Collection[int] | None, cancelled: Callable[[], bool]
) -> Iterator[Part]:
    wanted = asked(job, numbers)
    part, given = Part(), set[bytes]()
    for traced in until_cancelled(trace(job), cancelled):
        number, key = traced.frame.number, traced.key
        if number not in wanted:
            continue
        digest = bytes.fromhex(key)
        if digest not in given and store.has(key):
            part.there[number] = key
            continue
        part.numbers.setdefault(key, []).append(number)
        if digest not in given:
            given.add(digest)
            part.frames[key] = traced.data
        if len(part.frames) == SLICE:
            yield part
            part = Part()
    if part != Part():
        yield part


def asked(job: Job, numbers: Collection[int] | None) -> Collection[int]:
    """The numbers of the frames that are to be there in the end, with those that others start from."""
    there = Frames.of(job.frames).numbers
    if numbers is None:
        return frozenset(there)
    wanted = frozenset(numbers)
    last = max(wanted, default=None)
    if job.source != StartsFrom.PREVIOUS or last is None:
        return wanted.intersection(there)
    return frozenset(number for number in there if number in wanted or number <= last)


def work(parts: Iterable[Part]) -> Work:
    """How much work parts are, each with what its frames have in common."""
    return sharing.together(
        sharing.measure(part.frames.values(), [len(numbers) for numbers in part.numbers.values()]) for part in parts
    )
