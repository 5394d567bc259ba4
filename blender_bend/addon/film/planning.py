"""Planning: what is missing of a film is found out part by part, and the first can be made before the last is known.

Of every frame little is kept: its key, and what is special about it, packed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from bpy.types import ImageStrip, Scene

from ...core.job.frames import BLOCK, Frames
from ...core.job.job import Frame, Job
from ...core.job.resolve import Tracer
from ...core.job.resolved import Source
from ...core.resources.ways import Choice, way_of
from ..host import preferences
from ..host.slices import Slices
from ..process import automatic
from ..timeline import strips
from .bringing import Inputs
from .plans import Gathered, Plan
from .searching import SLICE, Part, Search, trace
from .showing import Asked
from .snapshot import Film
from .stored import Stored

#: So many frames are looked for, at least, before the engine begins with what is missing of them.
FIRST = BLOCK

#: Parts of a film, and None for a pause. They are short: of little that lives for a moment there is nothing to be
#: collected as garbage, which would take longer than a slice.
Parts = Iterator[list[Frame] | None]


def plan(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None, pressed: bool = True) -> Slices[Plan]:
    """Find out what is missing, in slices: a caller with a window comes back to it between two slices.

    Parameters
    ----------
    frames : frame numbers of the timeline; None means all that the strip shows
    pressed : whether a person has asked for it; if not, only the frame folder of the preferences is looked at, and
        nothing is brought along from the one that the strip names

    Raises
    ------
    BendError for what cannot be rendered
    """
    return (yield from _Planning(scene, strip, frames, pressed).plan())


def begin(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None) -> Slices[Plan]:
    """The same for a button, up to the first part of which something is missing; ``Plan.rest`` plans the others.

    Where frames start from the one before, where drivers move them, or where it takes all of them to choose the way in
    which they are made, there are no others.
    """
    return (yield from _Planning(scene, strip, frames, pressed=True).plan(early=True))


class _Planning:
    """The planning of one film; parameters as those of ``plan``."""

    def __init__(self, scene: Scene, strip: ImageStrip, frames: Sequence[int] | None, pressed: bool) -> None:
        settings, store = strip.bend_settings, preferences.frame_folder()
        self._names, self._model, self._made = (scene.name, strip.name), settings.model, settings.made
        self._former = strips.former_folders(strip, store) if pressed else []
        self._brings = pressed or not strips.shows_elsewhere(strip, store)
        self._whole = frames is None
        numbers: Sequence[int] = strips.frame_range(strip) if frames is None else sorted(set(frames))
        self._wanted: Collection[int] = numbers if isinstance(numbers, range) else frozenset(numbers)
        self._chained = settings.source == "previous" and bool(numbers)
        if self._chained:  # it begins at the strip's first element, so that trimming and splitting change no picture
            numbers = range(strips.element_range(strip).start, numbers[-1] + 1)
        # All of the strip is read here, and what it is compared with must be of the same moment.
        self._film = Film(scene, strip, numbers)
        self._asked = Asked(scene, strip)
        self._stored = Stored(store, len(numbers))
        self._taken, self._known = Frames(), set[bytes]()

    def plan(self, early: bool = False) -> Slices[Plan]:
        """What is missing.

        Parameters
        ----------
        early : whether to stop at the first part of which something is, where that can be
        """
        yield from self._film.find_sound()
        yield from self._stored.look()
        job = self._film.job
        choice = automatic.choice(job, self._made)
        self._asked.are(job, self._taken)
        self._inputs = Inputs(self._stored.store, self._former, job.size)
        if self._chained:
            return (yield from self._plan_chain(job, choice))
        undecided = self._whole and choice.fresh != way_of(job)
        search = Search(job, choice.good, self._stored, self._former)
        early &= not self._asked.driven  # to be played while a person works
        planned = yield from self._plan(job, search, self._parts(), early and not undecided)
        if undecided and not planned.there:
            job, self._known = choice.fresh.of(job), set()
            search = Search(job, (), self._stored, self._former)
            planned = yield from self._plan(job, search, self._taken_parts(), early)
        return planned

    def _plan(self, job: Job, search: Search, parts: Parts, early: bool = False) -> Slices[Plan]:
        """What is missing of parts, or of the first of them of which something is."""
        gathered = Gathered(self._wanted, self._known)
        for frames in parts:
            if frames is None:
                yield
                continue
            yield from self._gather(gathered, (yield from search.look(frames)))
            known, unknown = len(gathered.keys), len(self._wanted) - len(gathered.keys)
            if early and gathered.missing and unknown and known >= FIRST:
                return (yield from self._planned(job, gathered, self._plan(job, search, parts), unknown))
        return (yield from self._planned(job, gathered))

    def _gather(self, gathered: Gathered, part: Part) -> Slices[None]:
        if self._brings:
            frames = [traced.frame for traced in part.traced if traced.frame.number in part.lacking]
            yield from self._inputs.ensure(frames)
        yield from gathered.add(part)

    def _planned(
        self, job: Job, gathered: Gathered, rest: Slices[Plan] | None = None, unknown: int = 0
    ) -> Slices[Plan]:
        work = yield from gathered.work()
        return Plan(
            *self._names,
            replace(job, frames=gathered.frames),
            self._stored.store,
            gathered.keys,
            gathered.there,
            gathered.missing,
            work,
            self._asked,
            self._model,
            rest,
            unknown,
        )

    def _plan_chain(self, job: Job, choice: Choice) -> Slices[Plan]:
        """What is missing of a chain: where one link is made in another way, all behind it are other frames."""
        links = yield from self._look_along(job, self._parts())
        for good in choice.good if links.lacking else ():
            others = yield from self._look_along(good.of(job), self._taken_parts())
            if len(others.lacking) < len(links.lacking):
                job, links = good.of(job), others
        if self._whole and len(links.lacking) == len(self._taken) and choice.fresh != way_of(job):
            job = choice.fresh.of(job)
            links = yield from self._look_along(job, self._taken_parts())
        needed = yield from links.leading(self._taken.numbers, self._wanted)
        gathered, tracer = Gathered(self._wanted, self._known), Tracer(job)
        for frames in self._taken_parts():
            yield
            if frames is not None:
                yield from self._gather(gathered, Part((yield from trace(tracer, frames)), needed))
        return (yield from self._planned(job, gathered))

    def _look_along(self, job: Job, parts: Parts) -> Slices[_Links]:
        """What no store has of a chain in one way."""
        search, links = Search(job, (), self._stored, self._former), _Links()
        for frames in parts:
            yield
            if frames is not None:
                links.add((yield from search.look(frames)))
        return links

    def _parts(self) -> Parts:
        """The frames as the film gives them; they are taken note of."""
        for some in self._film.frames():
            for frame in some or ():
                self._taken.append(frame)
            yield some

    def _taken_parts(self) -> Parts:
        """The frames once more."""
        frames = iter(self._taken)
        while some := list(islice(frames, SLICE)):
            yield some


def _is_matched(source: Source | None) -> bool:
    return source is not None and "previous" in source and source["colour"] is not None


@dataclass
class _Links:
    """The links of a chain that are missing, and those whose colors are matched to the first one's."""

    lacking: set[int] = field(default_factory=set)
    matched: set[int] = field(default_factory=set)

    def add(self, part: Part) -> None:
        """Take note of the next ones."""
        self.lacking.update(part.lacking)
        sources = {traced.frame.number: traced.data["source"] for traced in part.traced}
        self.matched.update(number for number, source in sources.items() if _is_matched(source))

    def leading(self, numbers: Sequence[int], asked: Collection[int]) -> Slices[set[int]]:
        """The links that must be rendered: those asked for, and those that lead to them."""
        needed, leads = set[int](), False
        for index, number in enumerate(reversed(numbers)):
            leads = number in self.lacking and (leads or number in asked)
            if leads:
                needed.add(number)
            if index % FIRST == 0:
                yield
        if numbers[0] in self.lacking and needed & self.matched:
            needed.add(numbers[0])
        return needed
