"""Rendering into a frame store: only what is missing, each different frame once, and always the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.engine.rendering.render import Progress, Renderer, Summary
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.store.frame_store import FrameStore, read_origin

MakeJob = Callable[..., Job]


def contents(store: FrameStore) -> dict[str, bytes]:
    """Every file of a store, hidden ones too."""
    return {path.name: path.read_bytes() for path in store.folder.iterdir()}


def counts(summary: Summary) -> tuple[int, int, int]:
    """Frames asked for, found, and pictures made."""
    return summary.frames, summary.found, summary.rendered


@pytest.fixture
def film(make_job: MakeJob) -> Job:
    """Six frames of which two are equal and two are unbent."""
    angles = [0.0, 0.3, 0.6, 0.3, 0.9, 0.0]
    bends = [
        (Bend("Turn", "rotate_channels", "latent"), [{"angle": angle} for angle in angles]),
        (
            Bend("Deep", "multiply", "unet:mid_block"),
            [{"mix": 0.5 if angle else 0.0, "factor": 2.0} for angle in angles],
        ),
    ]
    return make_job("sd15", bends, len(angles))


def with_angle(job: Job, index: int, angle: float) -> Job:
    """The job with the first bend's angle changed on one frame."""
    frame = job.frames[index]
    changed = replace(frame, values=({**frame.values[0], "angle": angle}, *frame.values[1:]))
    return replace(job, frames=(*job.frames[:index], changed, *job.frames[index + 1 :]))


def test_equal_frames_are_rendered_once(film: Job, renderer: Renderer, store: FrameStore) -> None:
    assert counts(renderer.render(film, store)) == (6, 0, 4)
    assert len(contents(store)) == 4


def test_a_second_run_finds_everything(film: Job, renderer: Renderer, store: FrameStore) -> None:
    renderer.render(film, store)
    before = contents(store)
    assert counts(renderer.render(film, store)) == (6, 6, 0)
    assert contents(store) == before


def test_a_full_store_needs_no_model(film: Job, renderer: Renderer, store: FrameStore) -> None:
    renderer.render(film, store)
    gone = replace(film, model="/gone")
    assert counts(Renderer("cpu").render(gone, store)) == (6, 6, 0)


def test_only_frames_whose_values_changed_are_rendered_and_undo_needs_none(
    film: Job, renderer: Renderer, store: FrameStore
) -> None:
    renderer.render(film, store)
    assert counts(renderer.render(with_angle(film, 2, 0.7), store)) == (6, 5, 1)
    assert counts(renderer.render(film, store)) == (6, 6, 0)


def test_only_the_frames_asked_for_are_rendered(film: Job, renderer: Renderer, store: FrameStore) -> None:
    assert counts(renderer.render(film, store, numbers=[2, 3])) == (2, 0, 2)
    assert set(contents(store)) == {f"{frame_key(resolve(film, film.frames[index]))}.png" for index in (1, 2)}
    assert counts(renderer.render(film, store, numbers=range(1, 7))) == (6, 3, 2)


def test_every_frame_is_reported_once_with_a_file_that_is_there(
    film: Job, renderer: Renderer, store: FrameStore
) -> None:
    seen: list[Progress] = []
    there = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        there.append(store.path(progress.key).is_file())

    renderer.render(film, store, progress=watch)
    assert sorted(progress.number for progress in seen) == [1, 2, 3, 4, 5, 6]
    assert [progress.done for progress in seen] == [1, 2, 3, 4, 5, 6]
    assert {progress.total for progress in seen} == {6}
    assert all(there)
    assert all(progress.key == frame_key(resolve(film, film.frames[progress.number - 1])) for progress in seen)


@pytest.mark.parametrize("model", ["sd15", "sd21", "sdxl", "mini"])
def test_two_runs_give_the_same_bytes(model: str, make_job: MakeJob, tmp_path: Path) -> None:
    bends = [
        (Bend("Grain", "add_noise", "noise"), [{"amount": 0.2}, {"amount": 0.5}]),
        (Bend("Grow", "dilate", "unet:up_blocks.*"), [{"radius": 0.5}, {"radius": 1.0}]),
    ]
    job = make_job(model, bends, [{"walk": 0.0}, {"walk": 0.25}], walk_amount=0.4)
    stores = [FrameStore(tmp_path / name) for name in ("one", "two")]
    for store in stores:
        Renderer("cpu").render(job, store)
    assert len(contents(stores[0])) == 2
    assert contents(stores[0]) == contents(stores[1])


