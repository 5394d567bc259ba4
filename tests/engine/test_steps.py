"""Step windows on real schedulers: the first step is the first call of the network and the last is the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import HeunDiscreteScheduler, UniPCMultistepScheduler

from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import resolve
from blender_bend.engine.sampling import Sampler

MakeJob = Callable[..., Job]
STEPS = 6


@pytest.fixture(params=["sd15 with PNDM", "sd21 with DDIM", "sdxl with Euler", "sd15 with Heun", "sd15 with UniPC"])
def sampler(request: pytest.FixtureRequest, load: Callable[..., Any]) -> Sampler:
    """Models with their own schedulers, and schedulers that call the network more often than there are steps."""
    pipeline = load(request.param.split()[0])
    if request.param.endswith("Heun"):
        pipeline.scheduler = HeunDiscreteScheduler.from_config(pipeline.scheduler.config)
    if request.param.endswith("UniPC"):
        pipeline.scheduler = UniPCMultistepScheduler.from_config(pipeline.scheduler.config)
    return Sampler(pipeline)


def silenced(sampler: Sampler, make_job: MakeJob, start: float, end: float) -> list[bool]:
    """For each call of the network, whether a bend with that window silenced it."""
    job = make_job("sd15", [(Bend("Silence", "multiply", "unet:conv_out", start, end), [{"factor": 0.0}])], steps=STEPS)
    seen = []
    handle = sampler.pipeline.unet.register_forward_hook(
        lambda module, arguments, output: seen.append(not output[0].any().item())
    )
    try:
        sampler.render(resolve(job, job.frames[0]))
    finally:
        handle.remove()
    return seen


def test_the_whole_window_acts_at_every_call_of_the_network(sampler: Sampler, make_job: MakeJob) -> None:
    assert all(silenced(sampler, make_job, 0.0, 1.0))


def test_a_window_at_the_end_acts_at_the_last_call_and_not_at_the_first(sampler: Sampler, make_job: MakeJob) -> None:
    calls = silenced(sampler, make_job, 1.0, 1.0)
    assert calls[-1] and not calls[0]
    assert calls == sorted(calls)


def test_two_halves_share_the_calls_of_the_network(sampler: Sampler, make_job: MakeJob) -> None:
    early, late = silenced(sampler, make_job, 0.0, 0.5), silenced(sampler, make_job, 0.5, 1.0)
    assert early == [not call for call in late]
    assert early[0] and late[-1]


def test_a_latent_bend_at_the_end_acts_on_the_finished_latent(sampler: Sampler, make_job: MakeJob) -> None:
    """What it silences is silent for good, so the picture is that of an empty latent."""
    job = make_job("sd15", [(Bend("Silence", "multiply", "latent", 1.0, 1.0), [{"factor": 0.0}])], steps=STEPS)
    picture = sampler.render(resolve(job, job.frames[0]))
    vae = sampler.pipeline.vae
    with torch.inference_mode():
        decoded = vae.decode(torch.zeros(1, 4, 8, 8, dtype=vae.dtype), return_dict=False)[0]
        empty = sampler.pipeline.image_processor.postprocess(decoded)[0]
    assert np.array_equal(np.asarray(picture), np.asarray(empty))


def test_a_latent_bend_at_the_start_acts_before_the_network_sees_anything(sampler: Sampler, make_job: MakeJob) -> None:
    job = make_job("sd15", [(Bend("Silence", "multiply", "latent", 0.0, 0.0), [{"factor": 0.0}])], steps=STEPS)
    seen = []
    handle = sampler.pipeline.unet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].any().item()))
    try:
        sampler.render(resolve(job, job.frames[0]))
    finally:
        handle.remove()
    assert seen[0] is False
    assert all(seen[1:])
