"""Operators with seeded chance; what each is for stands in ``core.catalogue.stochastic``.

What is drawn depends on the moment and the variation alone and is the same in every row of a batch. Where a part of the
cells is chosen, a larger part holds the smaller one, so that an animated part grows and shrinks steadily.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...host.devices import upload
from .registry import Moment, normal, operator, per_row, uniform


@operator("add_noise")
def add_noise(x: Tensor, moment: Moment, amount: Tensor, distribution: str, variation: str) -> Tensor:
    """x + amount * noise, N(0, 1) or uniform from -1 to 1. Source: DAFx24, ``add_noise``."""
    if distribution == "uniform":
        return x + per_row(amount, x) * (2 * uniform(x, moment, variation) - 1).to(x.dtype)
    return x + per_row(amount, x) * normal(x, moment, variation)


@operator("add_sparse")
def add_sparse(x: Tensor, moment: Moment, amount: Tensor, density: Tensor, variation: str) -> Tensor:
    """x + amount [U < density]. Source: DAFx24, ``add_sparse``, density 0.05 (its text says 25 %, its code 5 %)."""
    return x + per_row(amount, x) * (uniform(x, moment, variation) < per_row(density, x))


@operator("dropout")
def dropout(x: Tensor, moment: Moment, fraction: Tensor, variation: str) -> Tensor:
    """0 where U < fraction, else x (not made stronger). Source: DAFx24, ``apply_sparse`` of a multiplication by 0."""
    return torch.where(uniform(x, moment, variation) < per_row(fraction, x), 0.0, x)


def chosen(count: int, fraction: Tensor, moment: Moment, variation: str) -> Tensor:
    """For each batch row which floor(fraction * count) of ``count`` lines are chosen; shape (B, count)."""
    rank = upload(torch.randperm(count, generator=moment.generator(variation)), fraction.device)
    wanted = torch.floor(fraction * count + 1e-4)  # 0.29 * 100 is 29, whatever the machine says
    return rank < wanted.unsqueeze(1)


@operator("random_rows")
def random_rows(x: Tensor, moment: Moment, amount: Tensor, fraction: Tensor, variation: str) -> Tensor:
    """x + amount on floor(fraction * H) rows. Source: DAFx24, ``add_rand_rows``, which counts the columns."""
    rows = chosen(x.shape[2], fraction, moment, variation)
    return x + per_row(amount, x) * rows[:, None, :, None]


@operator("random_columns")
def random_columns(x: Tensor, moment: Moment, amount: Tensor, fraction: Tensor, variation: str) -> Tensor:
    """x + amount on floor(fraction * W) columns. Source: DAFx24, ``add_rand_cols``, which counts the rows."""
    columns = chosen(x.shape[3], fraction, moment, variation)
    return x + per_row(amount, x) * columns[:, None, None, :]


BLENDS = {
    "normal": lambda a, b: b,
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "screen": lambda a, b: 1 - (1 - a) * (1 - b),
    "overlay": lambda a, b: torch.where(a < 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b)),
}


@operator("blend_noise")
def blend_noise(x: Tensor, moment: Moment, amount: Tensor, form: str, variation: str) -> Tensor:
    """(1 - amount) x + amount blend(x, N(0, 1)). Source: ComfyUI_RyanOnTheInside, ``FlexLatentBlend``."""
    blended = BLENDS[form](x, normal(x, moment, variation))
    amount = per_row(amount, x)
    return (1 - amount) * x + amount * blended


@operator("add_bump")
def add_bump(picture: Tensor, moment: Moment, /, amount: Tensor, x: Tensor, y: Tensor, size: Tensor) -> Tensor:
    """picture + amount exp(-d^2 / (2 sigma^2)), d the distance from the middle of the bump.

    Parameters
    ----------
    amount : shape (B,), the peak
    x, y : the middle; 0 is the first column and the lowest row, 1 the last column and the highest row
    size : 2 sigma; like d in shorter sides of the picture (from its first to its last cell)

    Source: DAFx24, ``add_normal(r)``: amount r / (2 pi 1.5^2), in the middle, size 0.3; there 64 x 64 only.
    """
    height, width = picture.shape[2:]
    side = max(min(height, width) - 1, 1)
    column = torch.arange(width, dtype=torch.float32, device=picture.device).reshape(1, 1, -1)
    row = torch.arange(height - 1, -1, -1, dtype=torch.float32, device=picture.device).reshape(1, -1, 1)
    across = (column - (x * (width - 1)).reshape(-1, 1, 1)) / side
    up = (row - (y * (height - 1)).reshape(-1, 1, 1)) / side
    sigma = (size / 2).clamp(min=5e-4).reshape(-1, 1, 1)
    bump = torch.exp(-(across * across + up * up) / (2 * sigma * sigma))
    return picture + per_row(amount, picture) * bump.unsqueeze(1)
