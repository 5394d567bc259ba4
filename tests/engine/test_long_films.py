"""Long films: a cancel is heard while they are planned, memory stays small, and slices change no pixel."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.job.resolve import Traced, trace
from blender_bend.core.job.resolved import Resolved
from blender_bend.core.process import messages
from blender_bend.core.process.messages import Message
from blender_bend.engine.process.server import Server
from blender_bend.engine.rendering.render import Progress, Renderer
from blender_bend.engine.store import missing as planning
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]


def film(frames: int, model: str = "m") -> Job:
    """A film in which every frame is another."""
    bends = (Bend("Turn", "rotate_channels", "latent", 0.2, 0.8), Bend("Grain", "add_noise", "unet:up_blocks.*", 0.5))
    made = tuple(
        Frame(number, (("a calm sea", 1.0),), ({"angle": number / 1000}, {"mix": 0.5, "amount": 0.3}))
        for number in range(frames)
    )
    return Job(model, "f" * 64, (64, 64), 8, 7.0, 1, "", bends, made)


def test_a_cancel_is_heard_while_frames_are_looked_for(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) == 4

    monkeypatch.setattr(store, "has", lambda key: True)
    with pytest.raises(BendError) as caught:
        Renderer("cpu").render(film(5000), store, phase=said.append, cancelled=cancelled)
    assert caught.value.code == Code.CANCELLED
    assert len(asked) == 4
    assert said == ["Looking for existing frames"]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of frames that have been resolved for planning, in their order."""
    numbers: list[int] = []
    trace = planning.trace

    def watched(job: Job) -> Iterator[Traced]:
        for one in trace(job):
            numbers.append(one.frame.number)
            yield one

    monkeypatch.setattr(planning, "trace", watched)
    return numbers


class Idle:
    """A sampler that makes gray pictures at once."""

    def __init__(self, on_begin: Callable[[], None] = lambda: None) -> None:
        self.on_begin = on_begin
        self.prompts = None

    def render_all(self, frames: dict[str, Resolved], finished: Callable[[str, Image.Image], None], *_: object) -> None:
        """Make a picture for every frame."""
        for key in frames:
            self.on_begin()
            finished(key, Image.new("RGB", (64, 64)))


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch, store: FrameStore) -> Idle:
    """A renderer's sampler, and a store, that do nothing: what is left is the planning."""
    sampler, made = Idle(), set()
    monkeypatch.setattr(Renderer, "sampler", lambda *_: sampler)
    monkeypatch.setattr("blender_bend.engine.rendering.render.notices", lambda *_: [])
    monkeypatch.setattr(store, "write", lambda key, *_: made.add(key))
    monkeypatch.setattr(store, "has", made.__contains__)
    return sampler


def test_the_first_frame_is_begun_after_one_part_was_traced_and_each_frame_is_traced_once(
    store: FrameStore, idle: Idle, traced: list[int]
) -> None:
    known: list[int] = []
    idle.on_begin = lambda: known.append(len(traced))
    summary = Renderer("cpu").render(film(5000), store)
    assert known[0] == planning.SLICE
    assert traced == list(range(5000))
    assert (summary.frames, summary.found, summary.rendered) == (5000, 0, 5000)


def test_frames_that_show_pictures_of_parts_before_are_reported_too(
    store: FrameStore, idle: Idle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "SLICE", 4)
    job = film(10)
    frames = tuple(replace(job.frames[number % 6], number=number) for number in range(30))
    seen: list[Progress] = []
    summary = Renderer("cpu").render(replace(job, frames=frames), store, progress=seen.append)
    assert sorted(progress.number for progress in seen) == list(range(30))
    assert [progress.done for progress in seen] == list(range(1, 31))
    assert (summary.frames, summary.found, summary.rendered) == (30, 0, 6)
    assert {progress.key for progress in seen} == {one.key for one in trace(job)} - {
        one.key for one in list(trace(job))[6:]
    }


def test_from_a_playhead_on_parts_come_from_rough_to_fine_and_nothing_is_done_twice(
    store: FrameStore, idle: Idle, traced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "SLICE", 20)
    job = film(50)
    shown_twice = replace(job.frames[3], number=2)
    job = replace(job, frames=(*job.frames[:2], shown_twice, *job.frames[3:]))
    seen: list[Progress] = []
    summary = Renderer("cpu").render(job, store, progress=seen.append, playhead=6)
    numbers = [progress.number for progress in seen]
    parts = numbers[:21], numbers[21:41], numbers[41:]
    assert parts[0] == [6, 14, 10, 18, 2, 3, 8, 12, 16, 20, 0, 4, 7, 9, 11, 13, 15, 17, 19, 1, 5]
    assert parts[1][:6] == [21, 29, 37, 25, 33, 23]  # the playhead is not among them, so from their first
    assert sorted(parts[1]) == list(range(21, 41)) and sorted(parts[2]) == list(range(41, 50))
    assert traced == list(range(50)) and summary.rendered == 49


