"""One bend on one tensor: operator, channels, mix, and the guard against numbers that are none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...core import sites
from ...core.errors import BendError, Code
from .apply import apply


def bend_tensor(x: Tensor, bend: dict[str, Any], *, seed: int, step: int) -> Tensor:
    """Apply a resolved bend: ``(1 - mix) x + mix f(x)`` on its channels.

    Parameters
    ----------
    x : Tensor, shape (B, C, H, W) or (B, N, C)
    bend : one of the bends of ``Job.resolve``

    Raises
    ------
    BendError(NON_FINITE) if the result has a value that is not a number; and the errors of ``apply``.
    """
    axis = 1 if x.ndim == 4 else x.ndim - 1
    channels = sites.parse_channels(bend["channels"], x.shape[axis])
    index = None if channels is None else torch.tensor(channels, device=x.device)
    part = x if index is None else x.index_select(axis, index)
    values = {name: value for name, value in bend["values"].items() if name != "mix"}
    bent = apply(bend["operator"], part, seed=seed, step=step, site=bend["site"], **values, **bend["choices"])
    mix = bend["values"]["mix"]
    if mix != 1.0:
        bent = (1.0 - mix) * part + mix * bent
    if not torch.isfinite(bent).all():
        raise BendError(
            Code.NON_FINITE,
            f"The bend '{bend['name']}' made numbers that are not finite.",
            "Lower its values or its mix.",
        )
    return bent if index is None else x.index_copy(axis, index, bent)
