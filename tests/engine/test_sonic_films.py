"""Films with a sound condition: from a job to its frames, with states shared where the sound is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from make_adapters import files_of, make

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job, SoundCondition
from blender_bend.core.job.resolve import trace
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling.sound_picture import sound_picture
from blender_bend.engine.sonic import checkpoints, condition
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import store_vector

FIRE, RAIN = torch.eye(64)[:, 3][None], torch.eye(64)[:, 40][None]


@pytest.fixture(scope="module")
def files(model_folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a job with a sound condition on the small Stable Diffusion 1.5."""
    folder = tmp_path_factory.mktemp("sonic")
    make(folder, model_folders["sd15"])
    return files_of(folder)


@pytest.fixture
def film(make_job: Callable[..., Job], files: dict[str, str], store: FrameStore) -> Callable[..., Job]:
    fire, rain = store_vector(store, FIRE), store_vector(store, RAIN)
    sounds = {"fire": ((fire, 1.0),), "rain": ((rain, 1.0),), "both": ((fire, 0.5), (rain, 0.5)), "none": ()}

    def film(*frames: str | tuple[str, float], sound_condition: dict[str, Any] | None = None, **settings: Any) -> Job:
        each = [(frame, 1.0) if isinstance(frame, str) else frame for frame in frames]
        return make_job(
            "sd15",
            frames=[{"sound": sounds[sound], "strip": {"sound_scale": scale}} for sound, scale in each],
            sound_condition=SoundCondition(**files, **(sound_condition or {})),
            **settings,
        )

    return film


def pictures(job: Job, store: FrameStore) -> list[np.ndarray]:
    return [np.asarray(PIL.Image.open(store.path(traced.key))).astype(int) for traced in trace(job)]


def test_frames_of_the_same_sound_are_one_and_others_differ(
    film: Callable[..., Job], renderer: Renderer, store: FrameStore
) -> None:
    job = film("fire", "fire", "both", "rain", "none", ("rain", 0.0), scheduler="ddim")
    calls: list[int] = []
    handle = renderer.sampler(job).pipeline.unet.register_forward_hook(lambda *_: calls.append(1))
    summary = renderer.render(job, store)
    handle.remove()
    made = pictures(job, store)
    assert (summary.rendered, summary.states, len(calls)) == (4, 12, 12)
    assert np.array_equal(made[0], made[1]) and np.array_equal(made[4], made[5])
    assert len({picture.tobytes() for picture in made}) == 4


def test_late_bends_share_the_steps_of_frames_of_the_same_sound(
    film: Callable[..., Job], make_job: Callable[..., Job], renderer: Renderer, store: FrameStore
) -> None:
    job = film("fire", "fire", "fire")
    bend = Bend("gain", "multiply", "latent", start=0.34)
    frames = [{"sound": frame.sound} for frame in job.frames]
    values = [{"factor": 1.0 + 0.1 * number, "mix": 1.0} for number in range(3)]
    bent = make_job("sd15", [(bend, values)], frames, sound_condition=job.sound_condition)
    assert renderer.render(bent, store).states == 5  # the first two steps for all three, the last one for each
    assert len({picture.tobytes() for picture in pictures(bent, store)}) == 3


@pytest.mark.parametrize("separate", [None, 6.0])
def test_a_frame_is_the_recipes_picture_to_the_bit(
    film: Callable[..., Job],
    files: dict[str, str],
    load: Callable[..., Any],
    renderer: Renderer,
    store: FrameStore,
    separate: float | None,
) -> None:
    job = film("fire", sound_condition={"separate": separate is not None})
    frame = job.frames[0]
    if separate is not None:
        frame.strip["sound_guidance"] = separate
    renderer.render(job, store)
    pipeline = load("sd15")
    conditioner = condition.SoundConditioner(
        pipeline.unet,
        checkpoints.load_projector(Path(files["projector"])),
        checkpoints.load_adapters(Path(files["adapters"]), pipeline.unet),
    )
    wanted = sound_picture(
        pipeline, conditioner, FIRE, prompt="a calm sea", size=job.size, steps=job.steps,
        guidance=condition.Guidance(job.guidance, separate), seed=job.seed,
    )  # fmt: skip
    assert np.array_equal(pictures(job, store)[0], np.asarray(wanted))


def test_what_has_no_sound_has_the_key_of_the_base_model(
    film: Callable[..., Job], make_job: Callable[..., Job]
) -> None:
    (base,) = trace(make_job("sd15"))
    deaf = film("none", ("fire", 0.0))
    never = film("fire", sound_condition={"start": 0.5, "end": 0.5})
    assert {traced.key for job in (deaf, never) for traced in trace(job)} == {base.key}
    assert {traced.key for traced in trace(film("fire"))} != {base.key}


def test_a_job_with_a_sound_condition_is_the_same_after_it_was_written(film: Callable[..., Job]) -> None:
    job = film("fire", "both", sound_condition={"separate": True, "start": 0.2, "blocks": {"mid_block": 0.5}})
    assert Job.from_json(job.to_json()) == job


def test_a_sound_that_is_gone_or_changed_is_told(
    film: Callable[..., Job], renderer: Renderer, store: FrameStore
) -> None:
    job = film("fire")
    path = store.folder / "inputs" / f"{job.frames[0].sound[0][0]}.f32"
    for spoil in (lambda: path.write_bytes(b"\0" * 256), path.unlink):
        spoil()
        with pytest.raises(BendError) as caught:
            renderer.render(job, store)
        assert caught.value.code == Code.INPUT_MISSING and "Embed" in caught.value.hint


def test_a_sound_without_a_condition_is_refused(film: Callable[..., Job], make_job: Callable[..., Job]) -> None:
    frame = {"sound": film("fire").frames[0].sound}
    with pytest.raises(BendError) as caught:
        make_job("sd15", frames=[frame]).check()
    assert caught.value.code == Code.JOB_INVALID


def test_a_model_that_comes_back_is_conditioned_again(
    film: Callable[..., Job], make_job: Callable[..., Job], renderer: Renderer, store: FrameStore
) -> None:
    renderer.render(film("fire", seed=1), store)
    renderer.render(make_job("mini"), store)
    job = film("fire", "none", seed=2)
    renderer.render(job, store)
    with_sound, without = pictures(job, store)
    assert (with_sound != without).any()


@pytest.mark.parametrize("width", [1, 63, 65, 1024])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_vector_of_another_ear_is_refused_by_its_name(
    width: int, share: float, film: Callable[..., Job], renderer: Renderer, store: FrameStore
) -> None:
    other = store_vector(store, torch.ones(1, width))
    job = film("fire")
    frame = replace(job.frames[0], sound=((other, share), (store_vector(store, FIRE), 1 - share))[: 1 + (share < 1)])
    with pytest.raises(BendError, match=f"{other}.f32 has {width} numbers, but the sound adapters need 64") as caught:
        renderer.render(replace(job, frames=(frame,)), store)
    assert caught.value.code == Code.INPUT_MISSING and "CLAP file" in caught.value.hint
