"""Checkpoints: everything that a training needs to go on as if it had never stopped."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from blender_bend.core.files.whole import replacing


class MovingAverage:
    """The exponential moving average of a module's weights, which is what ships."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the weights after a step; faster during the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), 1 - decay)
        for mine, theirs in zip(self.module.buffers(), module.buffers(), strict=True):
            mine.copy_(theirs)  # statistics of a norm, which are averages themselves


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; one that is there is complete, whenever the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        torch.save(state, file)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint of this training."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
