"""The matrices of the channel operators: read, drawn, measured, and the fast Hadamard transform."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from ....core.errors import BendError, Code
from .registry import Moment


def read_matrix(text: str, channels: int) -> Tensor:
    """A square matrix from numbers in a row, separated by spaces, commas or new lines.

    Raises
    ------
    BendError(PARAMETER_INVALID) if they cannot be read, or are not ``channels`` squared.
    """
    parts = text.replace(",", " ").replace(";", " ").split()
    try:
        numbers = [float(part) for part in parts]
    except ValueError as error:
        raise BendError(
            Code.PARAMETER_INVALID, f"The matrix cannot be read: {error}.", "Write numbers such as 1, 0, -0.5."
        ) from error
    if len(numbers) != channels * channels:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"The matrix has {len(numbers)} numbers, and this site has {channels} channels.",
            f"Give {channels * channels} numbers, row by row, or none for a matrix drawn from the seed.",
        )
    return torch.tensor(numbers, dtype=torch.float32).reshape(channels, channels)


def drawn_matrix(channels: int, moment: Moment, variation: str) -> Tensor:
    """N(0, 1) for every pair of channels."""
    return torch.randn((channels, channels), generator=moment.generator(variation), dtype=torch.float32)


@functools.lru_cache(maxsize=4096)
def spectral_norm(text: str, channels: int, moment: Moment | None, variation: str) -> float:
    """The largest gain of the matrix, remembered: for a thousand channels it takes longer than a step."""
    matrix = drawn_matrix(channels, moment, variation) if moment else read_matrix(text, channels)
    return float(torch.linalg.matrix_norm(matrix, ord=2))


def walsh(x: Tensor) -> Tensor:
    """The Hadamard matrix of 1 and -1 (Sylvester's order) times the last dimension, a power of two, by butterflies."""
    half = 1
    while half < x.shape[-1]:
        a, b = x.unflatten(-1, (-1, 2, half)).unbind(-2)
        x = torch.stack((a + b, a - b), dim=-2).flatten(-3)
        half *= 2
    return x
