"""Operators on every number by itself; what each is for stands in ``core.catalogue.pointwise``."""

from __future__ import annotations

import torch
from torch import Tensor

from .registry import Moment, operator, per_row


@operator("add")
def add(x: Tensor, moment: Moment, amount: Tensor) -> Tensor:
    """x + amount. Source: DAFx24, ``add_full``."""
    return x + per_row(amount, x)


@operator("multiply")
def multiply(x: Tensor, moment: Moment, factor: Tensor) -> Tensor:
    """factor * x. Source: JAES25, ``multiply``."""
    return x * per_row(factor, x)


@operator("threshold")
def threshold(x: Tensor, moment: Moment, level: Tensor) -> Tensor:
    """x where |x| >= level, else 0. Source: DAFx24, ``threshold``."""
    return torch.where(x.abs() >= per_row(level, x), x, torch.zeros_like(x))
