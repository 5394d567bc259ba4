"""The operators as functions on tensors; what each is for stands in ``core.catalogue``.

Every function takes ``x`` of shape ``[B, C, H, W]``, or ``[B, C, N]`` for those without ``spatial`` in the catalogue,
and one parameter value per batch row; it returns a new tensor of the same shape and never changes ``x``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...core.errors import BendError, Code


@dataclass(frozen=True)
class Moment:
    """Where and when a bend acts; all randomness is drawn from it alone."""

    seed: int
    step: int
    site: str

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


def _per_row(value: Tensor, x: Tensor) -> Tensor:
    """A value per batch row, shaped to broadcast over the rest of ``x``."""
    return value.to(x.dtype).reshape(-1, *([1] * (x.ndim - 1)))


@operator("add")
def add(x: Tensor, moment: Moment, amount: Tensor) -> Tensor:
    """x + amount. Source: DAFx24, ``add_full``."""
    return x + _per_row(amount, x)


@operator("multiply")
def multiply(x: Tensor, moment: Moment, factor: Tensor) -> Tensor:
    """factor * x. Source: JAES25, ``multiply``."""
    return x * _per_row(factor, x)


@operator("rotate_channels")
def rotate_channels(x: Tensor, moment: Moment, angle: Tensor, plane: str) -> Tensor:
    """Rotate the plane of two channels: y_a = cos x_a - sin x_b, y_b = sin x_a + cos x_b.

    Parameters
    ----------
    angle : shape (B,), radians
    plane : two different channel numbers below C, written ``"a-b"``

    Raises
    ------
    BendError(CHANNEL_MISSING) if the site has fewer channels than the plane names.

    Source: Dzwonczyk, Cella & Ban, DAFx24, rotation R1 (plane 1-2) and R4 (0-1).
    """
    first, second = (int(channel) for channel in plane.split("-"))
    if max(first, second) >= x.shape[1]:
        raise BendError(
            Code.CHANNEL_MISSING,
            f"Plane {plane} needs more than the {x.shape[1]} channels of this site.",
            "Choose another plane or site.",
        )
    cosine = _per_row(torch.cos(angle), x)[:, 0]
    sine = _per_row(torch.sin(angle), x)[:, 0]
    y = x.clone()
    y[:, first] = cosine * x[:, first] - sine * x[:, second]
    y[:, second] = sine * x[:, first] + cosine * x[:, second]
    return y


@operator("threshold")
def threshold(x: Tensor, moment: Moment, level: Tensor) -> Tensor:
    """x where |x| >= level, else 0. Source: DAFx24, ``threshold``."""
    return torch.where(x.abs() >= _per_row(level, x), x, torch.zeros_like(x))


@operator("dilate")
def dilate(x: Tensor, moment: Moment, radius: Tensor) -> Tensor:
    """The largest value within a square of side 2 radius + 1; what lies outside the picture is ignored.

    Between whole radii the two neighbours are blended. Source: DAFx24, dilation.
    """
    rows = [_dilate_row(row, value) for row, value in zip(x.split(1), radius.tolist(), strict=True)]
    return torch.cat(rows)


@operator("erode")
def erode(x: Tensor, moment: Moment, radius: Tensor) -> Tensor:
    """The smallest value within a square of side 2 radius + 1; see ``dilate``. Source: DAFx24, erosion."""
    return -dilate(-x, moment, radius)


def _dilate_row(x: Tensor, radius: float) -> Tensor:
    def grown(whole: int) -> Tensor:
        return x if whole == 0 else functional.max_pool2d(x, 2 * whole + 1, stride=1, padding=whole)

    whole = int(radius)
    share = radius - whole
    return grown(whole) if share == 0 else (1 - share) * grown(whole) + share * grown(whole + 1)


@operator("add_noise")
def add_noise(x: Tensor, moment: Moment, amount: Tensor) -> Tensor:
    """x + amount * N(0, 1), the same noise in every batch row. Source: DAFx24, ``add_noise``."""
    noise = torch.randn(x.shape[1:], generator=moment.generator(), dtype=torch.float32)
    return x + _per_row(amount, x) * noise.to(device=x.device, dtype=x.dtype)
