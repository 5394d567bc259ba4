"""How a function becomes an operator, and what every one of them may draw on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

#: The direction of a number at a site and moment, in the shape of one row of a tensor.
Direction = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True)
class Moment:
    """Where and when a bend acts; all randomness is drawn from it alone."""

    seed: int
    step: int
    site: str
    direction: Direction | None = field(default=None, compare=False)

    def generator(self) -> torch.Generator:
        """A generator on the CPU, so that every device sees the same numbers."""
        digest = hashlib.sha256(f"{self.seed} {self.step} {self.site}".encode()).digest()
        return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:7], "big"))


Function = Callable[..., Tensor]
FUNCTIONS: dict[str, Function] = {}


def operator(name: str) -> Callable[[Function], Function]:
    """Register a function as the operator of that name."""

    def register(function: Function) -> Function:
        FUNCTIONS[name] = function
        return function

    return register


def per_row(value: Tensor, x: Tensor) -> Tensor:
    """A value per batch row, shaped to broadcast over the rest of ``x``."""
    return value.to(x.dtype).reshape(-1, *([1] * (x.ndim - 1)))
