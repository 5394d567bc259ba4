"""What bends make of a latent stays within reach: no error at many steps, and healthy pictures as they were."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler

from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import resolve
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling import reach, sampler

MakeJob = Callable[..., Job]


def picture(renderer: Renderer, job: Job) -> np.ndarray:
    return np.asarray(renderer.sampler(job, job.bends).render(resolve(job, job.frames[0])))


@pytest.mark.parametrize("scheduler", ["own", "euler"])
@pytest.mark.parametrize(("operator", "values"), [("power", {"exponent": 1.75}), ("multiply", {"factor": 3.0})])
def test_what_multiplies_at_each_of_many_steps_still_makes_a_picture(
    renderer: Renderer, make_job: MakeJob, operator: str, values: dict[str, float], scheduler: str
) -> None:
    job = make_job("mini", [(Bend("It", operator, "latent"), [values])], steps=100, guidance=1.0, scheduler=scheduler)
    assert picture(renderer, job).std(axis=(0, 1)).max() > 3


@pytest.mark.parametrize("scheduler", ["own", "ddim", "euler"])
@pytest.mark.parametrize(("operator", "values"), [("rotate_channels", {"angle": 1.0}), ("add", {"amount": 2.0})])
def test_a_bend_within_reach_makes_the_same_picture_bit_for_bit(
    renderer: Renderer,
    make_job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    operator: str,
    values: dict[str, float],
    scheduler: str,
) -> None:
    job = make_job("mini", [(Bend("It", operator, "latent"), [values])], steps=4, scheduler=scheduler)
    held = picture(renderer, job)
    monkeypatch.setattr(reach, "FURTHEST", math.inf)
    monkeypatch.setattr(sampler, "FURTHEST", math.inf)
    assert np.array_equal(held, picture(renderer, job))


def test_the_reach_is_in_spreads_of_what_the_network_takes() -> None:
    scheduler = EulerDiscreteScheduler()
    scheduler.set_timesteps(4)
    scheduler.set_begin_index(0)
    sigma = float(scheduler.sigmas[0])
    assert reach.reach(scheduler, scheduler.timesteps[0]) == pytest.approx(128 * math.hypot(sigma, 1))
    assert reach.reach(object(), torch.tensor(1.0)) == 128
