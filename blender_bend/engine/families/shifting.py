"""Schedules of flow-matching models, which some models shift with the size of the picture."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch


def set_shifted(scheduler: Any, steps: int, device: torch.device, mu: float, sigmas: Any = None) -> None:
    """Set the timesteps as the stock pipelines do, for schedulers that take less than theirs, too.

    Parameters
    ----------
    mu : the shift of this size, used where the model's settings ask for it
    sigmas : noise levels for schedulers that do not make them themselves; None for all schedulers to make them
    """
    taken = inspect.signature(scheduler.set_timesteps).parameters
    given: dict[str, Any] = {}
    if scheduler.config.get("use_dynamic_shifting", False):
        if "mu" in taken:
            given["mu"] = mu
        else:  # it knows a shift that stays the same, of the same formula
            linear = scheduler.config.get("time_shift_type", "exponential") == "linear"
            scheduler.register_to_config(shift=mu if linear else math.exp(mu))
    if sigmas is not None and "sigmas" in taken and not scheduler.config.get("use_flow_sigmas", False):
        scheduler.set_timesteps(sigmas=sigmas, device=device, **given)
    else:
        scheduler.set_timesteps(steps, device=device, **given)
