"""Generate: from a job to frames in the store and on the strip, piece by piece so that the window never waits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import bpy
from bpy.types import ImageStrip, Scene

from ..core import messages
from ..core.errors import store_unwritable
from ..core.files import replacing
from ..core.job import Job
from ..core.resolve import file_name, trace
from . import engine_client, preferences, snapshot, strips

#: Frames whose keys are computed without a pause; a slice takes a few milliseconds.
SLICE = 50

Result = TypeVar("Result")
Slices = Generator[None, None, Result]


@dataclass(frozen=True)
class Plan:
    """What is to be done for a bend strip: its job, and which frames the store does not have."""

    scene: str
    strip: str
    job: Job
    store: Path
    keys: dict[int, str]
    missing: list[int]

    def show(self, ready: Mapping[int, str]) -> None:
        """Let the strip show frames that are in the store, by number and key; a strip that is gone shows nothing."""
        strip = strips.find(self.scene, self.strip)
        if strip is not None:
            strips.show(strip, self.store, ready, self.job.size)

    def show_ready(self) -> None:
        """Let the strip show every frame that the plan found in the store."""
        missing = set(self.missing)
        self.show({number: key for number, key in self.keys.items() if number not in missing})


def plan(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None) -> Slices[Plan]:
    """Find out what is missing, in slices: a caller with a window comes back to it between two slices.

    Parameters
    ----------
    frames : frame numbers of the timeline; None means all that the strip shows

    Raises
    ------
    BendError for what cannot be rendered
    """
    scene_name, strip_name, store = scene.name, strip.name, preferences.frame_folder()
    shown_until_now = Path(bpy.path.abspath(strip.directory))
    job = snapshot.take(scene, strip, frames)
    keys: dict[int, str] = {}
    for index, traced in enumerate(trace(job)):
        keys[traced.frame.number] = traced.key
        if index % SLICE == SLICE - 1:
            yield
    missing = missing_frames(store, keys)
    if missing and shown_until_now != store:
        yield from _bring_along(shown_until_now, store, {file_name(keys[number]) for number in missing})
        missing = missing_frames(store, keys)
    return Plan(scene_name, strip_name, job, store, keys, missing)


def _bring_along(old: Path, new: Path, names: set[str]) -> Slices[None]:
    """Copy frames from the store that the strip used until now: the file was saved, or saved somewhere else.

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    try:
        for name in names:
            if (old / name).is_file():
                new.mkdir(parents=True, exist_ok=True)
                with replacing(new / name) as file:
                    file.write((old / name).read_bytes())
                yield
    except OSError as error:
        raise store_unwritable(new, error) from error


def at_once(slices: Slices[Result]) -> Result:
    """Carry out slices without a pause."""
    while True:
        try:
            next(slices)
        except StopIteration as done:
            return done.value


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
        self.request: engine_client.Request | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        plan.show_ready()
        if plan.missing:
            self._start()

    def _start(self) -> None:
        client = engine_client.client()
        self._folder = tempfile.TemporaryDirectory(prefix="bend-", ignore_cleanup_errors=True)
        path = Path(self._folder.name) / "job.json"
        missing = set(self.plan.missing)
        job = replace(self.plan.job, frames=tuple(frame for frame in self.plan.job.frames if frame.number in missing))
        path.write_text(job.to_json(), encoding="utf-8")
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
            elif message.type == messages.DONE:
                self.rendered = int(message.data["rendered"])
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
        there = {entry.name for entry in store.iterdir()} if len(keys) > 16 else None
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
    generation = Generation(at_once(plan(scene, strip, frames)))
    generation.wait(progress)
    return generation
