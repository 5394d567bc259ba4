"""How much each cell of a tensor belongs to a bend's region."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

from ...core.catalogue import MASK
from ...core.errors import BendError, Code
from ..host.devices import upload
from .operators import Moment
from .rows import Place, Rows

#: Cell coordinates x (to the right) and y (up, as in Blender), 0...1, shapes (1, 1, W) and (1, H, 1); values by name,
#: (B, 1, 1).
Shape = Callable[[Tensor, Tensor, dict[str, Tensor], Place], Tensor]


def weight(rows: Rows, x: Tensor, place: Place) -> Tensor:
    """The share of the bend in every cell.

    Parameters
    ----------
    x : shape (B, C, H, W), or (B, N, C) if the place has a grid

    Returns
    -------
    0...1 in the dtype of x, shape (B, 1, H, W) or (B, N, 1)

    Raises
    ------
    BendError(SITE_SHAPE) if the tensor is no picture
    """
    grid = x.shape[2:] if x.ndim == 4 else place.grid
    if grid is None or (x.ndim == 3 and grid[0] * grid[1] != x.shape[1]) or x.ndim == 2:
        raise BendError(
            Code.SITE_SHAPE,
            f"The bend '{rows.bend['name']}' has a region, but {place.site} has no rows and columns.",
            "Choose the region Everywhere, or another site.",
        )
    height, width = grid
    values = {
        name.removeprefix("region_"): value.reshape(-1, 1, 1)
        for name, value in rows.on(x.device).items()
        if name.startswith("region_")
    }
    if rows.bend["region"] == MASK:
        inside = torch.cat([_mask(mask, height, width, x.device) for mask in rows.masks])
    else:
        across = ((torch.arange(width, device=x.device) + 0.5) / width).reshape(1, 1, -1)
        up = 1 - ((torch.arange(height, device=x.device) + 0.5) / height).reshape(1, -1, 1)
        inside = SHAPES[rows.bend["region"]](across, up, values, place)
    inside = inside.expand(x.shape[0], height, width)
    if rows.bend["inverted"]:
        inside = 1 - inside
    inside = inside.to(x.dtype)
    return inside.unsqueeze(1) if x.ndim == 4 else inside.flatten(1).unsqueeze(2)


#: Masks as they were last asked for: by mask, then by rows, columns and device.
_averaged: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def _mask(mask: Tensor, height: int, width: int, device: torch.device) -> Tensor:
    """A mask averaged over each cell, shape (1, H, W); it goes to the device once for as long as the mask is kept."""
    sizes = _averaged.setdefault(mask, {})
    if (height, width, device) not in sizes:
        inside = functional.interpolate(mask, (height, width), mode="area")[:, 0]
        sizes[height, width, device] = upload(inside, device)
    return sizes[height, width, device]


def _edge(distance: Tensor, softness: Tensor) -> Tensor:
    """1 where the distance into the region is positive, 0 where it is negative, smooth over ``softness`` between."""
    soft = softness.clamp_min(0)
    share = (distance / soft.clamp_min(1e-6) + 0.5).clamp(0, 1)
    smooth = share * share * (3 - 2 * share)
    return torch.where(soft > 1e-6, smooth, (distance >= 0).to(smooth.dtype))


def _box(x: Tensor, y: Tensor, values: dict[str, Tensor], place: Place) -> Tensor:
    softness = values["softness"]
    across = _edge(x - values["left"], softness) * _edge(values["right"] - x, softness)
    return across * _edge(y - values["bottom"], softness) * _edge(values["top"] - y, softness)


def _disc(x: Tensor, y: Tensor, values: dict[str, Tensor], place: Place) -> Tensor:
    width, height = x.shape[2], y.shape[1]
    shorter = min(width, height)
    across, up = (x - values["x"]) * (width / shorter), (y - values["y"]) * (height / shorter)
    return _edge(values["radius"] - (across.square() + up.square()).sqrt(), values["softness"])


def _gradient(x: Tensor, y: Tensor, values: dict[str, Tensor], place: Place) -> Tensor:
    along = (x - 0.5) * values["angle"].cos() + (y - 0.5) * values["angle"].sin() + 0.5
    width = values["width"].abs().clamp_min(1e-6)
    return ((along - values["middle"]) / width + 0.5).clamp(0, 1)


def _scatter(x: Tensor, y: Tensor, values: dict[str, Tensor], place: Place) -> Tensor:
    """Cells whose seeded number lies below the share: a larger share keeps the cells of a smaller one."""
    return (_drawn(place.seed, place.site, y.shape[1], x.shape[2], x.device) < values["share"]).float()


@functools.lru_cache(maxsize=64)
def _drawn(seed: int, site: str, height: int, width: int, device: torch.device) -> Tensor:
    """A number for every cell, the same at every step."""
    generator = Moment(seed, 0, f"{site} scatter").generator()
    return upload(torch.rand((1, height, width), generator=generator), device)


SHAPES: dict[str, Shape] = {"box": _box, "disc": _disc, "gradient": _gradient, "scatter": _scatter}
