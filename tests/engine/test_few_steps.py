"""Models for few steps: the published timesteps, and the pictures of the stock pipeline set up as their cards say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    LCMScheduler,
    TCDScheduler,
)
from stock import call

from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import resolve
from blender_bend.core.samplers.few_steps import FEW_STEPS, FewSteps
from blender_bend.engine.sampling import Sampler

MakeJob = Callable[..., Job]

#: The model each kind is made from here, its published scheduler settings (a class and what differs from SDXL's), and
#: what its card makes the pipeline do.
CARDS: dict[str, tuple[str, Callable[[Any], Any], dict[str, Any]]] = {
    "sd_turbo": ("sd15", lambda own: EulerDiscreteScheduler.from_config(own, timestep_spacing="trailing"), {}),
    "sdxl_turbo": (
        "sdxl",
        lambda own: EulerAncestralDiscreteScheduler.from_config(own, timestep_spacing="trailing"),
        {},
    ),
    "lightning": ("sdxl", lambda own: EulerDiscreteScheduler.from_config(own, timestep_spacing="trailing"), {}),
    "lightning_1": (
        "sdxl",
        lambda own: EulerDiscreteScheduler.from_config(own, timestep_spacing="trailing", prediction_type="sample"),
        {},
    ),
    # The published settings of SDXL, though those of an Euler scheduler, say these two for DDIM.
    "hyper": (
        "sdxl",
        lambda own: DDIMScheduler.from_config(
            own, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=False
        ),
        {},
    ),
    "hyper_cfg": (
        "sd15",
        lambda own: DDIMScheduler.from_config(own, timestep_spacing="trailing", clip_sample=False),
        {},
    ),
    "dmd2": ("sdxl", LCMScheduler.from_config, {"timesteps": [999, 749, 499, 249]}),
    "lcm": ("lcm", LCMScheduler.from_config, {}),
    "lcm_lora": ("sdxl", LCMScheduler.from_config, {}),
    "tcd": ("sd15", TCDScheduler.from_config, {"eta": 0.0}),
    "sd35_turbo": ("sd3", FlowMatchEulerDiscreteScheduler.from_config, {}),
    "flux_schnell": ("flux", lambda own: FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=False), {}),
}
#: Of Stable Diffusion kinds, by (scheduler, spacing, steps).
PUBLISHED = {
    ("trailing", 1): [999],
    ("trailing", 2): [999, 499],
    ("trailing", 4): [999, 749, 499, 249],
    ("trailing", 8): [999, 874, 749, 624, 499, 374, 249, 124],
    ("trailing", 12): [999, 916, 832, 749, 666, 582, 499, 416, 332, 249, 166, 82],
    ("auto", 1): [999],
    ("auto", 2): [999, 499],
    ("auto", 4): [999, 759, 499, 259],
    ("auto", 8): [999, 879, 759, 639, 499, 379, 259, 139],
}


def job_of(kind: FewSteps, steps: int, guidance: float, make_job: MakeJob) -> Job:
    """A job as the strip would be set."""
    chosen = {"scheduler": kind.scheduler, "spacing": kind.spacing, "prediction": kind.prediction}
    return make_job(CARDS[kind.name][0], steps=steps, guidance=guidance, **chosen)


def test_every_kind_has_its_card() -> None:
    assert [kind.name for kind in FEW_STEPS] == list(CARDS)


@pytest.mark.parametrize("kind", FEW_STEPS, ids=lambda kind: kind.name)
def test_a_few_step_model_gives_what_the_stock_pipeline_of_its_card_gives(
    kind: FewSteps, samplers: dict[str, Sampler], load: Callable[..., Any], make_job: MakeJob
) -> None:
    model, scheduler, asked = CARDS[kind.name]
    stock = load(model)
    own = stock.scheduler
    stock.scheduler = scheduler(own.config)
    sampler = samplers[model]
    if kind.name == "flux_schnell":
        pipeline = load(model)
        pipeline.scheduler = stock.scheduler
        sampler = Sampler(pipeline)
    for steps in kind.steps:
        for guidance in dict.fromkeys((0.0, *kind.guidance, 3.0)):
            job = job_of(kind, steps, guidance, make_job)
            generator = torch.Generator().manual_seed(job.seed)
            asked_now = {**asked, "num_inference_steps": None} if "timesteps" in asked else asked
            theirs = call(stock, job, generator, **asked_now)
            ours = np.asarray(sampler.render(resolve(job, job.frames[0])))
            assert np.array_equal(ours, theirs), (steps, guidance)


@pytest.mark.parametrize(
    "kind", [kind for kind in FEW_STEPS if CARDS[kind.name][0] not in ("sd3", "flux")], ids=lambda kind: kind.name
)
def test_the_timesteps_are_the_published_ones(kind: FewSteps, samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    sampler = samplers[CARDS[kind.name][0]]
    asked: list[float] = []
    handle = sampler.pipeline.unet.register_forward_pre_hook(lambda module, x: asked.append(float(x[1])))
    try:
        for steps in kind.steps:
            asked.clear()
            job = job_of(kind, steps, 1.0, make_job)
            sampler.render(resolve(job, job.frames[0]))
            assert asked == PUBLISHED[kind.spacing, steps]
    finally:
        handle.remove()


@pytest.mark.parametrize(
    ("scheduler", "settings"),
    [
        (EulerDiscreteScheduler, {"timestep_spacing": "trailing"}),
        (EulerAncestralDiscreteScheduler, {"timestep_spacing": "trailing"}),
    ],
    ids=["SD-Turbo", "SDXL-Turbo"],
)
def test_a_turbo_folder_needs_no_choices(
    scheduler: Any, settings: dict[str, Any], load: Callable[..., Any], make_job: MakeJob
) -> None:
    """Its published scheduler is trailing; the same class chosen by name keeps that."""
    pipeline = load("sdxl")
    pipeline.scheduler = scheduler.from_config(pipeline.scheduler.config, **settings)
    sampler = Sampler(pipeline)
    for name in ("own", "euler", "euler_ancestral", "ddim", "dpm", "unipc"):
        job = make_job("sdxl", scheduler=name, steps=4)
        state = sampler.begin_frame(resolve(job, job.frames[0]), None)
        assert state.scheduler.timesteps.tolist() == [999, 749, 499, 249], name


@pytest.mark.parametrize("steps", [51, 1000])
@pytest.mark.parametrize("name", ["lcm", "tcd"])
def test_more_steps_than_a_model_was_distilled_with_are_refused_with_words(
    name: str, steps: int, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    from blender_bend.core.errors import BendError, Code

    job = make_job("sd15", scheduler=name, steps=steps)
    with pytest.raises(BendError) as caught:
        samplers["sd15"].render(resolve(job, job.frames[0]))
    assert caught.value.code == Code.PARAMETER_INVALID
    assert f"{steps} steps" in caught.value.message and caught.value.hint