def test_the_order_of_frames_does_not_matter(film: Job, renderer: Renderer, tmp_path: Path) -> None:
    forward, backward = FrameStore(tmp_path / "forward"), FrameStore(tmp_path / "backward")
    renderer.render(film, forward)
    renderer.render(replace(film, frames=film.frames[::-1]), backward)
    assert contents(forward) == contents(backward)


def test_frames_hold_what_they_were_made_from(film: Job, renderer: Renderer, store: FrameStore) -> None:
    film = replace(film, negative="verschwommen, ぼやけた 🎨")
    renderer.render(film, store)
    for frame in film.frames:
        with Image.open(store.path(frame_key(resolve(film, frame)))) as picture:
            assert picture.size == (64, 64) and picture.mode == "RGB"
        origin = read_origin(store.path(frame_key(resolve(film, frame))))
        assert origin == json.loads(json.dumps(resolve(film, frame)))


def test_the_stored_picture_is_the_sampled_one(
    film: Job, renderer: Renderer, store: FrameStore, samplers: dict[str, Sampler]
) -> None:
    renderer.render(film, store, numbers=[3])
    with Image.open(store.path(frame_key(resolve(film, film.frames[2])))) as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(samplers["sd15"].render(resolve(film, film.frames[2]))))


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_cancel_is_heard_before_the_next_denoising_step(
    calls: int, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    job = make_job("sd21", steps=8)
    seen: list[Any] = []
    handle = samplers["sd21"].pipeline.unet.register_forward_hook(lambda *_: seen.append(None))
    try:
        with pytest.raises(BendError) as caught:
            samplers["sd21"].render(resolve(job, job.frames[0]), cancelled=lambda: len(seen) >= calls)
    finally:
        handle.remove()
    assert caught.value.code == Code.CANCELLED
    assert len(seen) == calls


@pytest.mark.parametrize("questions", [1, 5, 9, 14])
def test_a_cancelled_run_that_is_resumed_gives_the_same_bytes(
    film: Job, renderer: Renderer, questions: int, tmp_path: Path
) -> None:
    undisturbed, resumed = FrameStore(tmp_path / "undisturbed"), FrameStore(tmp_path / "resumed")
    renderer.render(film, undisturbed)
    asked = []
    with pytest.raises(BendError) as caught:
        renderer.render(film, resumed, cancelled=lambda: bool(asked.append(None)) or len(asked) >= questions)
    assert caught.value.code == Code.CANCELLED
    ready = contents(resumed)
    assert len(ready) < 4 and ready.items() <= contents(undisturbed).items()
    assert renderer.render(film, resumed).rendered == 4 - len(ready)
    assert contents(resumed) == contents(undisturbed)


def test_frames_made_before_a_failure_stay(film: Job, renderer: Renderer, store: FrameStore) -> None:
    broken = with_angle(film, 4, 0.9)
    frame = replace(broken.frames[4], values=({"angle": 0.9}, {"mix": 1.0, "scale": 1000.0}))
    bends = (broken.bends[0], replace(broken.bends[1], operator="matrix_exponential"))
    broken = replace(broken, bends=bends, frames=(*broken.frames[:4], frame, broken.frames[5]))
    with pytest.raises(BendError) as caught:
        renderer.render(broken, store)
    assert caught.value.code == Code.NON_FINITE
    assert "Deep" in caught.value.message
    assert len(contents(store)) == 3


def test_a_renderer_goes_from_model_to_model(make_job: MakeJob, renderer: Renderer, tmp_path: Path) -> None:
    first, again = FrameStore(tmp_path / "first"), FrameStore(tmp_path / "again")
    renderer.render(make_job("sd15"), first)
    renderer.render(make_job("sdxl"), first)
    renderer.render(make_job("sd15"), again)
    assert contents(again).items() <= contents(first).items()
    assert len(contents(first)) == 2


def test_a_model_that_is_gone_is_reported_and_nothing_is_written(
    film: Job, renderer: Renderer, store: FrameStore
) -> None:
    with pytest.raises(BendError) as caught:
        renderer.render(replace(film, model="/gone", fingerprint="0" * 64), store)
    assert caught.value.code == Code.MODEL_INVALID
    assert contents(store) == {}


def test_hooks_do_not_pile_up_over_many_jobs(film: Job, samplers: dict[str, Sampler]) -> None:
    unet = samplers["sd15"].pipeline.unet

    def hooks() -> int:
        return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in unet.modules())

    before = hooks()
    for frame in film.frames:
        samplers["sd15"].render(resolve(film, frame))
        with pytest.raises(BendError):
            samplers["sd15"].render(resolve(film, frame), cancelled=lambda: True)
    assert hooks() == before == 0
