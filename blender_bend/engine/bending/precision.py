"""Numbers that hold: a bend computes in float32, and what it made is limited and rounded once, at the end."""

from __future__ import annotations

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)


def widened(x: Tensor) -> Tensor:
    """A tensor to compute with: half precision as float32."""
    return x.float() if x.dtype in HALF else x


def narrowed(x: Tensor, dtype: torch.dtype) -> Tensor:
    """A computed tensor in the dtype of the model; what lies beyond the range of half precision becomes its largest.

    A model in float16 has activations near 6e4, where the range ends at 65504; infinity would spread from there to the
    whole picture. A number that is none stays none.
    """
    return x if x.dtype == dtype else held(x, torch.finfo(dtype).max).to(dtype)


def held(x: Tensor, most: float) -> Tensor:
    """A tensor whose numbers are no larger than the largest allowed one, or its dtype's; NaN stays NaN."""
    most = min(most, torch.finfo(x.dtype).max)
    return x.clamp(-most, most)
