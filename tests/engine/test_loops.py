"""Loops and ways between noises and prompts: a closed walk ends where it began, and nothing loses its spread."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.engine.prompts.encoder import slerp
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.sampling.noise import starting_noise

MakeJob = Callable[..., Job]


def walk(make_job: MakeJob, kind: str, count: int, **settings: Any) -> Job:
    """A walk once round in so many frames, with the first again as the last."""
    bends = [(Bend("Turn", "rotate_channels", "latent", 0.3, 1.0), [{"angle": 0.4}] * (count + 1))]
    frames = [{"walk": number / count} for number in range(count + 1)]
    return make_job(kind, bends, frames, walk_amount=0.7, **settings)


@pytest.mark.parametrize("count", [3, 7, 100, 720])
def test_the_last_frame_of_a_closed_walk_has_the_key_of_the_first(count: int, make_job: MakeJob) -> None:
    keys = [frame_key(resolve(job, frame)) for job in [walk(make_job, "mini", count)] for frame in job.frames]
    assert keys[-1] == keys[0]
    assert len(set(keys)) == count


@pytest.mark.parametrize("kind", ["sd15", "mini"])
def test_the_last_frame_of_a_closed_walk_is_the_first_bit_for_bit(
    kind: str, load: Callable[..., Any], make_job: MakeJob
) -> None:
    """Each on a sampler of its own, as after a new start."""
    job = walk(make_job, kind, 7)
    first, last, other = (
        np.asarray(Sampler(load(kind)).render(resolve(job, job.frames[number]))) for number in (0, 7, 3)
    )
    assert np.array_equal(first, last)
    assert not np.array_equal(first, other)


def noise(sampler: Sampler, make_job: MakeJob, travel: float = 0.0, turn: float | None = None, seed: int = 7) -> Tensor:
    """The noise that a frame of 512 x 512 begins with."""
    frame = {"walk": turn, "strip": {"seed_travel": travel}}
    job = make_job("mini", frames=[frame], walk_amount=0.6, size=(512, 512), seed=seed)
    return starting_noise(sampler.family, resolve(job, job.frames[0]))[0]


def test_the_noise_has_unit_variance_everywhere_on_walks_and_travels(
    samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    """16384 numbers: the deviation of a deviation is 0.0055."""
    for travel in (0.0, 0.25, 0.5, 1.0, 2.75, -0.5):
        for turn in (None, 0.0, 0.125, 0.5, 0.9):
            drawn = noise(samplers["mini"], make_job, travel, turn)
            assert abs(drawn.std().item() - 1) < 0.025 and abs(drawn.mean().item()) < 0.04


def test_whole_travels_are_the_noises_of_the_next_seeds(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    for whole in (-2, 1, 3):
        there = noise(samplers["mini"], make_job, travel=float(whole))
        assert torch.equal(there, noise(samplers["mini"], make_job, seed=7 + whole))


def test_a_travel_is_without_jumps(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    """Over a whole seed as within: equal steps are equally far."""
    steps = [noise(samplers["mini"], make_job, travel=0.75 + number / 16) for number in range(9)]
    distances = [(two - one).norm().item() for one, two in itertools.pairwise(steps)]
    assert max(distances) < 1.1 * min(distances)


def test_a_walk_is_without_jumps_where_it_closes(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    steps = [noise(samplers["mini"], make_job, turn=number / 32 % 1.0) for number in range(34)]
    distances = [(two - one).norm().item() for one, two in itertools.pairwise(steps)]
    assert max(distances) < 1.1 * min(distances)


def test_a_walk_is_the_formula(samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    """sqrt(1 - a^2) n_0 + a (cos t n_1 + sin t n_2): opposite places differ by the walking noise alone."""
    still, here, quarter, opposite = (noise(samplers["mini"], make_job, turn=t) for t in (None, 0.0, 0.25, 0.5))
    assert torch.allclose((here + opposite) / 2, math.sqrt(1 - 0.6**2) * still, atol=1e-5)
    one, two = (here - opposite) / 1.2, (quarter - math.sqrt(1 - 0.6**2) * still) / 0.6
    diagonal = math.sqrt(1 - 0.6**2) * still + 0.6 * math.sqrt(0.5) * (one + two)
    assert torch.allclose(noise(samplers["mini"], make_job, turn=0.125), diagonal, atol=1e-5)
    assert abs((one * two).mean().item()) < 0.04 and abs((one * still).mean().item()) < 0.04


def test_a_sampler_that_draws_noise_draws_the_same_at_every_place_of_a_travel(
    samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    """Or whole seeds would jump."""
    states = []
    for travel in (0.0, 0.5, 1.0, 2.5):
        job = make_job("sd15", frames=[{"strip": {"seed_travel": travel}}])
        _, generator = starting_noise(samplers["sd15"].family, resolve(job, job.frames[0]))
        states.append(torch.randn(4, generator=generator))
    assert all(torch.equal(state, states[0]) for state in states)


shares = st.floats(0, 1)
seeds = st.integers(0, 1000)


def vector(seed: int, length: int = 32) -> Tensor:
    """A seeded vector."""
    return torch.randn(3, length, generator=torch.Generator().manual_seed(seed))


@given(seeds, shares)
def test_slerp_turns_evenly_and_its_length_goes_over_evenly(seed: int, share: float) -> None:
    one, two = vector(seed), 3 * vector(seed + 1)
    between = slerp(one, two, share)
    lengths = (1 - share) * one.norm(dim=-1) + share * two.norm(dim=-1)
    assert torch.allclose(between.norm(dim=-1), lengths, rtol=1e-4)

    def angle(a: Tensor, b: Tensor) -> Tensor:
        return torch.nn.functional.cosine_similarity(a.double(), b.double(), dim=-1).clamp(-1, 1).acos()

    assert torch.allclose(angle(one, between), share * angle(one, two), atol=1e-3)


@given(seeds, shares)
def test_slerp_backwards_is_the_other_share(seed: int, share: float) -> None:
    one, two = vector(seed), vector(seed + 1)
    assert torch.allclose(slerp(one, two, share), slerp(two, one, 1 - share), atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_slerp_where_there_is_no_circle_is_a_straight_line(share: float) -> None:
    one = vector(1)
    for two in (one, 2 * one, torch.zeros_like(one)):
        assert torch.allclose(slerp(one, two, share), (1 - share) * one + share * two, atol=1e-3)
    assert torch.isfinite(slerp(one, -one, share)).all()


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_slerp_in_half_precision_is_that_of_whole_precision(precision: torch.dtype) -> None:
    one, two = vector(1).to(precision), vector(2).to(precision)
    between = slerp(one, two, 0.3)
    assert between.dtype == precision
    assert torch.allclose(between.float(), slerp(one.float(), two.float(), 0.3), atol=0.02)


def test_prompts_blended_along_the_circle_keep_their_strength(samplers: dict[str, Sampler]) -> None:
    encoder = samplers["mini"].prompts
    sea, fire = ([prompt, 0.5] for prompt in ("a calm sea", "fire and lava"))
    lengths = {
        blending: encoder.encode([sea, fire], "", False, blending)["prompt_embeds"].norm(dim=-1)
        for blending in ("linear", "spherical")
    }
    ends = [encoder.encode([[prompt, 1.0]], "", False)["prompt_embeds"].norm(dim=-1) for prompt, _ in (sea, fire)]
    assert torch.allclose(lengths["spherical"], (ends[0] + ends[1]) / 2, rtol=1e-3)
    assert bool((lengths["linear"] <= lengths["spherical"] + 1e-3).all())
    assert lengths["linear"].mean() < lengths["spherical"].mean()
