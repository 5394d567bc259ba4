"""The plan of a job: which denoising states its frames share, so that each is computed once, and how much is left.

A bend has no effect before its window begins, so two frames are one and the same state until the first step at which
their bends differ. The frames of a job are a tree: its trunk is what all have in common.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..site_kinds import SiteKind
from .resolved import Resolved, ResolvedBend


@dataclass(frozen=True)
class Segment:
    """A run of denoising steps without a branch.

    Parameters
    ----------
    key : equal for two frames exactly if they are the same state during these steps
    first, last : half-open range of steps; the last segment of a frame is ``steps ... steps + 1``: the finished
        latent and its decoding
    bent : whether a bend has acted by now, or the frame has a beginning of its own
    """

    key: str
    first: int
    last: int
    bent: bool


@dataclass(frozen=True)
class Work:
    """How much there is to do.

    Parameters
    ----------
    frames : frames to be shown
    pictures : different pictures among them
    states : denoising steps to be computed
    alone : denoising steps if every picture were rendered by itself
    """

    frames: int
    pictures: int
    states: int
    alone: int


def together(parts: Iterable[Work]) -> Work:
    """How much work parts are, each with what its frames have in common."""
    work = Work(0, 0, 0, 0)
    for part in parts:
        work = Work(
            work.frames + part.frames,
            work.pictures + part.pictures,
            work.states + part.states,
            work.alone + part.alone,
        )
    return work


def begins_alone(frame: Resolved) -> bool:
    """Whether a frame begins in a way of its own: a walking noise, a source picture, a blend of prompts."""
    own = frame["walk"] is not None or frame["travel"] % 1.0 or frame["source"] is not None
    return bool(own) or len(frame["prompt"]) > 1


def first_step(frame: Resolved) -> int:
    """The step at which the denoising of a frame begins."""
    return 0 if frame["source"] is None else frame["source"]["start"]


def branchings(frames: Iterable[Resolved]) -> list[int]:
    """The steps at which frames may part: where one begins, and where a bend of one begins."""
    found = {first_step(frame) for frame in frames}
    return sorted(found | {_beginning(bend) for frame in frames for bend in frame["bends"]})


def _beginning(bend: ResolvedBend) -> int:
    return 0 if bend["site"] == SiteKind.NOISE else bend["steps"][0]


class Course(NamedTuple):
    """The denoising of a frame, as short as can be: what decides which of its states are those of other frames too.

    Parameters
    ----------
    root : what all of its states have in common, as text
    first, end : half-open range of its denoising steps
    alone : see ``begins_alone``
    turns : the steps at which bends begin to act, ascending: a line for each, with these bends as text
    inverted : the picture that is inverted for it, as text; empty if none is
    """

    root: str
    first: int
    end: int
    alone: bool
    turns: str
    inverted: str

    def bends(self) -> dict[int, str]:
        """The bends that begin to act at a step, as text, by the step."""
        lines = (line.partition(" ") for line in self.turns.split("\n") if line)
        return {int(step): text for step, _, text in lines}


def course(frame: Resolved) -> Course:
    """The course of a frame, which is what ``resolve`` gives."""
    source, start = frame["source"], first_step(frame)
    # Frames that are decoded in other ways have other bends in the decoder, and share all that comes before.
    left_out = {"bends"} if source else {"bends", "decode"}
    root = {name: value for name, value in frame.items() if name not in left_out}
    turns: dict[int, str] = {}
    for bend in frame["bends"]:  # in the order of the stack, which is one for all frames of a job
        known = {name: value for name, value in bend.items() if name != "name"}
        step = max(_beginning(bend), start)
        turns[step] = turns.get(step, "") + _text([step, known])
    inverted = ""
    if source is not None and "kept" in source:
        inverted = _text({name: value for name, value in source.items() if name != "kept"})
    lines = "\n".join(f"{step} {text}" for step, text in sorted(turns.items()))
    return Course(_text(root), start, frame["steps"], begins_alone(frame), lines, inverted)


def segments(frame: Resolved, branchings: Sequence[int]) -> list[Segment]:
    """The way of a frame from its beginning to its picture, in segments.

    Parameters
    ----------
    frame : what ``resolve`` gives
    branchings : the steps at which it may part from the frames that it is rendered with
    """
    return _segments(course(frame), branchings)


def _segments(of: Course, branchings: Iterable[int]) -> list[Segment]:
    digest = hashlib.sha256(of.root.encode())
    bent, turns = of.alone, of.bends()
    way = []
    steps = sorted({of.first, of.end, *(step for step in branchings if of.first < step < of.end)})
    for step, following in zip(steps, [*steps[1:], of.end + 1], strict=True):
        if step in turns:
            digest.update(turns[step].encode())
            bent = True
        way.append(Segment(f"{digest.hexdigest()} {step}", step, following, bent))
    return way


_text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Tally:
    """Counts the work of pictures that come one after the other.

    Parameters
    ----------
    branchings : the steps at which they may part
    """

    def __init__(self, branchings: Iterable[int]) -> None:
        self._branchings = frozenset(branchings)
        self._known: set[bytes] = set()
        self._pictures = self._states = self._alone = 0

    def add(self, picture: Course) -> None:
        """Count one more picture; it must be another one than all before."""
        self._pictures += 1
        if picture.inverted:
            self._count(picture.inverted, picture.end)  # once for every picture
            self._alone += picture.end
        self._alone += picture.end - picture.first
        for segment in _segments(picture, self._branchings):
            self._count(segment.key, min(segment.last, picture.end) - segment.first)

    def _count(self, key: str, states: int) -> None:
        """Count states of a key once; a short hash of it is remembered, for there may be hundreds of thousands."""
        known = hashlib.blake2b(key.encode(), digest_size=16).digest()
        if known not in self._known:
            self._known.add(known)
            self._states += states

    def work(self, frames: int | None = None) -> Work:
        """What has been counted until now; so many ``frames`` of the timeline show it, or one for each picture."""
        shown = self._pictures if frames is None else frames
        return Work(shown, self._pictures, self._states, self._alone)

    @classmethod
    def of(cls, pictures: Sequence[Course]) -> Tally:
        """For some pictures, none of which is counted yet."""
        return cls({step for picture in pictures for step in (picture.first, *picture.bends())})


def measure(frames: Iterable[Resolved], shown: Sequence[int] | None = None) -> Work:
    """How much work it is to make some pictures, each state computed once.

    Parameters
    ----------
    frames : different resolved frames
    shown : how many frames of the timeline show each of them; None means one
    """
    pictures = list(map(course, frames))
    tally = Tally.of(pictures)
    for picture in pictures:
        tally.add(picture)
    return tally.work(None if shown is None else sum(shown))