def test_a_chain_comes_in_its_order_wherever_the_playhead_is(store: FrameStore, idle: Idle) -> None:
    seen: list[Progress] = []
    Renderer("cpu").render(replace(film(12), source="previous"), store, progress=seen.append, playhead=6)
    assert [progress.number for progress in seen] == list(range(12))


def test_what_is_found_later_lowers_the_total(store: FrameStore, idle: Idle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "SLICE", 4)
    job = film(12)
    for one in list(trace(job))[8:10]:
        store.write(one.key, Image.new("RGB", (64, 64)), one.data)
    seen: list[Progress] = []
    summary = Renderer("cpu").render(job, store, progress=seen.append)
    assert (summary.frames, summary.found, summary.rendered) == (12, 2, 10)
    assert [(progress.done, progress.total) for progress in seen][::9] == [(1, 12), (10, 10)]


def test_when_memory_runs_out_frames_of_later_parts_are_found_by_their_first_keys(
    store: FrameStore, idle: Idle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "SLICE", 4)
    job = replace(film(12), batch=4)
    for one in list(trace(job))[6:]:
        store.write(one.key, Image.new("RGB", (64, 64)), one.data)
    failures = iter([MemoryError()])

    def once() -> None:
        for failure in failures:
            raise failure

    idle.on_begin = once
    seen: list[Progress] = []
    summary = Renderer("cpu").render(job, store, progress=seen.append)
    assert (summary.found, summary.rendered, summary.batch) == (6, 6, 2)
    assert [progress.number for progress in seen] == list(range(6))


def test_a_film_of_100_000_frames_is_read_and_begun_with_less_than_150_megabytes(
    tmp_path: Path, store: FrameStore, idle: Idle
) -> None:
    """A fifth of it, with a fifth of the memory that grows with it."""
    path = tmp_path / "job.json"
    path.write_text(film(20_000).to_json(), encoding="utf-8")

    class Begun(Exception):
        pass

    def begin() -> None:
        raise Begun

    idle.on_begin = begin
    tracemalloc.start()
    try:
        with pytest.raises(Begun):
            Renderer("cpu").render(Job.read(path), store)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    a_part = 10e6
    assert a_part + (most - a_part) * 5 < 150e6


@pytest.mark.parametrize("batch", [1, 3])
def test_frames_planned_in_slices_are_the_same_files(
    make_job: MakeJob, renderer: Renderer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    angles = [0.0, 0.3, 0.6, 0.3, 0.9, 0.0, 1.2]
    job = make_job("sd15", [(Bend("Turn", "rotate_channels", "latent", 0.5), [{"angle": a} for a in angles])], 7)
    job = replace(job, batch=batch)
    whole, sliced = FrameStore(tmp_path / "whole"), FrameStore(tmp_path / "sliced")
    renderer.render(job, whole)
    monkeypatch.setattr(planning, "SLICE", 2)
    seen: list[Progress] = []
    summary = renderer.render(job, sliced, progress=seen.append)
    assert (summary.frames, summary.found, summary.rendered) == (7, 0, 5)
    assert sorted(progress.number for progress in seen) == [frame.number for frame in job.frames]
    assert [progress.done for progress in seen] == list(range(1, 8)) and {progress.total for progress in seen} == {7}
    assert {path.name: path.read_bytes() for path in whole.folder.iterdir()} == {
        path.name: path.read_bytes() for path in sliced.folder.iterdir()
    }


class Pipe:
    """What the engine writes."""

    def __init__(self, on_line: Callable[[Message], None]) -> None:
        self.on_line = on_line

    def write(self, line: bytes) -> int:
        """Take a line."""
        self.on_line(messages.decode(line))
        return len(line)


@pytest.mark.parametrize("phase", ["Reading the frames", "Looking for existing frames"])
def test_the_server_hears_a_cancel_in_every_phase_of_planning(tmp_path: Path, phase: str) -> None:
    job = tmp_path / "job.json"
    job.write_text(film(6000).to_json(), encoding="utf-8")
    answers: list[Message] = []

    def written(message: Message) -> None:
        answers.append(message)
        if message.type == messages.PHASE and message.data["text"] == phase:
            server.take(Message(messages.CANCEL, "r"))

    server = Server(None, Pipe(written), "cpu", tmp_path)  # type: ignore[arg-type]
    server.take(Message(messages.RENDER, "r", {"job": str(job), "store": str(tmp_path / "store")}))
    server.answer_next()
    assert answers[-1].type == messages.CANCELLED
    assert [message.data["text"] for message in answers if message.type == messages.PHASE][-1] == phase


def test_a_heartbeat_tells_the_phase_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(None, Pipe(lambda message: beats.append(json.loads(message.encode()))), "cpu", tmp_path)  # type: ignore[arg-type]
    beats: list[dict[str, object]] = []

    class Enough(Exception):
        pass

    def one_beat(seconds: float) -> None:
        raise Enough

    monkeypatch.setattr("blender_bend.engine.process.server.time.sleep", one_beat)
    server.say("r", "Loading the model")
    with pytest.raises(Enough):
        server.beat()
    assert beats[-1]["type"] == messages.ALIVE and beats[-1]["data"]["phase"] == "Loading the model"  # type: ignore[index]
