"""Drafts in the engine: what they are, where they go, and how one takes the place of another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from engine_child import Child

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import resolve, trace
from blender_bend.core.process import messages, shared_picture
from blender_bend.core.process.shared_picture import Shared
from blender_bend.core.resources.drafts import half
from blender_bend.engine.rendering.drafts import Drafts
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.sampling.noise import starting_noise
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]


def drafted(job: Job, **settings: Any) -> Job:
    """A draft of the same size, or of another."""
    return replace(job, **{"draft_of": job.size, **settings})


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    return Shared(tmp_path / "picture", (128, 128))


@pytest.fixture
def place(shared: Shared, tmp_path: Path) -> dict[str, str]:
    """Where drafts go, for a request."""
    return {"store": str(tmp_path / "frames"), "kept": str(tmp_path / "kept"), "picture": str(shared.path)}


def test_a_draft_is_in_the_shared_file_and_on_the_disk_but_in_no_store(
    renderer: Renderer, make_job: MakeJob, shared: Shared, store: FrameStore, tmp_path: Path
) -> None:
    job = drafted(make_job("sd15", steps=2))
    made = Drafts(renderer).make(job, store, shared.path, tmp_path / "kept")
    assert made.key == next(iter(trace(job))).key
    found = shared.take()
    assert found is not None and (found.key, found.size) == (made.key, (64, 64))
    alone = renderer.sampler(job).render(resolve(job, job.frames[0]))
    assert found.pixels == alone.convert("RGB").tobytes()
    path = shared_picture.kept_path(tmp_path / "kept", made.key)
    until = time.monotonic() + 30
    while not path.is_file() and time.monotonic() < until:
        time.sleep(0.01)
    assert shared_picture.read(path) == found
    assert list(store.folder.iterdir()) == []


def test_a_draft_of_the_same_size_and_steps_is_the_frame(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    job = make_job("sd15", steps=2)
    pictures = [samplers["sd15"].render(resolve(one, one.frames[0])) for one in (job, drafted(job))]
    assert np.array_equal(*map(np.asarray, pictures))


@pytest.mark.parametrize("size", [(128, 128), (200, 136)])
def test_a_reduced_draft_begins_with_the_noise_of_its_frame(
    samplers: dict[str, Sampler], make_job: MakeJob, kind: str, size: tuple[int, int]
) -> None:
    if kind in ("sd3", "flux") and size[0] % 16:
        pytest.skip("its sizes are multiples of 16")
    family = samplers[kind].family
    whole = make_job(kind, size=size)
    draft = drafted(whole, size=half(size))
    noise, reduced = (starting_noise(family, resolve(job, job.frames[0]))[0] for job in (whole, draft))
    assert tuple(reduced.shape) == family.latent_shape(half(size))
    rows, columns = noise.shape[-2] // 2, noise.shape[-1] // 2
    mean = torch.nn.functional.avg_pool2d(noise, 2)
    torch.testing.assert_close(reduced[..., :rows, :columns], 2 * mean)


def test_the_noise_of_a_reduced_draft_has_unit_variance(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    whole = make_job("sd15", size=(1032, 1096))
    job = drafted(whole, size=half(whole.size))
    noise, _ = starting_noise(samplers["sd15"].family, resolve(job, job.frames[0]))
    assert abs(float(noise.std()) - 1) < 0.02 and abs(float(noise.mean())) < 0.02
    assert abs(float(noise[..., -1].std()) - 1) < 0.15, "also where it is continued"


def test_drafts_never_enter_a_film(renderer: Renderer, make_job: MakeJob, store: FrameStore) -> None:
    with pytest.raises(BendError) as refused:
        renderer.render(drafted(make_job("sd15")), store)
    assert refused.value.code == Code.JOB_INVALID
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize("frames", [0, 2])
def test_a_draft_is_of_one_frame(
    renderer: Renderer, make_job: MakeJob, shared: Shared, store: FrameStore, tmp_path: Path, frames: int
) -> None:
    for job in (drafted(make_job("sd15", frames=frames)), make_job("sd15")):
        with pytest.raises(BendError) as refused:
            Drafts(renderer).make(job, store, shared.path, tmp_path)
        assert refused.value.code == Code.JOB_INVALID


def test_frames_after_drafts_are_those_without(renderer: Renderer, make_job: MakeJob, tmp_path: Path) -> None:
    """Live leaves nothing behind in the model that it shares with Generate."""
    bend = (Bend("Turn", "rotate_channels", "unet:mid_block"), [{"angle": 0.4}])
    job = make_job("sd15", [bend], size=(128, 128))
    Renderer("cpu", tmp_path / "a").render(job, FrameStore(tmp_path / "before"))
    drafts, shared = Drafts(renderer), Shared(tmp_path / "picture", (128, 128))
    for draft in (drafted(job, size=(64, 64)), drafted(job, steps=2)):
        drafts.make(draft, FrameStore(tmp_path / "after"), shared.path, tmp_path / "kept")
    with pytest.raises(BendError):
        drafts.make(
            drafted(job), FrameStore(tmp_path / "after"), shared.path, tmp_path / "kept", replaced=_after_one_step()
        )
    renderer.render(job, FrameStore(tmp_path / "after"))
    (before,), (after,) = (list((tmp_path / name).glob("*.png")) for name in ("before", "after"))
    assert before.name == after.name
    assert np.array_equal(*(np.asarray(PIL.Image.open(path)) for path in (before, after)))


def _after_one_step() -> Callable[[], bool]:
    asked = []
    return lambda: bool(asked.append(1)) or len(asked) > 2


def test_what_replaces_a_draft_is_heard_between_two_steps_and_not_while_the_model_is_loaded(
    make_job: MakeJob, shared: Shared, tmp_path: Path
) -> None:
    """Or a model that takes longer to load than a person rests would never be loaded."""
    renderer = Renderer("cpu", tmp_path)
    asked: list[str] = []
    job = drafted(make_job("sd15", steps=5))
    with pytest.raises(BendError) as stopped:
        Drafts(renderer).make(
            job, FrameStore(tmp_path / "s"), shared.path, tmp_path, asked.append, replaced=lambda: True
        )
    assert stopped.value.code == Code.CANCELLED
    assert renderer.shelf.holds(job, "cpu")
    assert shared.take() is None


def test_the_last_of_many_requests_is_the_picture_that_stays(
    child: Child, make_job: MakeJob, place: dict[str, str], shared: Shared
) -> None:
    """Every request ends once; whatever was replaced has made no picture after the last one."""
    job = drafted(make_job("mini", steps=4))
    jobs = [replace(job, seed=seed) for seed in range(12)]
    for number, one in enumerate(jobs):
        child.send(messages.DRAFT, str(number), job=one.to_json(), **place)
        time.sleep(0.02 * (number % 4))
    endings: dict[str, str] = {}
    while len(endings) < len(jobs):
        message = child.next()
        if message.type in messages.ENDINGS:
            assert message.id not in endings
            endings[message.id] = message.type
    assert endings["11"] == messages.DONE
    assert set(endings.values()) <= {messages.DONE, messages.CANCELLED}
    assert messages.CANCELLED in endings.values()
    found = shared.take()
    assert found is not None and found.key == next(iter(trace(jobs[-1]))).key


def test_an_urgent_render_interrupts_a_draft_which_is_made_afterwards(
    child: Child, make_job: MakeJob, place: dict[str, str], tmp_path: Path
) -> None:
    draft = drafted(make_job("mini", steps=30))
    (tmp_path / "job.json").write_text(make_job("mini", steps=1).to_json(), encoding="utf-8")
    child.send(messages.DRAFT, "draft", job=draft.to_json(), **place)
    while child.next().data.get("text") != "Rendering":
        pass
    child.send(messages.RENDER, "still", job=str(tmp_path / "job.json"), store=str(tmp_path / "frames"), urgent=True)
    ended = []
    while len(ended) < 2:
        message = child.next()
        if message.type in messages.ENDINGS:
            ended.append((message.id, message.type))
    assert ended == [("still", messages.DONE), ("draft", messages.DONE)]


def test_a_cancelled_draft_ends_as_cancelled(child: Child, make_job: MakeJob, place: dict[str, str]) -> None:
    child.send(messages.DRAFT, "1", job=drafted(make_job("mini", steps=200)).to_json(), **place)
    child.next()
    child.send(messages.CANCEL, "1")
    assert child.answers("1")[-1].type == messages.CANCELLED
    child.send(messages.DRAFT, "2", job=drafted(make_job("mini", steps=1)).to_json(), **place)
    assert child.answers("2")[-1].type == messages.DONE


def test_a_job_that_is_none_and_a_file_that_is_missing_are_said(
    child: Child, make_job: MakeJob, place: dict[str, str], tmp_path: Path
) -> None:
    child.send(messages.DRAFT, "1", job="{}", **place)
    assert child.answers("1")[-1].data["code"] == Code.JOB_INVALID
    gone = {**place, "picture": str(tmp_path / "gone")}
    child.send(messages.DRAFT, "2", job=drafted(make_job("mini", steps=1)).to_json(), **gone)
    assert child.answers("2")[-1].data["code"] == Code.STORE_UNWRITABLE
