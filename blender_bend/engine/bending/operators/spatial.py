"""Operators that move the picture; what each is for stands in ``core.catalogue.spatial``.

Angles are counter-clockwise and ``y`` points up, as in Blender; sizes are in cells about the middle of the picture.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .registry import Moment, operator
from .sampling import affine, from_middle, sample

LEAST_ZOOM = 1e-3


def per_cell(value: Tensor) -> Tensor:
    return value.reshape(-1, 1, 1)


@operator("rotate_picture")
def rotate_picture(x: Tensor, moment: Moment, angle: Tensor, border: str) -> Tensor:
    """The picture turned counter-clockwise; a quarter turn of a square is ``numpy.rot90``.

    Source: Broad, Leymarie & Grierson 2021, ``rotate``, whose middle is half a cell off.
    """
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return affine(x, (cosine, -sine, sine, cosine), border)


@operator("zoom")
def zoom(x: Tensor, moment: Moment, factor: Tensor, border: str) -> Tensor:
    """The picture magnified; a factor nearer to 0 than 0.001 counts as 0.001, a negative one also turns by half.

    Source: Broad, Leymarie & Grierson 2021, ``scale``, which is singular at 0.
    """
    side = torch.where(factor < 0, -1.0, 1.0)
    inverse = side / factor.abs().clamp(min=LEAST_ZOOM)
    zero = torch.zeros_like(factor)
    return affine(x, (inverse, zero, zero, inverse), border)


@operator("translate")
def translate(picture: Tensor, moment: Moment, /, x: Tensor, y: Tensor, border: str) -> Tensor:
    """The picture shifted by ``x`` widths to the right and ``y`` heights up.

    Source: Broad, Leymarie & Grierson 2021, ``translate``.
    """
    u, v = from_middle(picture)
    height, width = picture.shape[2:]
    return sample(picture, u - per_cell(x * width), v + per_cell(y * height), border)


@operator("shear")
def shear(picture: Tensor, moment: Moment, /, x: Tensor, y: Tensor, border: str) -> Tensor:
    """The picture read at (u + x v, v + y u), u to the right and v down: its top leans right, its right side rises."""
    one = torch.ones_like(x)
    return affine(picture, (one, x, y, one), border)


@operator("flip")
def flip(x: Tensor, moment: Moment, axis: str) -> Tensor:
    """Columns (``horizontal``), rows (``vertical``) or both in reverse.

    Source: Broad, Leymarie & Grierson 2021, ``flip-h`` and ``flip-v``.
    """
    return x.flip({"horizontal": (3,), "vertical": (2,), "both": (2, 3)}[axis])


@operator("mirror")
def mirror(x: Tensor, moment: Moment, side: str) -> Tensor:
    """The left, right, top or bottom half, and its mirror image in place of the other; a middle line stays."""
    dimension = 3 if side in {"left", "right"} else 2
    size = x.shape[dimension]
    index = torch.arange(size, device=x.device)
    opposite = size - 1 - index
    chosen = torch.minimum if side in {"left", "top"} else torch.maximum
    return x.index_select(dimension, chosen(index, opposite))


@operator("kaleidoscope")
def kaleidoscope(x: Tensor, moment: Moment, segments: Tensor, angle: Tensor, border: str) -> Tensor:
    """One wedge, half as wide as a segment, mirrored and repeated around the middle.

    Parameters
    ----------
    segments : rounded to a whole number of at least 2
    angle : where the wedge begins, counter-clockwise from the right
    """
    u, v = from_middle(x)
    width = per_cell(2 * math.pi / torch.round(segments).clamp(min=2))
    start = per_cell(angle)
    radius, around = torch.sqrt(u * u + v * v), torch.remainder(torch.atan2(-v, u) - start, width)
    folded = torch.minimum(around, width - around) + start
    return sample(x, radius * torch.cos(folded), -radius * torch.sin(folded), border)


@operator("ripple")
def ripple(
    x: Tensor, moment: Moment, amplitude: Tensor, wavelength: Tensor, phase: Tensor, direction: str, border: str
) -> Tensor:
    """The picture read ``amplitude sin(2 pi d / wavelength + phase)`` cells away.

    Parameters
    ----------
    wavelength : in cells, at least 1
    direction : ``horizontal``: rows are read to the side, d is the row; ``vertical``: columns up and down, d is the
        column; ``radial``: along the ray from the middle, d is the distance from it
    """
    u, v = from_middle(x)
    cycles = per_cell(2 * math.pi / wavelength.clamp(min=1.0))

    def wave(distance: Tensor) -> Tensor:
        return per_cell(amplitude) * torch.sin(cycles * distance + per_cell(phase))

    if direction == "horizontal":
        return sample(x, u + wave(v), v, border)
    if direction == "vertical":
        return sample(x, u, v + wave(u), border)
    radius = torch.sqrt(u * u + v * v)
    away = wave(radius) / radius.clamp(min=1e-6)
    return sample(x, u + u * away, v + v * away, border)
