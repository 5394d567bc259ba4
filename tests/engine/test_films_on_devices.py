"""Whole films on an accelerator: the CPU's pictures, and within a step no read but those of the stock scheduler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from device_films import (
    ALL,
    FILMS,
    SIZE,
    Devices,
    Files,
    bend,
    check_alike,
    check_steps,
    steps_watched,
)
from ghost import pretended

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import trace
from blender_bend.engine.rendering.render import Renderer

MakeJob = Callable[..., Job]
HALVES = [("cuda", "float16"), ("cuda", "bfloat16"), ("mps", "float16")]


pytestmark = pytest.mark.usefixtures("brief")


def job_of(name: str, files: Files, make_job: MakeJob) -> Job:
    """One of the films."""
    content = FILMS[name](files)
    settings = {"size": SIZE, "steps": 2, "scheduler": "euler", **content.settings}
    return make_job("slim", content.bends, content.frames, **settings)


@pytest.mark.parametrize("film", FILMS)
def test_every_film_looks_on_the_device_as_on_the_cpu(
    film: str, stage: tuple[Files, Devices], make_job: MakeJob
) -> None:
    files, devices = stage
    job = job_of(film, files, make_job)
    wanted = devices.rendered("cpu", job)
    with pretended("cuda") as accelerator, steps_watched(accelerator) as steps:
        made = devices.rendered("cuda", job)
        check_steps(accelerator, steps)
    check_alike(made, wanted)


@pytest.mark.parametrize(
    ("film", "kind", "precision"),
    [(film, *way) for number, film in enumerate(FILMS) for way in (HALVES if ALL else [HALVES[number % len(HALVES)]])],
)
def test_every_film_is_made_in_half_precision(
    film: str, kind: str, precision: str, stage: tuple[Files, Devices], make_job: MakeJob
) -> None:
    files, devices = stage
    job = replace(job_of(film, files, make_job), precision=precision)
    with pretended(kind) as accelerator, steps_watched(accelerator) as steps:
        made = devices.rendered(kind, job)
        check_steps(accelerator, steps)
    assert len(made) == len(job.frames)


SITES = ("noise", "latent", "unet:mid_block", "prediction", "vae:decoder.mid_block")
BREAKING = [(start, site, kind) for start in (0.0, 0.9) for site in SITES for kind in ("cuda", "mps")]


@pytest.mark.parametrize(("start", "site", "kind"), BREAKING if ALL else BREAKING[::3])
def test_a_frame_of_numbers_that_are_not_finite_is_never_kept(
    start: float, site: str, kind: str, make_job: MakeJob, stage: tuple[Files, Devices]
) -> None:
    """Though nobody has looked when the next step begins; the error names the bend, not the model."""
    window = {"start": 0.0 if site == "noise" else start}
    bends = [
        (Bend("Much", "multiply", site, **window), [{"factor": factor, "mix": 1.0} for factor in (1.1, 1000.0)]),
        (Bend("Too much", "power", site, **window), [{"exponent": power, "mix": 1.0} for power in (1.1, 16.0)]),
    ]
    job = make_job("slim", bends, 2, size=SIZE, steps=2, scheduler="euler")
    store = stage[1].store()
    with pretended(kind), pytest.raises(BendError) as caught:
        stage[1].renderer(kind, job).render(job, store)
    assert caught.value.code == Code.NON_FINITE and "'Too much'" in caught.value.message
    assert not store.path(list(trace(job))[1].key).exists()


def test_the_device_has_its_next_step_before_an_answer_is_waited_for(
    make_job: MakeJob, stage: tuple[Files, Devices]
) -> None:
    """Waiting for the last thing that the device was given would let it run idle."""
    order: list[str] = []
    job = make_job("slim", [bend("add", "unet:mid_block")], size=SIZE, steps=3, scheduler="euler")
    with pretended("cuda") as accelerator:
        renderer = Renderer("cuda")
        unet = renderer.sampler(job).pipeline.unet
        unet.register_forward_hook(lambda *_: order.append("step"))
        accelerator.waited = lambda: order.append("wait")
        renderer.render(job, stage[1].store())
    assert order == ["step", "step", "wait", "step", "wait", "wait"]
