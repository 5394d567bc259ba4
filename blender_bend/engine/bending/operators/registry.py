"""How a function becomes an operator, and what every one of them may draw on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ....core.errors import BendError, Code
from ...host.devices import upload

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
#: By operator the parameters that it is given on the host: those that decide how it computes.
ON_HOST: dict[str, frozenset[str]] = {}


def operator(name: str, *on_host: str) -> Callable[[Function], Function]:
    """Register a function as the operator of that name.

    Parameters
    ----------
    on_host : parameters that it needs as numbers, and so on the CPU; to read them from a device would stall it
    """

    def register(function: Function) -> Function:
        FUNCTIONS[name], ON_HOST[name] = function, frozenset(on_host)
        return function

    return register


def normal(x: Tensor, moment: Moment, variation: str = "0") -> Tensor:
    """N(0, 1) of the shape of one row of ``x``: every row gets the same."""
    noise = torch.randn(x.shape[1:], generator=moment.generator(variation), dtype=torch.float32)
    return upload(noise, x.device).to(x.dtype)


def uniform(x: Tensor, moment: Moment, variation: str = "0") -> Tensor:
    """Numbers from 0 up to 1 in float32, of the shape of one row of ``x``: every row gets the same."""
    return upload(torch.rand(x.shape[1:], generator=moment.generator(variation), dtype=torch.float32), x.device)


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
            f"{label} needs rows and columns, which this site doesn't have.",
            "Choose a site with rows and columns, such as latent, unet:mid_block or unet:up_blocks.1.",
        )
    return x.shape[2], x.shape[3]
