"""Long films: a cancel is heard while they are planned, memory stays small, and slices change no pixel."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from blender_bend.core import messages
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job import Bend, Frame, Job
from blender_bend.core.messages import Message
from blender_bend.engine import missing as planning
from blender_bend.engine.frame_store import FrameStore
from blender_bend.engine.missing import missing
from blender_bend.engine.render import Progress, Renderer
from blender_bend.engine.server import Server

MakeJob = Callable[..., Job]


def film(frames: int, model: str = "m") -> Job:
    """A film in which every frame is another."""
    bends = (Bend("Turn", "rotate_channels", "latent", 0.2, 0.8), Bend("Grain", "add_noise", "unet:up_blocks.*", 0.5))
    made = tuple(
        Frame(number, (("a calm sea", 1.0),), ({"angle": number / 1000}, {"mix": 0.5, "amount": 0.3}))
        for number in range(frames)
    )
    return Job(model, "f" * 64, (64, 64), 8, 7.0, 1, "", bends, made)


def test_a_cancel_is_heard_while_frames_are_looked_for(store: FrameStore) -> None:
    said: list[str] = []
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) == 4

    with pytest.raises(BendError) as caught:
        Renderer("cpu").render(film(5000), store, phase=said.append, cancelled=cancelled)
    assert caught.value.code == Code.CANCELLED
    assert len(asked) == 4
    assert said == ["Looking for frames that are there"]


def test_planning_keeps_less_than_a_kilobyte_of_a_frame(store: FrameStore) -> None:
    """100,000 frames must stay below 150 MB."""
    job = film(6000)
    tracemalloc.start()
    try:
        wanted = missing(job, store)
        first = next(wanted.slices())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert wanted.total == 6000 and len(first) == planning.SLICE
    slice_of_frames = 8e6
    assert (most - slice_of_frames) / 6000 < 1000


def test_the_first_slice_of_a_film_is_planned_without_the_rest(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = missing(film(4000), store)
    resolved: list[int] = []
    trace = planning.trace

    def watched(job: Job) -> object:
        for one in trace(job):
            resolved.append(one.frame.number)
            yield one

    monkeypatch.setattr(planning, "trace", watched)
    assert list(next(wanted.slices()).keys()) == list(wanted.numbers)[: planning.SLICE]
    assert len(resolved) <= planning.SLICE + 1


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


@pytest.mark.parametrize("phase", ["Reading the frames", "Looking for frames that are there"])
def test_the_server_hears_a_cancel_in_every_phase_of_planning(tmp_path: Path, phase: str) -> None:
    job = tmp_path / "job.json"
    job.write_text(film(6000).to_json(), encoding="utf-8")
    answers: list[Message] = []

    def written(message: Message) -> None:
        answers.append(message)
        if message.type == messages.PHASE and message.data["text"] == phase:
            server._take(Message(messages.CANCEL, "r"))

    server = Server(None, Pipe(written), "cpu", tmp_path)  # type: ignore[arg-type]
    server._take(Message(messages.RENDER, "r", {"job": str(job), "store": str(tmp_path / "store")}))
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

    monkeypatch.setattr("blender_bend.engine.server.time.sleep", one_beat)
    server._say("r", "Loading the model")
    with pytest.raises(Enough):
        server._beat()
    assert beats[-1]["type"] == messages.ALIVE and beats[-1]["data"]["phase"] == "Loading the model"  # type: ignore[index]
