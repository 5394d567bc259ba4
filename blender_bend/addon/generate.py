"""Generate: from a job to frames in the store and on the strip, piece by piece so that the window never waits."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
from bpy.types import ImageStrip, Scene

from ..core import file_hashes, messages, ways
from ..core.errors import BendError, store_unwritable
from ..core.files import patiently
from ..core.frames import Frames
from ..core.job import Job
from ..core.plan import Tally, Work, branchings
from ..core.resolve import Traced, file_name, trace
from ..core.tiling import WHOLE
from ..core.ways import Way, way_of
from . import (
    activity,
    anchor,
    automatic,
    batches,
    bringing,
    engine_client,
    hearing,
    named_files,
    preferences,
    prompt_notices,
    reading,
    snapshot,
    strips,
)
from .engine_request import Request
from .showing import Asked
from .slices import Slices, at_once

#: Frames whose keys are computed without a pause; a slice takes a few milliseconds.
SLICE = 10
#: How long showing frames may hold the window at a time.
SHOWING_SECONDS = 0.01
#: Frames of which it is found out without a pause where they part.
BRANCHING = 500


@dataclass(frozen=True)
class Plan:
    """What is to be done for a bend strip.

    Parameters
    ----------
    job : the frames that are to be rendered, and what makes them
    keys : the frame keys of the frames that were asked for, by number
    missing : the numbers of the frames that are to be rendered; in a chain also those that lead to the ones asked for
    work : how much the missing frames are
    asked : what the strip asked for, to be compared before it shows anything
    model : the model's name as the strip had it
    """

    scene: str
    strip: str
    job: Job
    store: Path
    keys: dict[int, str]
    missing: list[int]
    work: Work
    asked: Asked
    model: str = ""

    def show(self, ready: Mapping[int, str]) -> Slices[None]:
        """Let the strip show frames that are in the store, by number and key, as long as it asks for them."""
        return self.asked.show(self.store, ready, self.job.size)

    def remember(self, way: Way) -> None:
        """Let the strip remember in which way its frames are made, so that they stay wherever the file is opened."""
        try:
            settings = self.asked.anchor.find().bend_settings
        except BendError:
            return  # it is gone, or its frames are others by now
        text = ways.remember(settings.made, way)
        if text != settings.made:
            settings.made = text

    def ready(self) -> dict[int, str]:
        """The keys of the frames that the plan found in the store, by number."""
        missing = set(self.missing)
        return {number: key for number, key in self.keys.items() if number not in missing}

    def show_ready(self) -> Slices[None]:
        """Let the strip show every frame that the plan found in the store."""
        return self.show(self.ready())


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
    scene_name, strip_name, store = scene.name, strip.name, preferences.frame_folder()
    model = strip.bend_settings.model
    former = strips.former_folders(strip, store) if pressed else []
    elsewhere = strips.shows_elsewhere(strip, store)
    wanted = list(strips.frame_range(strip) if frames is None else frames)
    chained = strip.bend_settings.source == "previous" and bool(wanted)
    made = strip.bend_settings.made
    # A chain begins at the strip's first element, so that trimming and splitting change no picture.
    leading = range(strips.element_range(strip).start, max(wanted) + 1) if chained else wanted
    taking = snapshot.take_in_slices(scene, strip, leading)
    next(taking)  # all of the strip is read here, and what it is compared with must be of the same moment
    asked = Asked(scene, strip)
    job = yield from taking
    asked.are(job)
    job, way, missing = yield from _found_or_made(job, made, store, former, frames is None)
    names = {traced.frame.number: traced.key for traced in way}
    chosen, lacking = set(wanted), set(missing)
    needed = _links(way, lacking, chosen) if chained else [t for t in way if t.frame.number in lacking]
    if pressed or not elsewhere:
        yield from bringing.ensure_inputs(store, former, needed, job.size)
    work = yield from _measure(needed)
    packed = yield from _pack(needed)
    return Plan(
        scene_name,
        strip_name,
        replace(job, frames=packed),
        store,
        {number: key for number, key in names.items() if number in chosen},
        [traced.frame.number for traced in needed],
        work,
        asked,
        model,
    )


def _found_or_made(
    job: Job, made: str, store: Path, former: Sequence[Path], whole: bool
) -> Slices[tuple[Job, list[Traced], list[int]]]:
    """The frames of a job, each in the way in which it is there, or else is to be made; and those that are missing.

    Frames that were made in another way, on another machine or before memory ran out, are as good: they stay.

    Parameters
    ----------
    made : what the strip remembers of its ways
    former : the stores that the strip used until now, from which frames are brought along
    whole : whether these are all frames of the strip; if none of them is there, the ways are chosen anew
    """
    chosen = automatic.choice(job, made)
    way, missing = yield from _look(job, store, former)
    if job.source == "previous":  # where one link differs, all after it do
        for good in chosen.good if missing else ():
            other, lacking = yield from _look(good.of(job), store, former)
            if len(lacking) < len(missing):
                job, way, missing = good.of(job), other, lacking
    else:
        for good in chosen.good:
            if not missing:
                break
            sought = set(missing)
            frames = tuple(traced.frame for traced in way if traced.frame.number in sought)
            others, lacking = yield from _look(replace(good.of(job), frames=frames), store, former)
            found = {traced.frame.number: traced for traced in others if traced.frame.number not in set(lacking)}
            way = [found.get(traced.frame.number, traced) for traced in way]
            missing = [number for number in missing if number not in found]
    if whole and len(missing) == len(way) and chosen.fresh != way_of(job):
        job = chosen.fresh.of(job)
        way, missing = yield from _look(job, store, former)
    return job, way, missing


def _look(job: Job, store: Path, former: Sequence[Path]) -> Slices[tuple[list[Traced], list[int]]]:
    """The frames of a job with their keys, and the numbers of those that no store has."""
    way = yield from _trace(job)
    names = {traced.frame.number: traced.key for traced in way}
    missing = missing_frames(store, names)
    for folder in former if missing else ():
        yield from bringing.frames(folder, store, {names[number] for number in missing}, job.size)
        missing = missing_frames(store, {number: names[number] for number in missing})
    return way, missing


def _trace(job: Job) -> Slices[list[Traced]]:
    """The frames of a job with their keys."""
    way: list[Traced] = []
    for index, traced in enumerate(trace(job)):
        way.append(traced)
        if index % SLICE == SLICE - 1:
            yield
    yield
    return way


def prepare(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None) -> Slices[Plan]:
    """Read the model's files if they never were, listen to the sound if the pictures hear it, then plan.

    Raises
    ------
    BendError for what cannot be read, heard or rendered
    """
    number, name = scene.session_uid, strip.name
    return (yield from reading.once_read(lambda: _prepare(number, name, frames), activity.say))


def _prepare(number: int, name: str, frames: Sequence[int] | None) -> Slices[Plan]:
    found = anchor.named(number, name)
    yield from hearing.ensure_in_slices(found.id_data, found)
    found = anchor.named(number, name)
    planned = yield from plan(found.id_data, found, frames)
    if planned.missing and automatic.uncertain():  # what is there needs no engine
        yield from automatic.ask_in_slices()
        again = anchor.named(number, name)
        planned = yield from plan(again.id_data, again, frames)
    yield from planned.show_ready()
    return planned


def _links(way: Sequence[Traced], lacking: Collection[int], asked: Collection[int]) -> list[Traced]:
    """The frames of a chain that must be rendered: those asked for, and those that lead to them."""
    needed: list[Traced] = []
    leads = False
    for traced in reversed(way):
        leads = traced.frame.number in lacking and (leads or traced.frame.number in asked)
        if leads:
            needed.append(traced)
    needed.reverse()
    matched = any(traced.data["source"] and traced.data["source"]["colour"] for traced in needed)
    if matched and needed[0] is not way[0] and way[0].frame.number in lacking:
        needed.insert(0, way[0])  # whose colours the others are matched to
    return needed


def _measure(needed: Sequence[Traced]) -> Slices[Work]:
    """How much work it is to render frames; equal ones count once."""
    different = list({traced.key: traced.data for traced in needed}.values())
    yield
    steps: set[int] = set()
    for begin in range(0, len(different), BRANCHING):
        steps.update(branchings(different[begin : begin + BRANCHING]))
        yield
    tally = Tally(sorted(steps))
    for index, data in enumerate(different):
        tally.add(data)
        if index % SLICE == SLICE - 1:
            yield
    return tally.work(len(needed))


def _pack(needed: Sequence[Traced]) -> Slices[Frames]:
    """The frames of a job, ready to be written."""
    packed = Frames()
    for index, traced in enumerate(needed):
        packed.append(traced.frame)
        if index % SLICE == SLICE - 1:
            yield
    return packed


class Generation:
    """One run of the engine over what a plan found missing.

    Parameters
    ----------
    urgent : whether it comes before whatever the engine is at, which goes on afterwards

    Raises
    ------
    BendError if frames are missing and there is no engine, or if the store cannot be written
    """

    def __init__(self, plan: Plan, urgent: bool = False) -> None:
        self.plan = plan
        self._urgent = urgent
        self.done = 0
        self.phase = ""
        self.rendered = 0
        self._began = 0.0
        self.request: Request | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        #: The keys of all frames that are there, and of those of them that are still to be shown.
        self._there = plan.ready()
        self._arrived: dict[int, str] = {}
        self._waited_for = self._over = False
        at_once(plan.show_ready())
        if plan.missing:
            plan.remember(way_of(plan.job))
            self._start()
        self._showing = self._show()

    def _start(self) -> None:
        client = engine_client.client()
        prompt_notices.keep(self.plan.scene, self.plan.strip, self.plan.model, ())
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="bend-", ignore_cleanup_errors=True)
            path = Path(self._folder.name) / "job.json"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(self.plan.job.pieces())
        except OSError as error:
            raise store_unwritable(Path(tempfile.gettempdir()), error) from error
        self.request = client.request(messages.RENDER, job=str(path), store=str(self.plan.store), urgent=self._urgent)

    @property
    def total(self) -> int:
        """How many frames were missing at the start."""
        return len(self.plan.missing)

    @property
    def running(self) -> bool:
        """Whether the engine is still at work, or frames are still to be shown."""
        return self.request is not None and not self._over

    @property
    def _working(self) -> bool:
        return self.request is not None and not self.request.ended

    def update(self) -> None:
        """Take in what the engine has done since the last time; never waits."""
        if self.request:
            self._take_in(self.request.poll())
            self._show_on(time.monotonic() + SHOWING_SECONDS)

    def wait(self, progress: Callable[[Generation], None] = lambda _: None) -> None:
        """Wait until the end.

        Raises
        ------
        BendError with what the engine said
        """
        self._waited_for = True
        while self._working:
            assert self.request is not None
            message = self.request.wait()
            if message:
                self._take_in([message])
                self._show_on(math.inf)
                progress(self)
        self._show_on(math.inf)
        self.finish()

    def _show_on(self, until: float) -> None:
        """Go on showing frames while there are some, and time."""
        while not self._over:
            self._over = next(self._showing, True) is True
            if time.monotonic() >= until or (self._working and not self._may_show()):
                return

    def _may_show(self) -> bool:
        """Whether frames have come, and can be shown now: not below a render's hands, nor by playing what is driven."""
        free = self._waited_for or not bpy.app.is_job_running("RENDER")
        return bool(self._arrived) and free and not self.plan.asked.driven

    def _show(self) -> Slices[None]:
        """Show frames as they come, and at the end all that are there: an undo may have taken some away."""
        while self._working:
            some = sorted(self._arrived)[:SLICE] if self._may_show() else []
            yield from self.plan.show({number: self._arrived.pop(number) for number in some})
            yield
        lacking = {number: key for number, key in self.plan.keys.items() if number not in self._there}
        gone = set(missing_frames(self.plan.store, lacking))  # a render may have made the others meanwhile
        yield from self.plan.show(self._there | {n: key for n, key in lacking.items() if n not in gone})

    def _take_in(self, news: list[messages.Message]) -> None:
        arrived = {message.data["number"]: message.data["key"] for message in news if message.type == messages.FRAME}
        for message in news:
            if message.type == messages.PHASE:
                self.phase = str(message.data["text"])
                self._began = time.monotonic()  # the last phase is the rendering itself
            elif message.type == messages.NOTICES:
                prompt_notices.keep(self.plan.scene, self.plan.strip, self.plan.model, message.data["notices"])
                activity.redraw()
            elif message.type == messages.DONE:
                self.rendered = int(message.data["rendered"])
                decode = str(message.data.get("decode", WHOLE))
                batches.learn(self.plan.job, int(message.data["batch"]), decode)
                self.plan.remember(replace(way_of(self.plan.job), batch=int(message.data["batch"]), decode=decode))
                if self._began and self.rendered and self.plan.work.states:
                    activity.seconds_per_state = (time.monotonic() - self._began) / self.plan.work.states
        self.done += len(arrived)
        self._arrived |= arrived
        self._there |= arrived

    def cancel(self) -> None:
        """Stop within one denoising step; finished frames stay."""
        if self.request:
            self.request.cancel()

    def finish(self) -> None:
        """Clean up after the end.

        Raises
        ------
        BendError with what the engine said, CANCELLED included
        """
        try:
            if self.request:
                self.request.result()
        finally:
            if self._folder:
                self._folder.cleanup()


def missing_frames(store: Path, keys: dict[int, str]) -> list[int]:
    """The frames that the store does not have."""
    try:
        there = patiently(lambda: set(os.listdir(store))) if len(keys) > 16 else None
    except OSError:
        there = set()
    return [
        number
        for number, key in keys.items()
        if (file_name(key) not in there if there is not None else not (store / file_name(key)).is_file())
    ]


@file_hashes.reading_here()
def fill_store(
    scene: Scene,
    strip: ImageStrip,
    frames: Sequence[int] | None = None,
    progress: Callable[[Generation], None] = lambda _: None,
) -> Generation:
    """Generate and wait: for scripts, background mode and the render handler.

    Returns
    -------
    the finished generation; ``rendered`` counts the pictures made

    Raises
    ------
    BendError
    """
    hearing.ensure(scene, strip)
    with named_files.press():
        planned = at_once(plan(scene, strip, frames))
    if planned.missing and automatic.uncertain():
        automatic.ask()
        with named_files.press():
            planned = at_once(plan(scene, strip, frames))
    generation = Generation(planned, urgent=True)  # somebody waits: Blender within a render, or a script
    generation.wait(progress)
    return generation
