"""What is known about one site of a model: which of its channels act alike, and in which directions pictures differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from torch import Tensor
from torch.nn import functional

from ...core.errors import BendError, Code
from ..host.devices import upload


class SiteStudy:
    """The study of one site.

    Parameters
    ----------
    maps : shape (samples, C, SIDE, SIDE): each channel's activation maps, over pictures and moments
    directions : shape (moments, DIRECTIONS, C, h, w), each times the standard deviation of the pictures along it
    """

    def __init__(self, maps: np.ndarray, directions: np.ndarray) -> None:
        self.maps = maps
        self.directions = directions
        self._clusters: dict[int, list[list[int]]] = {}
        self._shaped: dict[Any, Tensor] = {}

    def clusters(self, count: int) -> list[list[int]]:
        """The channels in so many groups of similar maps, the largest group first.

        Two channels are alike if their maps rise and fall at the same places over all pictures: the maps are centred
        and brought to length 1, and grouped by k-means, so that the distance is that of the correlation.
        """
        if count not in self._clusters:
            flat = self.maps.transpose(1, 0, 2, 3).reshape(self.maps.shape[1], -1).astype(np.float64)
            flat -= flat.mean(axis=1, keepdims=True)
            flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
            groups = min(count, len(flat))
            labels = KMeans(groups, n_init=4, random_state=0).fit_predict(flat)
            found = [np.flatnonzero(labels == label).tolist() for label in range(groups)]
            # Channels with the same maps, such as silent ones, can leave a group empty.
            self._clusters[count] = sorted(filter(None, found), key=lambda group: (-len(group), group))
        return self._clusters[count]

    def direction(self, number: int, moment: int, x: Tensor, grid: tuple[int, int] | None = None) -> Tensor:
        """A direction in the shape of one row of a tensor, (B, C, H, W) or (B, C, N) with a grid of N cells.

        Raises
        ------
        BendError(CHANNEL_MISSING) if the tensor has other channels than the site
        """
        if self.directions.shape[2] != x.shape[1]:
            raise BendError(
                Code.CHANNEL_MISSING,
                "Learned directions apply to all channels.",
                "Set the bend's channels to all.",
            )
        key = (number, moment, tuple(x.shape[2:]), grid, x.device)
        if key not in self._shaped:
            self._shaped[key] = self._direction(number, moment, x, grid)
        return self._shaped[key]

    def _direction(self, number: int, moment: int, x: Tensor, grid: tuple[int, int] | None) -> Tensor:
        vector = upload(torch.from_numpy(self.directions[moment, number - 1]).float(), x.device)
        shape = tuple(x.shape[2:]) if x.ndim == 4 else grid
        if shape is not None:
            picture = functional.interpolate(vector[None], shape, mode="bilinear", align_corners=False)
            return picture if x.ndim == 4 else picture.flatten(2)
        return functional.interpolate(vector.flatten(1)[None], x.shape[2], mode="linear", align_corners=False)
