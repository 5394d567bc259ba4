"""The operators with chance; what is drawn is taken from the generator of seed 0, step 0, at the latent."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from blender_bend.engine.bending.operators import Moment


def generator(variation: str = "0") -> torch.Generator:
    return Moment(0, 0, "latent").generator(variation)


def normal(shape: tuple[int, ...], variation: str) -> np.ndarray:
    return torch.randn(shape, generator=generator(variation)).double().numpy()


def uniform(shape: tuple[int, ...], variation: str) -> np.ndarray:
    return torch.rand(shape, generator=generator(variation)).double().numpy()


def add_noise(x: np.ndarray, amount: float, distribution: str, variation: str) -> np.ndarray:
    if distribution == "normal":
        return x + amount * normal(x.shape[1:], variation)
    return x + amount * (2 * uniform(x.shape[1:], variation) - 1)


def add_sparse(x: np.ndarray, amount: float, density: float, variation: str) -> np.ndarray:
    return x + amount * (uniform(x.shape[1:], variation) < density)


def dropout(x: np.ndarray, fraction: float, variation: str) -> np.ndarray:
    return x * (uniform(x.shape[1:], variation) >= fraction)


def random_lines(x: np.ndarray, amount: float, fraction: float, variation: str, axis: int) -> np.ndarray:
    count = x.shape[axis]
    rank = torch.randperm(count, generator=generator(variation)).numpy()
    y = np.moveaxis(x.copy(), axis, 0)
    y[np.argsort(rank)[: int(fraction * count + 1e-4)]] += amount
    return np.moveaxis(y, 0, axis)


def blend_noise(x: np.ndarray, amount: float, form: str, variation: str) -> np.ndarray:
    a, b = x, np.broadcast_to(normal(x.shape[1:], variation), x.shape)
    screen = 1 - (1 - a) * (1 - b)
    blend = {
        "normal": b,
        "add": a + b,
        "multiply": a * b,
        "screen": screen,
        "overlay": np.where(a < 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b)),
    }[form]
    return (1 - amount) * x + amount * blend


def add_bump(picture: np.ndarray, amount: float, x: float, y: float, size: float) -> np.ndarray:
    height, width = picture.shape[2:]
    side = max(min(height, width) - 1, 1)
    bump = np.empty((height, width))
    for row in range(height):
        for column in range(width):
            across, up = column - x * (width - 1), height - 1 - row - y * (height - 1)
            bump[row, column] = amount * np.exp(-(across**2 + up**2) / side**2 / 2 / (size / 2) ** 2)
    return picture + bump


FORMULAS = {
    "add_noise": add_noise,
    "add_sparse": add_sparse,
    "dropout": dropout,
    "random_rows": lambda x, **settings: random_lines(x, **settings, axis=2),
    "random_columns": lambda x, **settings: random_lines(x, **settings, axis=3),
    "blend_noise": blend_noise,
    "add_bump": add_bump,
}
LINES: list[dict[str, Any]] = [{}, {"amount": -2.0, "fraction": 0.5, "variation": "4"}, {"fraction": 1.0}]
CASES: dict[str, list[dict[str, Any]]] = {
    "add_noise": [{"amount": 0.3}, {"amount": 2.0, "variation": "9"}, {"amount": 1.0, "distribution": "uniform"}],
    "add_sparse": [{"density": 0.3}, {"amount": -3.0, "density": 1.0, "variation": "11"}],
    "dropout": [{"fraction": 0.5}, {"fraction": 0.8, "variation": "2"}, {"fraction": 1.0}],
    "random_rows": LINES,
    "random_columns": LINES,
    "blend_noise": [{"amount": 0.7, "form": form} for form in ("normal", "add", "multiply", "screen", "overlay")],
    "add_bump": [{}, {"amount": -2.0, "x": 0.2, "y": 0.9, "size": 0.6}, {"x": 0.0, "y": 0.0, "size": 1.0}],
}
