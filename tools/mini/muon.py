"""The Muon optimizer: momentum whose matrices are made orthogonal before each step.

Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); the scale that makes its
step as large as AdamW's: Liu et al., "Muon is scalable for LLM training", arXiv:2502.16982.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Muon for weights of two and more dimensions; a convolution counts as a matrix with a row per output."""

    def __init__(self, parameters: Iterable[Any], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "rate": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One step along the orthogonal Nesterov momentum."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                direction = parameter.grad.lerp(state["momentum"], group["momentum"])
                if direction.ndim == 4:  # the order of the columns is free, and this one needs no copies
                    direction = direction.permute(0, 2, 3, 1)
                update = orthogonal(direction.reshape(len(direction), -1))
                size = 0.2 * max(update.shape) ** 0.5
                update = update.reshape(direction.shape)
                parameter.add_(update.permute(0, 3, 1, 2) if update.ndim == 4 else update, alpha=-group["lr"] * size)


def orthogonal(matrix: Tensor, iterations: int = 5) -> Tensor:
    """About the nearest matrix whose singular values are all alike, by Newton and Schulz in bfloat16."""
    a, b, c = COEFFICIENTS
    x = matrix.bfloat16()
    turned = x.shape[0] > x.shape[1]
    x = x.T if turned else x
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.T if turned else x).float()
