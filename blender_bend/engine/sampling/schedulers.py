"""The diffusers schedulers of frames, and copies of them for states that part ways."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import diffusers
import numpy as np
import torch

from ...core.errors import BendError, Code
from ...core.job.resolved import Resolved
from ...core.samplers.sampler_choices import names
from ...core.samplers.schedulers import AUTO, OPTIONS, OWN, PREDICTIONS, SCHEDULERS, SIGMAS, SPACINGS, Scheduler
from ...core.samplers.schedulers import scheduler as described
from ..families import Family


def prepare(family: Family, frame: Resolved) -> Any:
    """A scheduler of its own for a frame's sampling, with its timesteps set and before its first step.

    Raises
    ------
    BendError(PARAMETER_INVALID) if the model, the choices or the number of steps do not go with it
    """
    own, name, steps = family.pipeline.scheduler, frame["scheduler"], frame["steps"]
    row = of_model(own, family.flow) if name == OWN else described(name)
    if row.flow != family.flow:
        fitting = [other.label for other in SCHEDULERS if other.name != OWN and other.flow == family.flow]
        raise BendError(
            Code.PARAMETER_INVALID,
            f"This model can't be sampled with {row.label}.",
            f"Choose Model's Own or one of: {', '.join(fitting)}.",
        )
    chosen = {option: str(frame.get(option, AUTO)) for option in OPTIONS}
    row.check(**chosen)
    scheduler = made(own, row, name == OWN, chosen)
    try:
        if row.spaced_by_hand and chosen["spacing"] != AUTO:
            scheduler.set_timesteps(timesteps=_trailing(scheduler, steps), device=family.device)
        else:
            family.set_timesteps(scheduler, steps, frame["size"])
    except ValueError as error:
        most = scheduler.config.get("original_inference_steps", 0)
        why = f"it takes {most} at most" if 0 < most < steps else str(error).rstrip(".")
        raise _too_many(row, steps, why) from error
    _check_schedule(scheduler, row, steps)
    if hasattr(scheduler, "set_begin_index"):
        # Two first timesteps can be equal; without this, schedulers would leave the first one out.
        scheduler.set_begin_index(0)
    return scheduler


def of_model(own: Any, flow: bool) -> Scheduler:
    """What is known about a model's own scheduler, from the table or by asking its class."""
    name = type(own).__name__
    for row in SCHEDULERS:
        if row.diffusers == name and row.flow == flow:
            return row
    known = inspect.signature(type(own).__init__).parameters
    return Scheduler(
        OWN,
        name,
        "",
        name,
        flow=flow,
        spacings=names(SPACINGS) if "timestep_spacing" in known else (),
        sigmas=tuple(sigmas for sigmas in names(SIGMAS) if f"use_{sigmas}_sigmas" in known),
        predictions=names(PREDICTIONS)[:2] if "prediction_type" in known and not flow else (),
    )


def made(own: Any, row: Scheduler, is_own: bool, chosen: dict[str, str]) -> Any:
    """A scheduler as a row of the table describes it, with the choices put on top.

    Parameters
    ----------
    own : the pipeline's
    is_own : whether it was asked for, so that only the choices are put on it
    chosen : by option, each allowed by ``row``
    """
    kind = type(own) if is_own else getattr(diffusers, row.diffusers)
    config, known = own.config, inspect.signature(kind.__init__).parameters
    settings = {} if is_own else {**row.settings}
    if not is_own:
        settings |= {name: config[others] for name, others in row.renamed.items() if others in config}
    if "use_dynamic_shifting" not in known and config.get("use_dynamic_shifting", False):
        settings["shift"] = 1.0  # the family sets it with the size of the picture
    if chosen["spacing"] != AUTO and not row.spaced_by_hand:
        settings["timestep_spacing"] = chosen["spacing"]
    if chosen["sigmas"] != AUTO:
        exclusive = (*(f"use_{sigmas}_sigmas" for sigmas in names(SIGMAS)), "use_lu_lambdas")
        settings |= {name: name == f"use_{chosen['sigmas']}_sigmas" for name in exclusive if name in known}
    if chosen["prediction"] != AUTO:
        settings["prediction_type"] = chosen["prediction"]
    if kind is not type(own):
        return kind.from_config(config, **row.defaults, **settings)
    if all(config.get(name) == value for name, value in settings.items()):
        return branch(own)
    # What was not in the model's file counts as a default and would be left out, although pipelines mend some of it
    # (steps_offset, clip_sample).
    return kind.from_config({k: v for k, v in config.items() if k != "_use_default_values"}, **settings)


def _trailing(scheduler: Any, steps: int) -> list[int]:
    """Timesteps evenly from the very first one on, as other schedulers compute them: 999, 749, 499, 249."""
    total = scheduler.config.num_train_timesteps
    return [int(timestep) for timestep in (np.arange(total, 0, -total / steps).round() - 1)[:steps]]


def _check_schedule(scheduler: Any, row: Scheduler, steps: int) -> None:
    """Refuse timesteps at which the scheduler would fail or stand still, as with more steps than it has levels."""
    if row.flow:
        return
    timesteps = torch.as_tensor(scheduler.timesteps).cpu()
    if getattr(scheduler, "sigmas", None) is None:  # it looks the noise level of each timestep up
        if timesteps.max() >= scheduler.config.num_train_timesteps or timesteps.min() < 0:
            raise _too_many(row, steps, "this spacing doesn't have that many timesteps")
        return
    sigmas = scheduler.sigmas.cpu()[:-1]
    if not torch.isfinite(sigmas).all() or len(torch.unique(sigmas)) < min(steps, len(sigmas)):
        raise _too_many(row, steps, "some of them would have the same noise level")


def _too_many(row: Scheduler, steps: int, why: str) -> BendError:
    return BendError(
        Code.PARAMETER_INVALID, f"The sampler {row.label} doesn't support {steps} steps: {why}.", "Choose fewer steps."
    )


def branch(scheduler: Any) -> Any:
    """A scheduler at the same place, whose further steps leave the original alone.

    Schedulers keep what they have seen in numbers, tensors that they replace, and lists that they change.
    """
    copied = copy.copy(scheduler)
    for name, value in vars(scheduler).items():
        if isinstance(value, list):
            setattr(copied, name, list(value))
    return copied


def branch_generator(generator: torch.Generator) -> torch.Generator:
    """A generator at the same place, whose further draws leave the original alone."""
    copied = torch.Generator(generator.device)
    copied.set_state(generator.get_state())
    return copied
