"""Every sampler on an accelerator: no more is read in its steps than by the stock pipeline with the same scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import stock
import torch
from device_films import (
    ALL,
    SIZE,
    Devices,
    bend,
    check_alike,
    check_steps,
    reads_of,
    sites,
    steps_watched,
    transformer,
)
from ghost import Accelerator, pretended

from blender_bend.core.job.job import Job
from blender_bend.core.samplers import schedulers
from blender_bend.core.samplers.few_steps import FEW_STEPS, FewSteps
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]
UNET = ["own", *stock.UNET_SAMPLERS]
FLOW = ["own", *stock.FLOW_SAMPLERS]
#: Other ways through a scheduler's code.
CHOSEN = [
    ("euler", {"sigmas": "karras"}),
    ("dpm", {"sigmas": "exponential"}),
    ("unipc", {"spacing": "trailing"}),
    ("lcm", {"spacing": "trailing"}),
    ("ddim", {"prediction": "v_prediction"}),
]


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Devices:
    """The devices."""
    folder = tmp_path_factory.mktemp("samplers")
    (folder / "files" / "inputs").mkdir(parents=True)
    return Devices(FrameStore(folder / "files"), folder)


@pytest.fixture
def accelerator() -> Iterator[Accelerator]:
    """The accelerator on which waiting costs most."""
    with pretended("cuda") as accelerator:
        yield accelerator


def check_reads(job: Job, accelerator: Accelerator, devices: Devices) -> None:
    """Render a job; beside it the stock pipeline, on the same networks."""
    with steps_watched(accelerator) as steps:
        devices.rendered("cuda", job)
        check_steps(accelerator, steps)
    pipeline = devices.renderer("cuda", job).sampler(job).pipeline
    own, generator = pipeline.scheduler, torch.Generator().manual_seed(job.seed)
    try:
        stock.use(pipeline, own, job.scheduler, generator)
        with accelerator.watched() as records:
            stock.call(pipeline, job, generator)
    finally:
        pipeline.scheduler = own
    assert reads_of(steps) <= records.reads


def first_frame(film: Callable[..., object], kind: str, make_job: MakeJob, **settings: object) -> Job:
    """One frame, bent wherever the model can be."""
    bends = [(one, values[:1]) for one, values in film(None).bends]
    return make_job(kind, bends, size=SIZE, steps=3, **settings)


def test_every_sampler_is_here() -> None:
    assert {*UNET, *FLOW} == set(schedulers.NAMES)


@pytest.mark.parametrize("scheduler", UNET)
def test_no_more_is_read_than_by_the_stock_pipeline(
    scheduler: str, make_job: MakeJob, accelerator: Accelerator, devices: Devices
) -> None:
    check_reads(first_frame(sites, "slim", make_job, scheduler=scheduler), accelerator, devices)


@pytest.mark.parametrize("scheduler", UNET if ALL else ["own", "lcm"])
def test_nor_without_guidance(scheduler: str, make_job: MakeJob, accelerator: Accelerator, devices: Devices) -> None:
    check_reads(first_frame(sites, "slim", make_job, scheduler=scheduler, guidance=1.0), accelerator, devices)


@pytest.mark.parametrize(
    ("kind", "scheduler"),
    [(kind, name) for kind in ("sd3", "flux") for name in FLOW]
    if ALL
    else [*zip(["sd3", "flux"] * 3, FLOW, strict=True)],
)
def test_nor_by_flow_samplers(
    kind: str, scheduler: str, make_job: MakeJob, accelerator: Accelerator, devices: Devices
) -> None:
    check_reads(first_frame(transformer, kind, make_job, scheduler=scheduler), accelerator, devices)


def test_nor_by_models_that_take_the_guidance_as_an_input(
    make_job: MakeJob, accelerator: Accelerator, devices: Devices
) -> None:
    check_reads(first_frame(sites, "lcm", make_job, scheduler="lcm", guidance=8.0), accelerator, devices)


@pytest.mark.parametrize(("scheduler", "chosen"), CHOSEN)
def test_what_is_chosen_of_a_sampler_adds_no_reads(
    scheduler: str, chosen: dict[str, str], make_job: MakeJob, accelerator: Accelerator, devices: Devices
) -> None:
    job = make_job("slim", [bend("add", "latent")], size=SIZE, steps=3, scheduler=scheduler, **chosen)
    with steps_watched(accelerator) as steps:
        devices.rendered("cuda", job)
        check_steps(accelerator, steps)


@pytest.mark.parametrize("kind", FEW_STEPS, ids=lambda kind: kind.name)
def test_every_kind_of_few_step_model_looks_on_the_device_as_on_the_cpu(
    kind: FewSteps, make_job: MakeJob, devices: Devices
) -> None:
    flow = schedulers.scheduler(kind.scheduler).flow
    model = {"lcm": "lcm", "flux_schnell": "flux"}.get(kind.name, "sd3" if flow else "slim")
    chosen = {name: getattr(kind, name) for name in ("scheduler", "spacing", "prediction")}
    job = make_job(model, [bend("add", "latent")], size=SIZE, steps=min(kind.steps), **chosen)
    wanted = devices.rendered("cpu", job)
    with pretended("cuda") as accelerator, steps_watched(accelerator) as steps:
        check_alike(devices.rendered("cuda", job), wanted)
        check_steps(accelerator, steps)


@pytest.mark.parametrize(
    ("scheduler", "kind", "precision"),
    [
        (name, *way)
        for number, name in enumerate(UNET)
        for way in [("cuda", "float16"), ("mps", "bfloat16"), ("mps", "float32")][
            slice(None) if ALL else slice(number % 3, number % 3 + 1)
        ]
    ],
)
def test_every_sampler_works_in_half_precision_and_on_mps(
    scheduler: str, kind: str, precision: str, make_job: MakeJob, devices: Devices
) -> None:
    job = make_job("slim", [bend("add", "latent", 2)], 2, size=SIZE, steps=3, batch=2, scheduler=scheduler)
    with pretended(kind) as accelerator, steps_watched(accelerator) as steps:
        devices.rendered(kind, replace(job, precision=precision))
        check_steps(accelerator, steps)
