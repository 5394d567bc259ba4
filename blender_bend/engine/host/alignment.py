"""Weights at addresses that give the same sums everywhere.

Tensors that safetensors maps from a file lie at any multiple of 8 bytes. The matrix products of MKL and oneDNN peel off
what lies before a boundary of their vectors, and so add in another order: on an AVX2 machine the same weights from two
files gave pictures that differed in their last bits. torch's own allocations lie at multiples of 64 bytes.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

from torch import Tensor, nn

#: Where torch's own CPU allocations begin, in bytes: c10/core/alignment.h
ALIGNMENT = 64


def is_aligned(tensor: Tensor) -> bool:
    """Whether a tensor is where torch itself would have put it; tensors of other devices always are."""
    return tensor.device.type != "cpu" or tensor.data_ptr() % ALIGNMENT == 0


def aligned(tensor: Tensor) -> Tensor:
    """The tensor, or its copy in memory of torch's own if it lies elsewhere."""
    return tensor if is_aligned(tensor) else tensor.clone()


def align(module: nn.Module) -> None:
    """Move the weights and buffers of a network to where torch would have put them, one after the other.

    What is already there is not copied; peak memory grows by the largest single weight.
    """
    for tensor in chain(module.parameters(), module.buffers()):
        if not is_aligned(tensor):
            tensor.data = tensor.data.clone()


def align_parts(pipeline: Any) -> None:
    """The same for every network of a diffusers pipeline."""
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            align(part)
