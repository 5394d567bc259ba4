"""Operators that set strength and means, and the matrix exponential; see ``core.catalogue.statistics``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .matrices import exponential
from .registry import Moment, operator, per_row, rows_and_columns

LEAST_NORM = 1e-12
CENTRED = {"centre channels": 1, "centre rows": 2, "centre columns": 3}


@operator("normalise")
def normalise(x: Tensor, moment: Moment, form: str) -> Tensor:
    """One of the normalisations, each row of a batch by itself; zeros stay zeros.

    Parameters
    ----------
    form : ``peak``: x / max|x|; ``unit``: x / max(norm over the channels, 1e-12) in every cell; ``centre``: x - mean;
        ``centre channels``, ``rows``, ``columns``: x - mean along that axis (along the rows: each column's own mean)

    Raises
    ------
    BendError(SITE_SHAPE) for rows and columns at a site that has none.

    Source: DAFx24, ``normalize``, ``normalize2``, ``normalize3``, ``normalize4(dim)``; the first is NaN on zeros there.
    """
    if form == "peak":
        peak = x.flatten(1).abs().amax(dim=1)
        return x / per_row(torch.where(peak > 0, peak, 1.0), x)
    if form == "unit":
        return x / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=LEAST_NORM)
    if form == "centre":
        return x - per_row(x.flatten(1).mean(dim=1), x)
    if form != "centre channels":
        rows_and_columns(x, f"Normalize to {form}")
    return x - x.mean(dim=CENTRED[form], keepdim=True)


@operator("matrix_exponential")
def matrix_exponential(x: Tensor, moment: Moment, scale: Tensor) -> Tensor:
    """exp(scale X) of each channel as a matrix X; one that is not square is filled up with zeros and cut back.

    Large scales overflow to infinity or NaN, which the bend reports. Source: DAFx24, ``tensor_exp`` (scale 1).
    """
    height, width = x.shape[2:]
    side = max(height, width)
    square = functional.pad(x * per_row(scale, x), (0, side - width, 0, side - height)).contiguous()
    own = torch.linalg.matrix_exp if x.device.type == "cpu" else exponential
    # A row by itself: what torch computes for a matrix depends on the others that it is given.
    powers = torch.stack([own(row) for row in square])
    return powers[:, :, :height, :width]
