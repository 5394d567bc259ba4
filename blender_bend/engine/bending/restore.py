"""What is put back after a bend: every channel's mean and spread, or the strength of the whole."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.catalogue import Restoration

_SMALLEST = 1e-8


def restore(what: str, bent: Tensor, x: Tensor) -> Tensor:
    """Give a bent tensor what the original had.

    Parameters
    ----------
    what : ``none``; ``statistics``: mean and standard deviation of every channel of every row (as adaptive instance
        normalisation does); ``energy``: the root of the sum of squares of every row
    bent, x : no half precision, shape (B, C, H, W), (B, N, C) or (B, C); a row of single channels counts as a whole

    Returns
    -------
    what has no spread, or no strength, gets none
    """
    if what == Restoration.NOTHING:
        return bent
    if what == Restoration.ENERGY:
        everything = tuple(range(1, x.ndim))
        strength = x.square().sum(dim=everything, keepdim=True).sqrt()
        now = bent.square().sum(dim=everything, keepdim=True).sqrt()
        return torch.where(now > _SMALLEST, bent * (strength / now.clamp_min(_SMALLEST)), bent)
    space = {4: (2, 3), 3: (1,), 2: (1,)}[x.ndim]
    mean, deviation = x.mean(dim=space, keepdim=True), x.std(dim=space, keepdim=True, correction=0)
    own_mean, own_deviation = bent.mean(dim=space, keepdim=True), bent.std(dim=space, keepdim=True, correction=0)
    ratio = torch.where(own_deviation > _SMALLEST, deviation / own_deviation.clamp_min(_SMALLEST), 1.0)
    return (bent - own_mean) * ratio + mean
