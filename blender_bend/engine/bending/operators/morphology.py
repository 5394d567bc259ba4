"""Operators that grow, shrink, blur and outline; what each is for stands in ``core.catalogue.morphology``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from .filters import gaussian, slopes
from .registry import Moment, operator, per_row


@operator("dilate", "radius")
def dilate(x: Tensor, moment: Moment, radius: Tensor, window: str) -> Tensor:
    """The largest value within a window; what lies outside the picture is ignored.

    Parameters
    ----------
    radius : r, in cells; between whole numbers the two neighbours are blended
    window : ``"centred"`` of side 2 r + 1; ``"even"`` of side 2 r, from r cells before to r - 1 after (the papers'
        4 x 4 is r = 2, as in the kornia of their time; later ones shift dilation by a cell)

    Source: DAFx24, dilation.
    """
    return by_radius(x, radius, lambda part, whole: grown(part, whole, window))


@operator("erode", "radius")
def erode(x: Tensor, moment: Moment, radius: Tensor, window: str) -> Tensor:
    """The smallest value within a window; see ``dilate``. Source: DAFx24, erosion."""
    return by_radius(x, radius, lambda part, whole: -grown(-part, whole, window))


@operator("open", "radius")
def open_(x: Tensor, moment: Moment, radius: Tensor, window: str) -> Tensor:
    """Erosion, then dilation by the reflected window: never above x, and nothing moves. See ``dilate``."""
    return by_radius(x, radius, lambda part, whole: grown(-grown(-part, whole, window), whole, window, reflected=True))


@operator("close", "radius")
def close(x: Tensor, moment: Moment, radius: Tensor, window: str) -> Tensor:
    """Dilation, then erosion by the reflected window: never below x, and nothing moves. See ``dilate``."""
    return by_radius(x, radius, lambda part, whole: -grown(-grown(part, whole, window), whole, window, reflected=True))


@operator("gradient", "radius")
def gradient(x: Tensor, moment: Moment, radius: Tensor, window: str) -> Tensor:
    """Dilation minus erosion: 0 where all is flat, never negative. See ``dilate``. Source: DAFx24, gradient."""
    return by_radius(x, radius, lambda part, whole: grown(part, whole, window) + grown(-part, whole, window))


@operator("sobel")
def sobel(x: Tensor, moment: Moment) -> Tensor:
    """sqrt(gx^2 + gy^2 + 1e-6) with Sobel's 3 x 3 slopes divided by 8; the border is repeated. Source: DAFx24."""
    across, down = slopes(x)
    return torch.sqrt(across * across + down * down + 1e-6)


@operator("blur", "radius")
def blur(x: Tensor, moment: Moment, radius: Tensor) -> Tensor:
    """A Gaussian of sigma ``radius`` in cells, cut off at 4 sigma; the border is repeated."""
    return gaussian(x, radius)


@operator("sharpen", "radius")
def sharpen(x: Tensor, moment: Moment, amount: Tensor, radius: Tensor) -> Tensor:
    """x + amount (x - blur(x, radius)); see ``blur``."""
    return x + per_row(amount, x) * (x - gaussian(x, radius))


def grown(x: Tensor, whole: int, window: str, *, reflected: bool = False) -> Tensor:
    """The largest value in a window of a whole radius: rows first, then columns."""
    if whole == 0:
        return x.clone()
    side = 2 * whole + (window == "centred")
    for kernel, padding in (((side, 1), (whole, 0)), ((1, side), (0, whole))):
        x = functional.max_pool2d(x, kernel, stride=1, padding=padding)
    if window == "centred":
        return x
    return x[:, :, 1:, 1:] if reflected else x[:, :, :-1, :-1]  # padding on both sides gave one position too many


def by_radius(x: Tensor, radius: Tensor, at_whole: Callable[[Tensor, int], Tensor]) -> Tensor:
    """A function of a whole radius, with one radius a row (on the CPU), blended between whole ones."""

    def at(part: Tensor, value: float) -> Tensor:
        whole = int(value)
        share = value - whole
        below = at_whole(part, whole)
        return below if share == 0 else (1 - share) * below + share * at_whole(part, whole + 1)

    beyond = max(x.shape[2:])  # from here on the window holds everything
    radii = [min(max(value, 0.0), float(beyond)) for value in radius.tolist()]
    if len(set(radii)) == 1:
        return at(x, radii[0])
    return torch.cat([at(part, value) for part, value in zip(x.split(1), radii, strict=True)])
