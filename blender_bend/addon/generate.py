"""Generate: from a job to frames in the store and on the strip, piece by piece so that the window never waits."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
from bpy.types import ImageStrip, Scene

from ..core import messages
from ..core.errors import BendError, Code, store_unwritable
from ..core.files import patiently
from ..core.job import Job
from ..core.plan import Tally, Work, branchings
from ..core.resolve import Traced, file_name, trace
from . import (
    activity,
    batches,
    bringing,
    engine_client,
    hearing,
    named_files,
    preferences,
    snapshot,
    strips,
)
from .engine_request import Request
from .slices import Slices, at_once

#: Frames whose keys are computed without a pause; a slice takes a few milliseconds.
SLICE = 10


@dataclass(frozen=True)
class Plan:
    """What is to be done for a bend strip.

    Parameters
    ----------
    job : the frames that are to be rendered, and what makes them
    keys : the frame keys of the frames that were asked for, by number
    missing : the numbers of the frames that are to be rendered; in a chain also those that lead to the ones asked for
    work : how much the missing frames are
    """

    scene: str
    strip: str
    job: Job
    store: Path
    keys: dict[int, str]
    missing: list[int]
    work: Work

    def show(self, ready: Mapping[int, str]) -> None:
        """Let the strip show frames that are in the store, by number and key; a strip that is gone shows nothing."""
        strip = strips.find(self.scene, self.strip)
        if strip is not None:
            strips.show(strip, self.store, ready, self.job.size)

    def show_ready(self) -> None:
        """Let the strip show every frame that the plan found in the store."""
        missing = set(self.missing)
        self.show({number: key for number, key in self.keys.items() if number not in missing})


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
    shown_until_now = Path(bpy.path.abspath(strip.directory)) if strips.shows_elsewhere(strip, store) else None
    wanted = list(strips.frame_range(strip) if frames is None else frames)
    chained = strip.bend_settings.source == "previous" and bool(wanted)
    # A chain begins at the strip's first element, so that trimming and splitting change no picture.
    leading = range(strips.element_range(strip).start, max(wanted) + 1) if chained else wanted
    job = yield from snapshot.take_in_slices(scene, strip, leading)
    way = yield from _trace(job)
    names = {traced.frame.number: traced.key for traced in way}
    missing = missing_frames(store, names)
    if missing and shown_until_now is not None and pressed:
        yield from bringing.frames(shown_until_now, store, {names[number] for number in missing}, job.size)
        missing = missing_frames(store, names)
    batch = batches.fitting(job)
    if missing and batch < job.batch and not chained:
        # Frames that were made before memory ran out are as good: they stay.
        job, lacking = replace(job, batch=batch), set(missing)
        frames = tuple(traced.frame for traced in way if traced.frame.number in lacking)
        others = yield from _trace(replace(job, frames=frames))
        names |= {traced.frame.number: traced.key for traced in others}
        way = [traced for traced in way if traced.frame.number not in lacking] + others
        missing = missing_frames(store, names)
    asked, lacking = set(wanted), set(missing)
    needed = _links(way, lacking, asked) if chained else [t for t in way if t.frame.number in lacking]
    if pressed or shown_until_now is None:
        yield from bringing.ensure_inputs(store, shown_until_now, needed, job.size)
    work = yield from _measure(needed)
    return Plan(
        scene_name,
        strip_name,
        replace(job, frames=tuple(traced.frame for traced in needed)),
        store,
        {number: key for number, key in names.items() if number in asked},
        [traced.frame.number for traced in needed],
        work,
    )


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
    """Listen to the sound first if the pictures hear it, then plan.

    Raises
    ------
    BendError for what cannot be heard or rendered
    """
    scene_name, strip_name = scene.name, strip.name
    yield from hearing.ensure_in_slices(scene, strip)
    found = strips.find(scene_name, strip_name)
    if found is None:
        raise BendError(Code.STRIP_MISSING, f"The bend strip '{strip_name}' is gone.")
    return (yield from plan(found.id_data, found, frames))


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
    tally = Tally(branchings(different))
    for index, data in enumerate(different):
        tally.add(data)
        if index % SLICE == SLICE - 1:
            yield
    return tally.work(len(needed))


class Generation:
    """One run of the engine over what a plan found missing.

    Raises
    ------
    BendError if frames are missing and there is no engine, or if the store cannot be written
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.done = 0
        self.phase = ""
        self.rendered = 0
        self._began = 0.0
        self.request: Request | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        plan.show_ready()
        if plan.missing:
            self._start()

    def _start(self) -> None:
        client = engine_client.client()
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="bend-", ignore_cleanup_errors=True)
            path = Path(self._folder.name) / "job.json"
            path.write_text(self.plan.job.to_json(), encoding="utf-8")
        except OSError as error:
            raise store_unwritable(Path(tempfile.gettempdir()), error) from error
        self.request = client.request(messages.RENDER, job=str(path), store=str(self.plan.store))

    @property
    def total(self) -> int:
        """How many frames were missing at the start."""
        return len(self.plan.missing)

    @property
    def running(self) -> bool:
        """Whether the engine is still at work."""
        return self.request is not None and not self.request.ended

    def update(self) -> None:
        """Take in what the engine has done since the last time; never waits."""
        if self.request:
            self._take_in(self.request.poll())

    def wait(self, progress: Callable[[Generation], None] = lambda _: None) -> None:
        """Wait until the end.

        Raises
        ------
        BendError with what the engine said
        """
        while self.running:
            assert self.request is not None
            message = self.request.wait()
            if message:
                self._take_in([message])
                progress(self)
        self.finish()

    def _take_in(self, news: list[messages.Message]) -> None:
        arrived = {message.data["number"]: message.data["key"] for message in news if message.type == messages.FRAME}
        for message in news:
            if message.type == messages.PHASE:
                self.phase = str(message.data["text"])
                self._began = time.monotonic()  # the last phase is the rendering itself
            elif message.type == messages.DONE:
                self.rendered = int(message.data["rendered"])
                batches.learn(self.plan.job, int(message.data["batch"]))
                if self._began and self.rendered and self.plan.work.states:
                    activity.seconds_per_state = (time.monotonic() - self._began) / self.plan.work.states
        if arrived:
            self.done += len(arrived)
            self.plan.show(arrived)

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
        there = patiently(lambda: {entry.name for entry in store.iterdir()}) if len(keys) > 16 else None
    except OSError:
        there = set()
    return [
        number
        for number, key in keys.items()
        if (file_name(key) not in there if there is not None else not (store / file_name(key)).is_file())
    ]


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
    generation = Generation(planned)
    generation.wait(progress)
    return generation
