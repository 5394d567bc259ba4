"""Schedules of every sampler: any number of steps, copies that leave the original alone, calls and steps, sharing."""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from stock import OnePicture
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.job.resolved import Resolved
from blender_bend.core.samplers.schedulers import SCHEDULERS, Scheduler
from blender_bend.engine.families.family import settled, takes_generator
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.sampling.schedulers import branch, prepare

MakeJob = Callable[..., Job]
EVERY = pytest.mark.parametrize("row", SCHEDULERS[1:], ids=lambda row: row.name)


def model_of(row: Scheduler) -> str:
    """A model that the sampler is for."""
    return "flux" if row.flow else "sd15"


def first(job: Job) -> Resolved:
    """The job's first frame."""
    return resolve(job, job.frames[0])


def stepped(family: Any, scheduler: Any, call: int, latents: Tensor, generator: torch.Generator) -> Tensor:
    """A step with a prediction that is made up, but alike for alike latents."""
    told: dict[str, Any] = dict(settled(type(scheduler)))
    if takes_generator(type(scheduler)):
        told["generator"] = generator
    timestep = scheduler.timesteps[call]
    if hasattr(scheduler, "scale_model_input"):
        scheduler.scale_model_input(latents, timestep)
    return family.step(scheduler, latents.sin(), timestep, latents, **told)


