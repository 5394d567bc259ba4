"""Reading a picture between its cells: the one sampler of all operators that move it."""

from __future__ import annotations

import torch
from torch import Tensor


def from_middle(x: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row of every cell, counted from the middle to the right and down: shapes (1, 1, W) and (1, H, 1)."""
    height, width = x.shape[2:]
    columns = torch.arange(width, dtype=torch.float32, device=x.device) - (width - 1) / 2
    rows = torch.arange(height, dtype=torch.float32, device=x.device) - (height - 1) / 2
    return columns.reshape(1, 1, -1), rows.reshape(1, -1, 1)


def affine(x: Tensor, matrix: tuple[Tensor, Tensor, Tensor, Tensor], border: str) -> Tensor:
    """The picture read at ``(a u + b v, c u + d v)`` for the cell at ``(u, v)`` from the middle.

    Parameters
    ----------
    matrix : a, b, c, d, each of shape (B,)
    """
    a, b, c, d = (part.reshape(-1, 1, 1) for part in matrix)
    u, v = from_middle(x)
    return sample(x, a * u + b * v, c * u + d * v, border)


def sample(x: Tensor, u: Tensor, v: Tensor, border: str) -> Tensor:
    """The picture read at columns ``u`` and rows ``v`` from the middle, bilinear between cells.

    Parameters
    ----------
    x : shape (B, C, H, W), float32
    u, v : broadcast to shape (B, H, W)
    border : what is read outside: ``empty`` (0), ``repeat`` (the last cell), ``mirror`` or ``wrap``
    """
    height, width = x.shape[2:]
    column, row = torch.broadcast_tensors(u + (width - 1) / 2, v + (height - 1) / 2)
    column, row = (part.expand(x.shape[0], height, width) for part in (column, row))
    left, top = torch.floor(column), torch.floor(row)
    across, down = column - left, row - top
    y = torch.zeros_like(x)
    for below, part_down in ((0, 1 - down), (1, down)):
        for right, part_across in ((0, 1 - across), (1, across)):
            cells = _read(x, top.long() + below, left.long() + right, border)
            y = y + (part_down * part_across).unsqueeze(1) * cells
    return y


def _read(x: Tensor, row: Tensor, column: Tensor, border: str) -> Tensor:
    batch, channels, height, width = x.shape
    index = _within(row, height, border) * width + _within(column, width, border)
    cells = x.flatten(2).gather(2, index.reshape(batch, 1, -1).expand(-1, channels, -1)).reshape(x.shape)
    if border != "empty":
        return cells
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return torch.where(inside.unsqueeze(1), cells, 0.0)


def _within(index: Tensor, size: int, border: str) -> Tensor:
    """Which of ``size`` cells is read for an index that may lie outside."""
    if border == "wrap":
        return index % size
    if border == "mirror":
        folded = index % (2 * size)
        return torch.minimum(folded, 2 * size - 1 - folded)
    return index.clamp(0, size - 1)
