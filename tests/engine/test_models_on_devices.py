"""Every family of models on an accelerator, kept off it or on it, with pictures decoded whole or in tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from device_films import (
    ALL,
    SIZE,
    Devices,
    Files,
    Film,
    bend,
    check_alike,
    check_steps,
    kept_layout,
    lora,
    painted_over,
    sites,
    sound_condition,
    steps_watched,
    transformer,
)
from ghost import pretended

from blender_bend.core.job.job import Job
from blender_bend.core.resources.footprint import Offload
from blender_bend.engine.rendering.render import Renderer

MakeJob = Callable[..., Job]
FLOW_KINDS = ("sd3", "flux")
KINDS = ("sd15", "sd21", "sdxl", "lcm", "sd3", "flux", "mini")
WAYS = [("cuda", "float32"), ("mps", "float16"), ("cuda", "float16"), ("mps", "float32"), ("cuda", "bfloat16")]


pytestmark = pytest.mark.usefixtures("brief")


@pytest.mark.parametrize(
    ("kind", "device", "precision"),
    [
        (kind, *way)
        for number, kind in enumerate(KINDS)
        for way in (WAYS if ALL else [WAYS[number % 5], WAYS[(number + 1) % 5]])
    ],
)
def test_every_family_of_models_is_bent_on_the_device(
    kind: str, device: str, precision: str, stage: tuple[Files, Devices], make_job: MakeJob
) -> None:
    files, devices = stage
    film = (transformer if kind in FLOW_KINDS else sites)(files)
    bends = [(one, values[:1]) for one, values in film.bends]
    job = make_job(kind, bends, size=SIZE, steps=2, precision=precision)
    with pretended(device) as accelerator, steps_watched(accelerator) as steps:
        assert len(devices.rendered(device, job)) == 1
        check_steps(accelerator, steps)


@pytest.mark.parametrize("stage_of_memory", [Offload.MODEL, Offload.SEQUENTIAL])
@pytest.mark.parametrize("film", [sites, sound_condition, kept_layout, lora])
def test_a_model_that_is_kept_off_the_device_is_bent_on_it(
    film: Callable[[Files], Film],
    stage_of_memory: Offload,
    stage: tuple[Files, Devices],
    make_job: MakeJob,
) -> None:
    files, devices = stage
    content = film(files)
    job = make_job("slim", content.bends, content.frames, size=SIZE, steps=2, scheduler="euler", **content.settings)
    wanted = devices.rendered("cpu", job)
    with pretended("cuda") as accelerator:
        renderer = Renderer("cuda", devices.folder / "studies on cuda")
        assert renderer.shelf.offload(job, "cuda", stage_of_memory)
        with steps_watched(accelerator) as steps:
            made = devices.rendered("cuda", job, renderer)
        assert hasattr(renderer.shelf.pipeline(job, "cuda").unet, "_hf_hook")
        assert steps and not [place for records in steps for place in records.ours("reads")]
    check_alike(made, wanted)


@pytest.mark.parametrize(
    ("device", "precision"), [("cuda", "float32"), ("cuda", "bfloat16"), ("mps", "float16"), ("mps", "float32")]
)
@pytest.mark.parametrize("kind", ["slim", "sdxl", "mini"])
def test_pictures_are_encoded_and_decoded_in_tiles_on_the_device(
    kind: str, device: str, precision: str, stage: tuple[Files, Devices], make_job: MakeJob
) -> None:
    files, devices = stage
    film = painted_over(files)
    bends: Any = [bend("blur", "latent")]
    job = make_job(kind, bends, film.frames[1:2], size=(128, 128), steps=2, decode="tiled", **film.settings)
    with pretended(device) as accelerator, steps_watched(accelerator) as steps:
        made = devices.rendered(device, replace(job, precision=precision))
        check_steps(accelerator, steps)
    if precision == "float32":
        check_alike(made, devices.rendered("cpu", job))
