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
            Code.PARAMETER_INVALID, f"The matrix can't be read: {error}.", "Use numbers such as 1, 0, -0.5."
        ) from error
    if len(numbers) != channels * channels:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"The matrix has {len(numbers)} numbers, and this site has {channels} channels.",
            f"Enter {channels * channels} numbers, row by row, or none for a random matrix from the seed.",
        )
    matrix = torch.tensor(numbers, dtype=torch.float32).reshape(channels, channels)
    if not torch.isfinite(matrix).all():
        raise BendError(Code.PARAMETER_INVALID, "The matrix has a number that is too large.", "Use smaller numbers.")
    return matrix


def drawn_matrix(channels: int, moment: Moment, variation: str) -> Tensor:
    """N(0, 1) for every pair of channels."""
    return torch.randn((channels, channels), generator=moment.generator(variation), dtype=torch.float32)


@functools.lru_cache(maxsize=4096)
def spectral_norm(text: str, channels: int, moment: Moment | None, variation: str) -> float:
    """The largest gain of a written matrix or of a drawn one, remembered as every frame asks for it again."""
    if moment is None:
        return float(torch.linalg.matrix_norm(read_matrix(text, channels).double(), ord=2))
    return largest_gain(drawn_matrix(channels, moment, variation).double())


def largest_gain(matrix: Tensor, steps: int = 32) -> float:
    """The spectral norm of a random matrix by Lanczos' iteration: to 1e-6 for 320 channels, to half a percent for 1280.

    The singular value decomposition takes seconds for a thousand channels, longer than a denoising step.
    """
    vector = torch.ones(matrix.shape[1], dtype=matrix.dtype)
    basis = (vector / vector.norm()).unsqueeze(1)
    for _ in range(min(steps, matrix.shape[1]) - 1):
        vector = matrix.T @ (matrix @ basis[:, -1])
        for _ in range(2):  # once leaves rounding errors that grow
            vector = vector - basis @ (basis.T @ vector)
        basis = torch.cat([basis, (vector / vector.norm()).unsqueeze(1)], dim=1)
    return float(torch.linalg.matrix_norm(matrix @ basis, ord=2))


def walsh(x: Tensor) -> Tensor:
    """The Hadamard matrix of 1 and -1 (Sylvester's order) times the last dimension, a power of two, by butterflies."""
    half = 1
    while half < x.shape[-1]:
        a, b = x.unflatten(-1, (-1, 2, half)).unbind(-2)
        x = torch.stack((a + b, a - b), dim=-2).flatten(-3)
        half *= 2
    return x


#: How often a matrix is halved at most before its series is summed, and the terms of that.
_HALVINGS, _TERMS = 16, 12


def exponential(x: Tensor) -> Tensor:
    """exp of square matrices, by the same number of products for all, so that the host need not look at their norms.

    Each is halved until its norm is below 1 (if 16 times suffice), summed by Taylor's series, and squared as often.
    ``torch.linalg.matrix_exp`` reads the norms from CUDA, and MPS lacks it.
    """
    norm = x.abs().sum(dim=-2).amax(dim=-1)[..., None, None]
    halvings = torch.ceil(torch.log2(norm.clamp(min=0.5))).clamp(max=_HALVINGS) + 1
    small = x * torch.exp2(-halvings)
    one = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    y = one + small / _TERMS
    for term in range(_TERMS - 1, 0, -1):  # Horner's scheme
        y = one + small @ y / term
    for squared in range(_HALVINGS + 1):
        y = torch.where(squared < halvings, y @ y, y)
    return y
