"""The diffusers schedulers by name, and copies of them for states that part ways."""

from __future__ import annotations

import copy
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    LCMScheduler,
)

from ...core.errors import BendError, Code
from ..families import Family

#: Class, and settings that the class would otherwise take from its own defaults.
_CLASSES: dict[str, tuple[Any, dict[str, Any]]] = {
    "ddim": (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler_ancestral": (EulerAncestralDiscreteScheduler, {}),
    "dpm": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "lcm": (LCMScheduler, {}),
    "flow_euler": (FlowMatchEulerDiscreteScheduler, {}),
}


def prepare(family: Family, name: str, steps: int, size: tuple[int, int]) -> Any:
    """A scheduler of its own for a frame's sampling, with its timesteps set.

    Parameters
    ----------
    name : see ``core.schedulers``; ``own`` is the pipeline's

    Raises
    ------
    BendError(PARAMETER_INVALID) if the model does not work with it
    """
    own = family.pipeline.scheduler
    chosen, settings = _CLASSES.get(name, (type(own), {}))
    if name != "own" and family.flow != (name == "flow_euler"):
        raise BendError(
            Code.PARAMETER_INVALID,
            f"This model cannot be sampled with {chosen.__name__}.",
            "Choose Flow Euler for SD3 and FLUX, another one for the other models.",
        )
    # A scheduler made from another's configuration would lose what a pipeline has mended in it (steps_offset).
    scheduler = branch(own) if isinstance(own, chosen) else chosen.from_config(own.config, **settings)
    try:
        family.set_timesteps(scheduler, steps, size)
    except ValueError as error:
        raise BendError(
            Code.PARAMETER_INVALID, f"The sampler cannot take {steps} steps: {error}.", "Choose fewer steps."
        ) from error
    return scheduler


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
