"""How a function becomes an operator, and what every one of them may draw on."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ....core.errors import BendError, Code

#: The direction of a number at a site and moment, in the shape of one row of a tensor.
Direction = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True)
class Moment:
    """Where and when a bend acts; all randomness is drawn from it alone."""

    seed: int
    step: int
    site: str
    direction: Direction | None = field(default=None, compare=False)

    def generator(self, variation: str = "0") -> torch.Generator:
        """A generator on the CPU, so that every device sees the same numbers; each variation draws others."""
        drawn_from = f"{self.seed} {self.step} {self.site}" + (f" {int(variation)}" if int(variation) else "")
        digest = hashlib.sha256(drawn_from.encode()).digest()
        return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:7], "big"))


Function = Callable[..., Tensor]
FUNCTIONS: dict[str, Function] = {}


def operator(name: str) -> Callable[[Function], Function]:
    """Register a function as the operator of that name."""

    def register(function: Function) -> Function:
        FUNCTIONS[name] = function
        return function

    return register


def in_single_precision(function: Function) -> Function:
    """Compute half precision in float32, where half lacks the function or would lose too much; cast back after."""

    @functools.wraps(function)
    def widened(x: Tensor, moment: Moment, /, *arguments: Any, **named: Any) -> Tensor:
        if x.dtype in (torch.float16, torch.bfloat16):
            return function(x.float(), moment, *arguments, **named).to(x.dtype)
        return function(x, moment, *arguments, **named)

    return widened


def normal(x: Tensor, moment: Moment, variation: str = "0") -> Tensor:
    """N(0, 1) of the shape of one row of ``x``: every row gets the same."""
    noise = torch.randn(x.shape[1:], generator=moment.generator(variation), dtype=torch.float32)
    return noise.to(device=x.device, dtype=x.dtype)


def uniform(x: Tensor, moment: Moment, variation: str = "0") -> Tensor:
    """Numbers from 0 up to 1 in float32, of the shape of one row of ``x``: every row gets the same."""
    return torch.rand(x.shape[1:], generator=moment.generator(variation), dtype=torch.float32).to(x.device)


def per_row(value: Tensor, x: Tensor) -> Tensor:
    """A value per batch row, shaped to broadcast over the rest of ``x``."""
    return value.to(x.dtype).reshape(-1, *([1] * (x.ndim - 1)))


def rows_and_columns(x: Tensor, label: str) -> tuple[int, int]:
    """The height and width of a picture, for the one form of an operator that needs them.

    Raises
    ------
    BendError(SITE_SHAPE) if ``x`` has none.
    """
    if x.ndim != 4:
        raise BendError(
            Code.SITE_SHAPE,
            f"{label} needs rows and columns, which this site does not have.",
            "Choose a site whose tensors are pictures, such as latent, unet:mid_block or unet:up_blocks.1.",
        )
    return x.shape[2], x.shape[3]
