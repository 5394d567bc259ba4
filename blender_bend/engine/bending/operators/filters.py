"""Linear filters on pictures: the Gaussian with a width for every row of a batch, and Sobel's slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...host.devices import upload
from .registry import per_row

CUT_OFF = 4.0


def gaussian(x: Tensor, sigma: Tensor) -> Tensor:
    """A separable Gaussian, cut off at 4 sigma, with the border repeated.

    Parameters
    ----------
    x : shape (B, C, H, W)
    sigma : shape (B,), on the CPU, in cells; counted as no more than the longer side of the picture
    """
    sigma = sigma.clamp(0.0, float(max(x.shape[2:])))
    reach = torch.ceil(CUT_OFF * sigma)
    taps = range(-math.ceil(CUT_OFF * float(sigma.max())), math.ceil(CUT_OFF * float(sigma.max())) + 1)
    # A row's weights beyond its own reach are exactly 0, so its sum is the same in any batch.
    weights = [
        torch.where(abs(tap) <= reach, torch.exp(-(tap**2) / (2 * sigma * sigma).clamp(min=1e-12)), 0.0) for tap in taps
    ]
    shares = _shares(torch.stack(weights) / sum(weights, torch.zeros_like(sigma)), x)
    for dimension, padding in ((2, (0, 0, taps[-1], taps[-1])), (3, (taps[-1], taps[-1], 0, 0))):
        padded = functional.pad(x, padding, mode="replicate")
        size = x.shape[dimension]
        y = torch.zeros_like(x)
        for start, share in enumerate(shares):
            y = y + share * padded.narrow(dimension, start, size)
        x = y
    return x


def _shares(weights: Tensor, x: Tensor) -> Sequence[float | Tensor]:
    """Weights of shape (taps, B) as factors of x: numbers, which need no way to the device, if all rows have the same.

    The product is the same either way.
    """
    if bool((weights == weights[:, :1]).all()):
        return weights[:, 0].tolist()
    return [per_row(weight, x) for weight in upload(weights, x.device)]


def slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Sobel's slopes across and down, divided by 8; the border is repeated."""
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")

    def smooth(part: Tensor, dimension: int) -> Tensor:
        size = part.shape[dimension] - 2
        before, here, after = (part.narrow(dimension, start, size) for start in range(3))
        return before + 2 * here + after

    across = padded[:, :, :, 2:] - padded[:, :, :, :-2]
    down = padded[:, :, 2:] - padded[:, :, :-2]
    return smooth(across, 2) / 8, smooth(down, 3) / 8
