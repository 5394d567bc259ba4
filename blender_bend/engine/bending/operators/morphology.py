"""Operators that grow, shrink, blur and outline; what each is for stands in ``core.catalogue.morphology``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .registry import Moment, operator


@operator("dilate")
def dilate(x: Tensor, moment: Moment, radius: Tensor) -> Tensor:
    """The largest value within a square of side 2 radius + 1; what lies outside the picture is ignored.

    Between whole radii the two neighbours are blended. Source: DAFx24, dilation.
    """
    rows = [dilated_row(row, value) for row, value in zip(x.split(1), radius.tolist(), strict=True)]
    return torch.cat(rows)


@operator("erode")
def erode(x: Tensor, moment: Moment, radius: Tensor) -> Tensor:
    """The smallest value within a square of side 2 radius + 1; see ``dilate``. Source: DAFx24, erosion."""
    return -dilate(-x, moment, radius)


def dilated_row(x: Tensor, radius: float) -> Tensor:
    def grown(whole: int) -> Tensor:
        return x if whole == 0 else functional.max_pool2d(x, 2 * whole + 1, stride=1, padding=whole)

    whole = int(radius)
    share = radius - whole
    return grown(whole) if share == 0 else (1 - share) * grown(whole) + share * grown(whole + 1)
