"""Taking the chosen channels out of a tensor, and putting them back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from ...core.bends import channel_selection
from ...core.bends.channel_selection import Selection
from ...core.errors import BendError, Code
from ..host.devices import upload
from .operators import Direction, Moment


class Study(Protocol):
    """What has been found out about a model; see ``engine.studies.study``."""

    def cluster(self, site: str, number: int, count: int) -> list[int]:
        """The channels of a cluster of a site."""

    def at(self, site: str, progress: float, grid: tuple[int, int] | None) -> Direction | None:
        """The directions of a site at a moment; None if it has none."""


def take(
    x: Tensor, axis: int, text: str, seed: int, site: str, study: Study | None
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The chosen channels of a tensor.

    Parameters
    ----------
    axis : where the channels are
    text : see ``core.bends.channel_selection``
    seed, site : what a random choice is drawn from; it is the same at every step

    Returns
    -------
    the part, and the function that puts its bent counterpart back among the others

    Raises
    ------
    BendError(CHANNEL_MISSING)
    """
    chosen = channel_selection.parse(text)
    if chosen.kind == "all":
        return x, lambda bent: bent
    chosen.check(x.shape[axis])
    if chosen.kind == "top":
        return _take_most_active(x, axis, chosen)
    index = _index(tuple(_numbers(chosen, x.shape[axis], seed, site, study)), x.device)
    return x.index_select(axis, index), lambda bent: x.index_copy(axis, index, bent)


@functools.lru_cache(maxsize=256)
def _index(numbers: tuple[int, ...], device: torch.device) -> Tensor:
    """Channels as a device takes them; kept, since every step asks for the same ones."""
    return upload(torch.tensor(numbers, dtype=torch.long), device)


def _numbers(chosen: Selection, count: int, seed: int, site: str, study: Study | None) -> list[int]:
    if chosen.kind == "random":
        order = torch.randperm(count, generator=Moment(seed, 0, f"{site} channels").generator())
        return sorted(order[: max(1, int(chosen.share * count + 1e-6))].tolist())
    if chosen.kind == "cluster":
        if study is None:
            raise BendError(
                Code.CHANNEL_MISSING,
                f"The channels of {site} have no clusters.",
                "Only network layers have clusters: choose a site such as unet:up_blocks.1.",
            )
        return study.cluster(site, chosen.cluster, chosen.count)
    return list(chosen.numbers)


def _take_most_active(x: Tensor, axis: int, chosen: Selection) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Each row's own channels of the largest mean magnitude, in their order."""
    others = tuple(dim for dim in range(1, x.ndim) if dim != axis)
    activity = x.float().abs().mean(dim=others) if others else x.float().abs()
    index = activity.topk(min(chosen.count, x.shape[axis]), dim=1).indices.sort(dim=1).values
    shape = [x.shape[0], *([1] * (x.ndim - 1))]
    shape[axis] = index.shape[1]
    sizes = [index.shape[1] if dim == axis else size for dim, size in enumerate(x.shape)]
    index = index.reshape(shape).expand(sizes)
    return x.gather(axis, index), lambda bent: x.scatter(axis, index, bent)
