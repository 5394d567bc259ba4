"""The channel operators, as matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.linalg import block_diag, hadamard

from .stochastic import generator

SIX = ("01", "02", "03", "12", "13", "23")


def by_matrix(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """y[o] = sum over c of matrix[o, c] x[c]."""
    return np.einsum("oc,bc...->bo...", matrix, x)


def plane_matrix(channels: int, first: int, second: int, angle: float) -> np.ndarray:
    matrix = np.eye(channels)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def on_groups(matrix: np.ndarray, channels: int) -> np.ndarray:
    """A 4 x 4 matrix for every full group of four channels."""
    return block_diag(*[matrix] * (channels // 4), np.eye(channels % 4))


def rotate_channels(x: np.ndarray, angle: float, plane: str, repeat: str) -> np.ndarray:
    first, second = (int(channel) for channel in plane.split("-"))
    if repeat == "every four":
        return by_matrix(on_groups(plane_matrix(4, first, second, angle), x.shape[1]), x)
    return by_matrix(plane_matrix(x.shape[1], first, second, angle), x)


def six_plane_rotation(x: np.ndarray, **angles: float) -> np.ndarray:
    matrix = np.eye(4)
    for plane in SIX:
        matrix = matrix @ plane_matrix(4, int(plane[0]), int(plane[1]), angles[f"angle_{plane}"])
    return by_matrix(on_groups(matrix, x.shape[1]), x)


def channel_matrix(x: np.ndarray, amount: float, form: str, matrix: str, variation: str) -> np.ndarray:
    channels = x.shape[1]
    if matrix:
        a = np.array(matrix.replace(",", " ").split(), dtype=float).reshape(channels, channels)
    else:
        a = torch.randn((channels, channels), generator=generator(variation)).double().numpy()
    if form == "raw":
        return by_matrix((1 - amount) * np.eye(channels) + amount * a, x)
    return by_matrix(np.eye(channels) + amount * a / np.linalg.norm(a, 2), x)


def reflect(x: np.ndarray, channel: str) -> np.ndarray:
    return x * np.where(np.arange(x.shape[1]) == int(channel), -1.0, 1.0)[:, None, None]


def hadamard_(x: np.ndarray, form: str) -> np.ndarray:
    if form == "raw rows":
        return np.einsum("kh,bchw->bcwk", hadamard(x.shape[2]), x)
    block = max(size for size in (1, 2, 4, 8, 16) if x.shape[1] % size == 0)
    matrix = hadamard(block) / (np.sqrt(block) if form == "orthogonal" else 1)
    return by_matrix(block_diag(*[matrix] * (x.shape[1] // block)), x)


def permute_channels(x: np.ndarray, variation: str) -> np.ndarray:
    order = torch.randperm(x.shape[1], generator=generator(variation)).tolist()
    y = np.empty_like(x)
    for before, after in zip([order[-1], *order], order, strict=False):
        y[:, after] = x[:, before]
    return y


def roll_channels(x: np.ndarray, shift: float) -> np.ndarray:
    whole = int(np.floor(shift))
    share = shift - whole
    return (1 - share) * np.roll(x, whole, axis=1) + share * np.roll(x, whole + 1, axis=1)


FORMULAS = {
    "rotate_channels": rotate_channels,
    "six_plane_rotation": six_plane_rotation,
    "channel_matrix": channel_matrix,
    "reflect": reflect,
    "hadamard": hadamard_,
    "permute_channels": permute_channels,
    "roll_channels": roll_channels,
}
CASES: dict[str, list[dict[str, Any]]] = {
    "rotate_channels": [
        *({"angle": angle} for angle in (0.3, np.pi, -1.2)),
        *({"angle": 0.8, "plane": plane} for plane in ("0-1", "0-2", "0-3", "1-3", "2-3", "2-0", "3-0", "3-1")),
        {"angle": 0.8, "plane": "0-2", "repeat": "every four"},
        {"angle": 2.0, "plane": "3-1", "repeat": "every four"},
    ],
    "six_plane_rotation": [
        {},
        {f"angle_{plane}": angle for plane, angle in zip(SIX, (0.1, -0.2, 1.5, 0.7, 3.0, -4.0), strict=True)},
        {f"angle_{plane}": 0.0 for plane in SIX if plane != "03"},
    ],
    "channel_matrix": [
        {"amount": 0.5},
        {"amount": -0.8, "variation": "7"},
        {"amount": 0.4, "form": "raw"},
        {"amount": 1.0, "form": "raw", "variation": "123"},
    ],
    "reflect": [{}, {"channel": "1"}, {"channel": "3"}],
    "hadamard": [{}, {"form": "raw"}],
    "permute_channels": [{}, {"variation": "3"}],
    "roll_channels": [{"shift": 1.0}, {"shift": -0.25}, {"shift": 2.75}, {"shift": 9.5}],
}
