"""What is to be done for a bend strip, and how it comes together from parts of its film."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ...core.errors import BendError
from ...core.job.frame_keys import FrameKeys
from ...core.job.frames import BLOCK, Frames
from ...core.job.job import Frame, Job
from ...core.job.resolve import Traced
from ...core.job.sharing import Course, Tally, Work, course, together
from ...core.resources import ways
from ...core.resources.ways import Way
from ..host.slices import Slices
from .searching import SLICE, Part
from .showing import Asked

#: Frames whose keys are unpacked together to be shown.
_SHOWN = 500


@dataclass(frozen=True)
class Plan:
    """What is to be done for a bend strip.

    Parameters
    ----------
    job : the frames that are to be rendered, and what makes them
    keys : the frame keys of the frames that were asked for, by number
    there : those of the frames that were found in the store
    missing : the numbers of the frames that are to be rendered; in a chain also those that lead to the ones asked for
    work : how much the missing frames are
    asked : what the strip asked for, to be compared before it shows anything
    model : the model's name as the strip had it
    rest : plans the frames behind these, of which there are ``unknown``; None if these are all
    again : plans all of a chain in another way, once all frames are planned; None for other films
    """

    scene: str
    strip: str
    job: Job
    store: Path
    keys: Mapping[int, str]
    there: Mapping[int, str]
    missing: list[int]
    work: Work
    asked: Asked
    model: str = ""
    rest: Slices[Plan] | None = None
    unknown: int = 0
    again: Callable[[Way], Slices[Plan]] | None = None

    def show(self, ready: Mapping[int, str]) -> Slices[None]:
        """Let the strip show frames that are in the store, by number and key, as long as it asks for them."""
        return self.asked.show(self.store, ready, self.job.size)

    def show_ready(self) -> Slices[None]:
        """Let the strip show every frame that the plan found in the store."""
        for some in self.numbers():
            yield from self.show({number: self.there[number] for number in some if number in self.there})

    def numbers(self) -> Iterator[list[int]]:
        """The numbers of the frames that were asked for, some hundred at a time."""
        numbers = iter(self.keys)
        while some := list(islice(numbers, _SHOWN)):
            yield some

    def remember(self, way: Way) -> None:
        """Let the strip remember in which way its frames are made, so that they stay wherever the file is opened."""
        try:
            settings = self.asked.anchor.find().bend_settings
        except BendError:
            return  # it is gone, or its frames are others by now
        text = ways.remember(settings.made, way)
        if text != settings.made:
            settings.made = text


class Gathered:
    """What is known of the frames of a film until now; of each little is kept.

    Parameters
    ----------
    wanted : the numbers of the frames that were asked for
    known : digests of the frames that were found missing before, for equal ones are made once
    """

    def __init__(self, wanted: Collection[int], known: set[bytes]) -> None:
        self._wanted, self._known = wanted, known
        self.keys, self.there = FrameKeys(), FrameKeys()
        self.missing: list[int] = []
        #: The missing frames.
        self.frames = Frames()
        #: The work that is counted, and the missing frames in short of which it is not.
        self._works: list[Work] = []
        self._courses: list[Course] = []
        #: Of a chain, what the next frame starts from if it does not say otherwise; see ``Tracer``.
        self._previous = self._anchor = ""

    def add(self, part: Part) -> Slices[None]:
        """Take note of a part."""
        if part.anchor is not None:
            yield from self._begin_with(part.anchor)
        for index, traced in enumerate(part.traced):
            number = traced.frame.number
            if number in self._wanted:
                self.keys.append(number, traced.key)
            if number in part.lacking:
                self._miss(traced)
            elif number in self._wanted:
                self.there.append(number, traced.key)
            if index % SLICE == SLICE - 1:
                yield
        if len(self._courses) >= BLOCK:
            yield from self._count()

    def work(self) -> Slices[Work]:
        """How much the missing frames are; states are shared within as many frames as the engine shares them within."""
        yield from self._count()
        return replace(together(self._works), frames=len(self.missing))

    def _begin_with(self, anchor: Traced) -> Slices[None]:
        """Put a frame before all others."""
        frames, self.frames = self.frames, Frames([anchor.frame])
        for index, frame in enumerate(frames):
            self.frames.append(frame)
            if index % SLICE == SLICE - 1:
                yield
        self.missing.insert(0, anchor.frame.number)
        self._count_in(anchor)

    def _miss(self, traced: Traced) -> None:
        self.missing.append(traced.frame.number)
        self.frames.append(self._linked(traced))
        self._count_in(traced)

    def _linked(self, traced: Traced) -> Frame:
        """A frame as the job needs it: of a chain, only the first link and those behind a gap say what they start from.

        The others start from whatever the frame before them in the job becomes: if memory runs out, that is made in
        another way, and has another key.
        """
        frame, previous, anchor = traced.frame, self._previous, self._anchor
        self._previous, self._anchor = traced.key, frame.anchor or anchor or traced.key
        return replace(
            frame,
            previous="" if frame.previous == previous else frame.previous,
            anchor="" if frame.anchor == anchor else frame.anchor,
        )

    def _count_in(self, traced: Traced) -> None:
        digest = bytes.fromhex(traced.key)
        if digest not in self._known:
            self._known.add(digest)
            self._courses.append(course(traced.data))

    def _count(self) -> Slices[None]:
        pictures, self._courses = self._courses, []
        tally = Tally.of(pictures)
        for index, picture in enumerate(pictures):
            tally.add(picture)
            if index % SLICE == SLICE - 1:
                yield
        self._works.append(tally.work())
