"""Planning: what is missing of a film is found out part by part, and the first can be made before the last is known.

Of every frame little is kept: its key, and what is special about it, packed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain, islice

from bpy.types import ImageStrip, Scene

from ...core.catalogue.strip import StartsFrom
from ...core.job.frame_keys import FrameKeys
from ...core.job.frames import BLOCK, Frames
from ...core.job.job import Job
from ...core.resources.ways import Choice, Way, telling, way_of
from ..host import preferences
from ..host.slices import Slices
from ..process import automatic
from ..timeline import strips
from ..timeline.timing import Placement
from .bringing import Inputs
from .links import Links
from .plans import Gathered, Plan
from .searching import SLICE, Part, Parts, Search, Takes
from .showing import Asked
from .snapshot import Film
from .stored import Stored

#: So many frames are looked for, at least, before the engine begins with what is missing of them.
FIRST = BLOCK


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

    Where it takes all frames to choose the way in which they are made, all are looked for before that.
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
        placed = Placement.of(strip)
        numbers: Sequence[int] = placed.frames if frames is None else sorted(set(frames))
        self._wanted: Collection[int] = numbers if isinstance(numbers, range) else frozenset(numbers)
        self._chained = settings.source == StartsFrom.PREVIOUS and bool(numbers)
        if self._chained:  # it begins at the strip's first element, so that trimming and splitting change no picture
            numbers = range(placed.start, numbers[-1] + 1)
        # All of the strip is read here, and what it is compared with must be of the same moment.
        self._film = Film(scene, strip, placed, numbers)
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
            return (yield from self._plan_chain(job, choice, early))
        undecided = self._whole and choice.fresh != way_of(job)
        if undecided and self._has_nothing():
            job, undecided = choice.fresh.of(job), False
        search = Search(job, choice.good, self._stored, self._former)
        planned = yield from self._plan(job, search.parts(self._takes()), early, undecided)
        if undecided and not planned.there:
            job, self._known = choice.fresh.of(job), set()
            search = Search(job, (), self._stored, self._former)
            planned = yield from self._plan(job, search.parts(self._taken_again()), early)
        return planned

    def _has_nothing(self) -> bool:
        """Whether no frame can be there, whatever it is."""
        return self._stored.is_empty and not self._former

    def _plan(self, job: Job, parts: Parts, early: bool = False, undecided: bool = False) -> Slices[Plan]:
        """What is missing of parts, or of the first of them of which something is.

        Parameters
        ----------
        undecided : whether all frames are made in another way unless one of them is there
        """
        gathered = Gathered(self._wanted, self._known)
        for part in parts:
            if part is None:
                yield
                continue
            yield from self._gather(gathered, part)
            known, missing, unknown = len(gathered.keys), gathered.missing, len(self._wanted) - len(gathered.keys)
            decided = not undecided or gathered.there
            if early and decided and missing and unknown and max(known, len(missing)) >= FIRST:
                return (yield from self._planned(job, gathered, self._plan(job, parts), unknown))
        return (yield from self._planned(job, gathered))

    def _gather(self, gathered: Gathered, part: Part) -> Slices[None]:
        if self._brings:
            frames = [traced.frame for traced in part.traced if traced.frame.number in part.lacking]
            yield from self._inputs.ensure(frames if part.anchor is None else [part.anchor.frame, *frames])
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
            self._again if self._chained else None,
        )

    def _again(self, way: Way) -> Slices[Plan]:
        """All of a chain in another way. All frames have been taken by now, and some may have come since."""
        job, self._known = way.of(self._film.job), set()
        yield from self._stored.look()
        links = Links(job, self._stored, self._former, self._wanted)
        return (yield from self._plan(job, links.parts(self._taken_again())))

    def _plan_chain(self, job: Job, choice: Choice, early: bool) -> Slices[Plan]:
        """What is missing of a chain: where one link is made in another way, all behind it are other frames."""
        takes, own = self._takes(), telling(way_of(job), job)
        fresh = choice.fresh.of(job) if self._whole and telling(choice.fresh, job) != own else job
        others = [way.of(job) for way in choice.good if telling(way, job) != own]
        known = FrameKeys()
        if self._has_nothing():
            job = fresh
        elif others or fresh is not job:
            job, known = yield from self._decided(job, others, fresh, takes)
            takes = chain(self._taken_again(), takes)
        links = Links(job, self._stored, self._former, self._wanted, known)
        return (yield from self._plan(job, links.parts(takes), early))

    def _decided(self, job: Job, others: Sequence[Job], fresh: Job, takes: Takes) -> Slices[tuple[Job, FrameKeys]]:
        """A chain in the way in which most of its links are there, with the keys that are known; else a fresh one."""
        most, known = yield from self._there(job, takes, 1 if not others else None)
        there = job
        for other in others if most < len(self._taken) else ():
            more, keys = yield from self._there(other, chain(self._taken_again(), takes))
            if more > most:
                there, most, known = other, more, keys
        return (there, known) if most or fresh is job else (fresh, FrameKeys())

    def _there(self, job: Job, takes: Takes, enough: int | None = None) -> Slices[tuple[int, FrameKeys]]:
        """How many frames of a job are there, and the keys; no more are looked for than are enough."""
        there, keys = 0, FrameKeys()
        for part in Search(job, (), self._stored, self._former).parts(takes):
            for traced in part.traced if part else ():
                keys.append(traced.frame.number, traced.key)
            there += len(part.traced) - len(part.lacking) if part else 0
            if enough is not None and there >= enough:
                break
            yield
        return there, keys

    def _takes(self) -> Takes:
        """The frames as the film gives them; they are taken note of."""
        for some in self._film.frames():
            for frame in some or ():
                self._taken.append(frame)
            yield some

    def _taken_again(self) -> Takes:
        """The frames once more."""
        frames = iter(self._taken)
        while some := list(islice(frames, SLICE)):
            yield some
