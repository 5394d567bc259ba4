"""How far bends may throw a latent, so that a bend of many steps neither overflows nor loses the picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

#: In spreads of what the network takes. Latents reach 10 and the papers' strongest bends 100; a bend that multiplies at
#: every step would pass every limit.
FURTHEST = 128.0


def reach(scheduler: Any, timestep: Tensor) -> float:
    """The largest number of a bent latent at a step: larger where the scheduler divides what the network takes.

    Parameters
    ----------
    scheduler : at that step, on the host
    """
    if not hasattr(scheduler, "scale_model_input"):
        return FURTHEST
    return FURTHEST / float(scheduler.scale_model_input(torch.ones(()), timestep))
