"""Every sampler with every choice that it takes, bit for bit the stock pipeline with the same scheduler."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from stock import FLOW_SAMPLERS, UNET_SAMPLERS, OnePicture, call, image_to_image, use

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import resolve
from blender_bend.core.samplers.schedulers import NAMES, OPTIONS, SCHEDULERS, scheduler
from blender_bend.engine.sampling import Sampler

MakeJob = Callable[..., Job]
ALL = os.environ.get("BEND_TEST_ALL") == "1"
GUIDED = pytest.mark.parametrize("guidance", [3.0, 1.0], ids=["guided", "unguided"])


@pytest.fixture(scope="session")
def stocks(load: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """For each model a pipeline of diffusers, with the scheduler that it came with."""

    class Stocks(dict[str, tuple[Any, Any]]):
        def __missing__(self, kind: str) -> tuple[Any, Any]:
            pipeline = load(kind)
            self[kind] = pipeline, pipeline.scheduler
            return self[kind]

    return Stocks()


def settings_of(name: str, **chosen: str) -> dict[str, Any]:
    """Bend's choices as settings of a diffusers class."""
    settings: dict[str, Any] = {}
    if "spacing" in chosen:
        settings["timestep_spacing"] = chosen["spacing"]
    if "prediction" in chosen:
        settings["prediction_type"] = chosen["prediction"]
    if "sigmas" in chosen:
        settings[f"use_{chosen['sigmas']}_sigmas"] = True
    return settings


def ours(sampler: Sampler, job: Job, inputs: Any = None) -> np.ndarray:
    """The job's first frame."""
    return np.asarray(sampler.render(resolve(job, job.frames[0]), inputs))


def theirs(stock: tuple[Any, Any], job: Job, **options: Any) -> np.ndarray:
    """The same by the stock pipeline with the same scheduler."""
    generator = torch.Generator().manual_seed(job.seed)
    use(*stock, job.scheduler, generator, **options)
    return call(stock[0], job, generator)


def test_the_oracle_knows_every_sampler() -> None:
    assert {"own", *UNET_SAMPLERS, *FLOW_SAMPLERS} == set(NAMES)
    assert {row.name for row in SCHEDULERS if row.flow} == set(FLOW_SAMPLERS)
    for row in SCHEDULERS[1:]:
        assert row.diffusers == ({**UNET_SAMPLERS, **FLOW_SAMPLERS})[row.name][0].__name__


@pytest.mark.parametrize(
    ("name", "kind", "guidance"),
    [
        (name, kind, guidance)
        for row, name in enumerate(["own", *UNET_SAMPLERS])
        for column, kind in enumerate(["sd15", "sd21", "sdxl", "mini"])
        for guidance in ((3.0, 1.0) if ALL else [(3.0, 1.0)[(row + column) % 2]])
    ],
)
def test_a_sampler_is_that_of_the_stock_pipeline(
    name: str, kind: str, guidance: float, samplers: Any, stocks: Any, make_job: MakeJob
) -> None:
    """sd15 and sdxl predict noise, sd21 velocity, mini velocity down to a signal of zero."""
    for steps in (1, 5):
        job = make_job(kind, scheduler=name, steps=steps, guidance=guidance)
        assert np.array_equal(ours(samplers[kind], job), theirs(stocks[kind], job)), steps


@GUIDED
@pytest.mark.parametrize("kind", ["sd3", "flux"])
@pytest.mark.parametrize("name", ["own", *FLOW_SAMPLERS])
def test_a_flow_sampler_is_that_of_the_stock_pipeline(
    name: str, kind: str, guidance: float, samplers: Any, stocks: Any, make_job: MakeJob
) -> None:
    for steps in (1, 4):
        job = make_job(kind, scheduler=name, steps=steps, guidance=guidance, size=(96, 64))
        assert np.array_equal(ours(samplers[kind], job), theirs(stocks[kind], job)), steps


VARIANTS = [
    (row.name, option, choice) for row in SCHEDULERS[1:] for option in OPTIONS for choice in row.choices(option)
]


@pytest.mark.parametrize(("name", "option", "choice"), VARIANTS)
def test_a_choice_is_the_setting_of_the_stock_scheduler(
    name: str, option: str, choice: str, samplers: Any, stocks: Any, make_job: MakeJob
) -> None:
    if scheduler(name).spaced_by_hand and option == "spacing":
        pytest.skip("by hand: see the few-step models")
    for kind in ("sd3", "flux") if scheduler(name).flow else ("slim", "sdxl"):
        job = make_job(kind, scheduler=name, steps=4, guidance=1.0, **{option: choice})
        assert np.array_equal(
            ours(samplers[kind], job), theirs(stocks[kind], job, **settings_of(name, **{option: choice}))
        )


@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl", "mini"])
def test_choices_on_the_models_own_sampler_leave_the_rest_of_it(
    kind: str, samplers: Any, stocks: Any, make_job: MakeJob
) -> None:
    for chosen in ({"spacing": "trailing"}, {"prediction": "epsilon"}, {"prediction": "v_prediction"}):
        job = make_job(kind, steps=4, **chosen)
        assert np.array_equal(ours(samplers[kind], job), theirs(stocks[kind], job, **settings_of("own", **chosen)))


def test_all_choices_at_once(samplers: Any, stocks: Any, make_job: MakeJob) -> None:
    chosen = {"spacing": "linspace", "sigmas": "karras", "prediction": "v_prediction"}
    for name in ("euler", "heun", "dpm", "dpm_sde", "unipc"):
        job = make_job("sd15", scheduler=name, steps=6, **chosen)
        assert np.array_equal(ours(samplers["sd15"], job), theirs(stocks["sd15"], job, **settings_of(name, **chosen)))


