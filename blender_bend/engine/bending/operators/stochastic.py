"""Operators with seeded chance; what each is for stands in ``core.catalogue.stochastic``."""

from __future__ import annotations

import torch
from torch import Tensor

from .registry import Moment, operator, per_row


@operator("add_noise")
def add_noise(x: Tensor, moment: Moment, amount: Tensor) -> Tensor:
    """x + amount * N(0, 1), the same noise in every batch row. Source: DAFx24, ``add_noise``."""
    noise = torch.randn(x.shape[1:], generator=moment.generator(), dtype=torch.float32)
    return x + per_row(amount, x) * noise.to(device=x.device, dtype=x.dtype)
