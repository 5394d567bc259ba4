"""Operators on every number by itself; what each is for stands in ``core.catalogue.pointwise``."""

from __future__ import annotations

import torch
from torch import Tensor

from ....core.catalogue.pointwise import UNCLAMPED
from .registry import Moment, operator, per_row

#: Nearest to zero that the logarithm looks.
FLOOR = 1e-6
#: Nearest that the logarithm of the base comes to 0, where base is 1.
LEAST_LOG_BASE = 0.01
#: From here on every float32 is a whole number.
FINEST = 2.0**23


@operator("add")
def add(x: Tensor, moment: Moment, amount: Tensor) -> Tensor:
    """x + amount. Source: DAFx24, ``add_full``."""
    return x + per_row(amount, x)


@operator("subtract")
def subtract(x: Tensor, moment: Moment, amount: Tensor) -> Tensor:
    """x - amount. Source: DAFx24, ``subtract_full``."""
    return x - per_row(amount, x)


@operator("multiply")
def multiply(x: Tensor, moment: Moment, factor: Tensor) -> Tensor:
    """factor * x. Source: JAES25, ``multiply``."""
    return x * per_row(factor, x)


@operator("invert_offset")
def invert_offset(x: Tensor, moment: Moment, offset: Tensor) -> Tensor:
    """offset - x. Source: DAFx24, ``inversion``, whose offset is 1 / r and so has a hole at r = 0."""
    return per_row(offset, x) - x


@operator("invert_sign")
def invert_sign(x: Tensor, moment: Moment) -> Tensor:
    """-x. Source: DAFx24, ``inversion2``."""
    return -x


@operator("threshold")
def threshold(x: Tensor, moment: Moment, level: Tensor) -> Tensor:
    """x where |x| >= level, else 0. Source: DAFx24, ``threshold``."""
    return torch.where(x.abs() >= per_row(level, x), x, 0.0)


@operator("binary_threshold")
def binary_threshold(x: Tensor, moment: Moment, level: Tensor) -> Tensor:
    """1 where x > level, else 0. Source: Broad, Leymarie & Grierson 2021, ``binary-thresh``."""
    return (x > per_row(level, x)).to(x.dtype)


@operator("soft_threshold")
def soft_threshold(x: Tensor, moment: Moment, level: Tensor) -> Tensor:
    """sign(x) max(|x| - level, 0), and so 0 at 0.

    Source: DAFx24, ``soft_threshold``, which divides x by |x| and is NaN at 0.
    """
    return torch.sign(x) * (x.abs() - per_row(level, x)).clamp(min=0)


@operator("shrink_threshold")
def shrink_threshold(x: Tensor, moment: Moment, level: Tensor) -> Tensor:
    """0 where |x| < level, else (1 - level) x. Source: DAFx24, ``soft_threshold2``."""
    level = per_row(level, x)
    return torch.where(x.abs() < level, 0.0, (1 - level) * x)


@operator("power")
def power(x: Tensor, moment: Moment, exponent: Tensor) -> Tensor:
    """sign(x) |x|^exponent; 0 stays 0 for every exponent.

    Numbers near 0 overflow to infinity under exponents far below 0, and large ones far above.
    Source: DAFx24, ``power``, which is NaN for negative x and a fractional exponent.
    """
    # not pow, whose last bit depends on where in the tensor a number stands
    raised = torch.exp(per_row(exponent, x) * torch.log(x.abs()))
    return torch.where(x == 0, 0.0, torch.sign(x) * raised)


@operator("absolute")
def absolute(x: Tensor, moment: Moment) -> Tensor:
    """|x|. Source: DAFx24, ``absolute``."""
    return x.abs()


@operator("log")
def log(x: Tensor, moment: Moment, base: Tensor) -> Tensor:
    """ln|x| / ln(base), with |x| at least 1e-6 and ln(base) at least 0.01 away from 0.

    Source: DAFx24, ``log``, which is infinite at 0 and fails for base 1 and 0.
    """
    below = torch.log(base.clamp(min=FLOOR))
    side = torch.where(below < 0, -1.0, 1.0)
    return torch.log(x.abs().clamp(min=FLOOR)) / per_row(side * below.abs().clamp(min=LEAST_LOG_BASE), x)


@operator("clamp")
def clamp(x: Tensor, moment: Moment, low: Tensor, high: Tensor) -> Tensor:
    """min(max(x, low), high); a limit at its neutral value holds nothing back. Source: DAFx24, ``clamp``."""
    low = torch.where(low <= UNCLAMPED[0], -torch.inf, low)
    high = torch.where(high >= UNCLAMPED[1], torch.inf, high)
    return torch.minimum(torch.maximum(x, per_row(low, x)), per_row(high, x))


@operator("rescale")
def rescale(x: Tensor, moment: Moment, low: Tensor, high: Tensor) -> Tensor:
    """(x - min) / (max - min) (high - low) + low with the extremes of the row; a constant row becomes low.

    Source: DAFx24, ``scale``, which is NaN on a constant tensor.
    """
    flat = x.flatten(1)
    least, most = per_row(flat.amin(dim=1), x), per_row(flat.amax(dim=1), x)
    span = torch.where(most > least, most - least, 1.0)
    return (x - least) / span * per_row(high - low, x) + per_row(low, x)


@operator("sine")
def sine(x: Tensor, moment: Moment, frequency: Tensor) -> Tensor:
    """sin(frequency x) / frequency, which goes to x as the frequency goes to 0."""
    frequency = per_row(frequency, x)
    return torch.sin(frequency * x) / frequency


@operator("quantise")
def quantise(x: Tensor, moment: Moment, interval: Tensor) -> Tensor:
    """round(x / interval) interval; halves go to the even side, intervals too fine for the precision leave x."""
    interval = per_row(interval, x)
    ratio = x / interval
    return torch.where(ratio.abs() < FINEST, torch.round(ratio) * interval, x)