@EVERY
def test_any_number_of_steps_is_right_or_refused_with_words(
    row: Scheduler, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    family = samplers[model_of(row)].family
    variants = [{}, *({"spacing": s} for s in row.spacings), *({"sigmas": s} for s in row.sigmas)]
    for chosen in variants:
        made = []
        for steps in (1, 2, 3, 4, 7, 16, 50, 333, 501, 999, 1000):
            try:
                frame = first(make_job(model_of(row), scheduler=row.name, steps=steps, **chosen))
                scheduler = prepare(family, frame)
            except BendError as error:
                assert error.code == Code.PARAMETER_INVALID
                assert f"{steps} steps" in error.message and error.hint
                assert "`" not in error.message and "_" not in error.message, "a library's own words"
                continue
            generator = torch.Generator().manual_seed(0)
            x = torch.randn((1, 4, 4, 4), generator=generator) * getattr(scheduler, "init_noise_sigma", 1.0)
            # Of the long ones only one takes all its steps.
            calls = len(scheduler.timesteps) if steps <= 50 or (not chosen and steps in (501, 1000)) else 5
            for call in range(calls):
                x = stepped(family, scheduler, call, x, generator)
            assert torch.isfinite(x).all(), (chosen, steps)
            made.append(steps)
        assert set(made) >= {1, 2, 3, 4, 7, 16, 50}, chosen


@EVERY
def test_every_choice_changes_the_schedule_and_no_other_is_possible(
    row: Scheduler, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    family = samplers[model_of(row)].family
    for option in ("spacing", "sigmas"):
        # What the model has anyway is not another choice: sd15 is published with leading.
        choices = [choice for choice in row.choices(option) if choice != "leading"]
        schedules = [
            schedule_of(
                prepare(family, first(make_job(model_of(row), scheduler=row.name, steps=7, **{option: choice})))
            )
            for choice in ("auto", *choices)
        ]
        assert len({repr(found) for found in schedules}) == len(schedules), option
    known = inspect.signature(getattr(diffusers, row.diffusers).__init__).parameters
    if not row.flow:
        offered = {f"use_{sigmas}_sigmas" for sigmas in row.sigmas}
        assert offered == {name for name in known if name.startswith("use_") and name.endswith("_sigmas")} - {
            "use_flow_sigmas"
        }
        assert row.spacings and row.predictions


@pytest.mark.parametrize(
    "row", [row for row in SCHEDULERS if row.sigmas and row.spacings][1:], ids=lambda row: row.name
)
def test_where_sigmas_overrule_the_spacing_is_known(
    row: Scheduler, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    family = samplers["sd15"].family
    for sigmas in row.sigmas:
        made = {
            repr(
                schedule_of(
                    prepare(family, {**first(make_job("sd15", scheduler=row.name, steps=7, sigmas=sigmas)), **s})
                )
            )
            for s in ({}, {"spacing": "trailing"}, {"spacing": "linspace"})
        }
        assert (len(made) == 1) == row.spaced_by_sigmas


def schedule_of(scheduler: Any) -> tuple[list[float], list[float]]:
    """Timesteps and noise levels."""
    return scheduler.timesteps.tolist(), torch.as_tensor(getattr(scheduler, "sigmas", ())).tolist()


def test_the_samplers_that_do_not_know_zero_terminal_snr_are_those_of_the_documentation() -> None:
    ignoring = {
        row.label
        for row in SCHEDULERS[1:]
        if not row.flow
        and "rescale_betas_zero_snr" not in inspect.signature(getattr(diffusers, row.diffusers).__init__).parameters
    }
    assert ignoring == {"PNDM", "Heun"}


@EVERY
def test_a_copy_that_steps_leaves_the_original_as_it_was(
    row: Scheduler, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    """At every call, so that whatever a solver remembers has been filled."""
    family = samplers[model_of(row)].family
    scheduler = prepare(family, first(make_job(model_of(row), scheduler=row.name, steps=5)))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((1, 4, 4, 4), generator=generator)
    for call in range(len(scheduler.timesteps)):
        before = copy.deepcopy(vars(scheduler))
        copied = branch(scheduler)
        after = stepped(family, copied, call, x, generator)
        assert_same(vars(scheduler), before)
        stepped(family, branch(scheduler), call, x + 1.0, generator)
        assert_same(vars(scheduler), before)
        scheduler, x = copied, after


def assert_same(one: Any, two: Any) -> None:
    """Equal, down to the tensors in lists and tables."""
    assert type(one) is type(two)
    if isinstance(one, (Tensor, np.ndarray)):
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(two))
    elif isinstance(one, dict):
        assert list(one) == list(two)
        for name in one:
            assert_same(one[name], two[name])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for mine, other in zip(one, two, strict=True):
            assert_same(mine, other)
    else:
        assert one == two


def called_steps(row: Scheduler, steps: int) -> list[int]:
    """The denoising step that each call of the network belongs to, by hand."""
    if row.name == "pndm":
        return [0, *range(steps)] if steps > 1 else [0]
    if row.name in ("heun", "flow_heun"):  # twice a step, once in the last
        return [step for step in range(steps) for _ in range(2)][:-1]
    return list(range(steps))


@EVERY
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_bend_at_a_step_acts_at_the_calls_of_that_step(
    row: Scheduler, steps: int, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    """What silences the network's last layer at one step is seen in the calls of that step and in no others."""
    sampler, kind = samplers[model_of(row)], model_of(row)
    site = {"sd15": "unet:conv_out", "flux": "transformer:proj_out"}[kind]
    module = sampler.family.denoiser
    for step in {0, steps // 2, steps - 1}:
        bend = Bend("Silence", "multiply", site, step / steps, (step + 1) / steps)
        seen: list[bool] = []
        handle = module.register_forward_hook(lambda m, x, out, seen=seen: seen.append(not out[0].any().item()))
        try:
            sampler.render(
                first(make_job(kind, [(bend, [{"factor": 0.0}])], scheduler=row.name, steps=steps, guidance=1.0))
            )
        finally:
            handle.remove()
        assert [index for index, silent in enumerate(seen) if silent] == [
            index for index, at in enumerate(called_steps(row, steps)) if at == step
        ]
        assert len(seen) == len(called_steps(row, steps))


def film(make_job: MakeJob, row: Scheduler, **settings: Any) -> dict[str, Resolved]:
    """Frames that part at several steps, some of which start from a picture."""
    factors = [1.0, 1.1, 1.3, 0.9]
    bends = [
        (
            Bend("Early", "multiply", "latent", 0.0, 0.25),
            [{"factor": f if i > 2 else 1.0} for i, f in enumerate(factors)],
        ),
        (Bend("Middle", "add", "prediction", 0.25, 0.75), [{"amount": f - 1.0} for f in factors]),
        (Bend("Late", "multiply", "latent", 0.75, 1.0), [{"factor": f, "mix": 0.5} for f in reversed(factors)]),
    ]
    strengths = [1.0, 0.5, 0.75, 0.5]
    frames = [{"picture": "1" * 64, "strip": {"strength": strength}} for strength in strengths]
    source = settings.get("source", "noise")
    job = make_job(
        model_of(row),
        bends,
        frames if source == "pictures" else 4,
        steps=4,
        scheduler=row.name,
        guidance=1.0,
        **settings,
    )
    return {frame_key(data): data for data in (resolve(job, frame) for frame in job.frames)}


def rendered(sampler: Sampler, frames: dict[str, Resolved]) -> dict[str, np.ndarray]:
    """The pictures of frames, made as one job."""
    made: dict[str, np.ndarray] = {}
    sampler.render_all(frames, lambda key, picture: made.update({key: np.asarray(picture)}), OnePicture((64, 64)))
    return made


@EVERY
@pytest.mark.parametrize("source", ["noise", "pictures"])
def test_frames_that_share_states_or_batches_are_as_each_alone(
    row: Scheduler, source: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    sampler = samplers[model_of(row)]
    frames = film(make_job, row, source=source)
    together = rendered(sampler, frames)
    for key, frame in frames.items():
        assert np.array_equal(np.asarray(sampler.render(frame, OnePicture((64, 64)))), together[key])
    assert len({picture.tobytes() for picture in together.values()}) == len(frames)
    batched = film(make_job, row, source=source, batch=3)
    whole = rendered(sampler, batched)
    shuffled = list(batched.items())
    random.Random(1).shuffle(shuffled)
    for part in (shuffled, shuffled[:2], shuffled[:1]):
        for key, picture in rendered(sampler, dict(part)).items():
            assert np.array_equal(picture, whole[key])


def test_how_long_a_step_takes_counts_all_calls_of_the_network(
    samplers: dict[str, Sampler], make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heun asks nearly twice as often as there are steps."""
    import blender_bend.engine.sampling.sampler as module

    ticks = iter(float(number) for number in range(1000))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(ticks))
    sampler = samplers["sd15"]
    assert sampler.measure(first(make_job("sd15", scheduler="euler", steps=10)))[0] == 1.0
    assert sampler.measure(first(make_job("sd15", scheduler="heun", steps=10)))[0] == 1.9


def test_a_job_that_keeps_its_layout_can_be_told_what_the_network_predicts(make_job: MakeJob) -> None:
    """Its timesteps are those of the inversion; its prediction is the strip's."""
    frame = {"picture": "1" * 64}
    job = make_job("mini", frames=[frame], source="pictures", editing=True, spacing="trailing", scheduler="ddim")
    assert "spacing" not in first(job) and "prediction" not in first(job)
    assert first(replace(job, prediction="epsilon"))["prediction"] == "epsilon"