STARTS = [(kind, name) for kind in ("slim", "sdxl", "sd21") for name in ("own", *UNET_SAMPLERS)]
STARTS += [(kind, name) for kind in ("sd3", "flux") for name in ("own", *FLOW_SAMPLERS)]


@pytest.mark.parametrize(("kind", "name"), STARTS)
def test_a_start_from_a_picture_is_that_of_the_stock_pipeline(
    kind: str, name: str, samplers: Any, stocks: Any, make_job: MakeJob
) -> None:
    pipeline, own = stocks[kind]
    size, start = (64, 64), OnePicture((64, 64))
    try:
        for strength in (0.25, 0.5, 1.0):
            frame = {"picture": "1" * 64, "strip": {"strength": strength}}
            job = make_job(kind, scheduler=name, steps=4, size=size, source="pictures", frames=[frame])
            generator = torch.Generator().manual_seed(job.seed)
            stock = image_to_image(kind, pipeline)
            use(stock, own, name, generator)
            expected = call(stock, job, generator, image=start.picture, strength=strength)
            assert np.array_equal(ours(samplers[kind], job, start), expected), strength
    finally:
        vars(pipeline.vae).pop("encode", None)


def test_what_a_pipeline_mended_in_its_scheduler_stays(load: Callable[..., Any], make_job: MakeJob) -> None:
    """A model without ``steps_offset`` gets 1 by the stock pipeline, which counts as a default of the class."""
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    parts = load("sd15").components
    bare = PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        prediction_type="epsilon",
    )
    parts = {**parts, "scheduler": bare}
    pipeline = StableDiffusionPipeline(**parts, requires_safety_checker=False)
    assert pipeline.scheduler.config.steps_offset == 1
    assert "steps_offset" in pipeline.scheduler.config["_use_default_values"]
    sampler = Sampler(pipeline)
    for chosen in ({}, {"scheduler": "pndm"}, {"prediction": "v_prediction"}):
        job = make_job("sd15", steps=4, **chosen)
        state = sampler.begin_frame(resolve(job, job.frames[0]), None)
        assert state.scheduler.config.steps_offset == 1
        assert state.scheduler.timesteps.tolist() == [751, 501, 501, 251, 1]
        assert state.scheduler.config.prediction_type == chosen.get("prediction", "epsilon")


def test_the_models_own_kind_of_solver_does_not_replace_the_chosen_one(
    load: Callable[..., Any], make_job: MakeJob
) -> None:
    """DPM++ 2M and its SDE are one class; a model that came with one of them can be sampled with either."""
    pictures = {}
    for algorithm in ("dpmsolver++", "sde-dpmsolver++"):
        pipeline = load("mini")
        pipeline.scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config, algorithm_type=algorithm)
        for name in ("dpm", "dpm_sde"):
            pictures[algorithm, name] = ours(Sampler(pipeline), make_job("mini", scheduler=name, steps=4))
    assert np.array_equal(pictures["dpmsolver++", "dpm"], pictures["sde-dpmsolver++", "dpm"])
    assert np.array_equal(pictures["dpmsolver++", "dpm_sde"], pictures["sde-dpmsolver++", "dpm_sde"])
    assert not np.array_equal(pictures["dpmsolver++", "dpm"], pictures["dpmsolver++", "dpm_sde"])


def test_a_schedule_that_shifts_with_the_size_does_so_for_flow_heun_too(samplers: Any, make_job: MakeJob) -> None:
    """Its levels are those of a FlowMatchEuler scheduler with the same shift, each but the first asked twice."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    sampler = samplers["flux"]
    shift = sampler.pipeline.scheduler.config
    for size in ((64, 64), (512, 256)):
        job = make_job("flux", scheduler="flow_heun", steps=5, size=size)
        found = sampler.begin_frame(resolve(job, job.frames[0]), None).scheduler.timesteps
        tokens = size[0] * size[1] // 256
        mu = shift.base_shift + (shift.max_shift - shift.base_shift) * (tokens - 256) / (4096 - 256)
        euler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
        euler.set_timesteps(5, mu=mu)
        assert torch.allclose(found[::2], euler.timesteps, rtol=1e-5)


def test_a_model_of_a_constant_shift_can_be_sampled_with_every_flow_sampler(
    load: Callable[..., Any], make_job: MakeJob
) -> None:
    """FLUX schnell: shift 1, the same for all sizes."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    bend, stock = load("flux"), load("flux")
    own = FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=False, base_shift=0.5, max_shift=1.15)
    bend.scheduler = own
    for name in ("own", *FLOW_SAMPLERS):
        job = make_job("flux", scheduler=name, steps=4, guidance=0.0)
        assert np.array_equal(ours(Sampler(bend), job), theirs((stock, own), job)), name


@pytest.mark.parametrize("kind", ["sd15", "sd3"])
def test_a_sampler_or_choice_that_the_model_does_not_have_is_refused_with_words(
    kind: str, samplers: Any, make_job: MakeJob
) -> None:
    family = samplers[kind].family
    for row in SCHEDULERS[1:]:
        if row.flow != family.flow:
            with pytest.raises(BendError) as caught:
                ours(samplers[kind], make_job(kind, scheduler=row.name))
            assert caught.value.code == Code.PARAMETER_INVALID
            assert row.label in caught.value.message and "Model's Own" in caught.value.hint
    own = {"sd15": {"sigmas": "karras"}, "sd3": {"spacing": "trailing", "prediction": "v_prediction"}}[kind]
    for option, choice in own.items():
        with pytest.raises(BendError) as caught:
            ours(samplers[kind], make_job(kind, **{option: choice}))
        assert caught.value.code == Code.PARAMETER_INVALID
        assert option.title() in caught.value.message and option.title() in caught.value.hint
