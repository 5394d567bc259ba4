"""The point-wise operators."""

from __future__ import annotations

import numpy as np


def log(x: np.ndarray, base: float) -> np.ndarray:
    divisor = np.log(max(base, 1e-6))
    if abs(divisor) < 0.01:
        divisor = -0.01 if divisor < 0 else 0.01
    return np.log(np.maximum(np.abs(x), 1e-6)) / divisor


def clamp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    if low > -1000:
        x = np.maximum(x, low)
    return np.minimum(x, high) if high < 1000 else x


def rescale(x: np.ndarray, low: float, high: float) -> np.ndarray:
    y = np.full_like(x, low)
    for before, after in zip(x, y, strict=True):
        if before.max() > before.min():
            after[:] = (before - before.min()) / (before.max() - before.min()) * (high - low) + low
    return y


FORMULAS = {
    "add": lambda x, amount: x + amount,
    "subtract": lambda x, amount: x - amount,
    "multiply": lambda x, factor: factor * x,
    "invert_offset": lambda x, offset: offset - x,
    "invert_sign": lambda x: -x,
    "threshold": lambda x, level: np.where(np.abs(x) >= level, x, 0.0),
    "binary_threshold": lambda x, level: (x > level).astype(float),
    "soft_threshold": lambda x, level: np.sign(x) * np.maximum(np.abs(x) - level, 0.0),
    "shrink_threshold": lambda x, level: np.where(np.abs(x) < level, 0.0, (1 - level) * x),
    "power": lambda x, exponent: np.sign(x) * np.abs(x) ** exponent,
    "absolute": np.abs,
    "log": log,
    "clamp": clamp,
    "rescale": rescale,
    "sine": lambda x, frequency: np.sin(frequency * x) / frequency,
    "quantise": lambda x, interval: np.round(x / interval) * interval,
}
CASES = {
    "add": [{"amount": -0.7}, {"amount": 0.5}],
    "subtract": [{"amount": -0.7}, {"amount": 0.5}],
    "multiply": [{"factor": 0.0}, {"factor": -1.0}, {"factor": 1.5}],
    "invert_offset": [{"offset": 0.0}, {"offset": 2.5}, {"offset": -0.4}],
    "invert_sign": [{}],
    "threshold": [{"level": 0.5}, {"level": 1.3}],
    "binary_threshold": [{"level": 0.0}, {"level": -0.6}, {"level": 1.1}],
    "soft_threshold": [{"level": 0.5}, {"level": 1.3}, {"level": -0.4}],
    "shrink_threshold": [{"level": 0.5}, {"level": 1.0}, {"level": 1.7}],
    "power": [{"exponent": 2.0}, {"exponent": 0.5}, {"exponent": 0.0}, {"exponent": -0.5}, {"exponent": 3.3}],
    "absolute": [{}],
    "log": [{}, {"base": 2.0}, {"base": 0.5}, {"base": 1.0}, {"base": 0.999}, {"base": 0.0}],
    "clamp": [{}, {"low": -0.2, "high": 1000.0}, {"low": -1000.0, "high": 0.1}, {"low": 0.5, "high": -0.5}],
    "rescale": [{}, {"low": 0.0, "high": 1.0}, {"low": 1.0, "high": -3.0}],
    "sine": [{"frequency": 2.0}, {"frequency": 0.01}, {"frequency": -5.0}],
    "quantise": [{"interval": 0.5}, {"interval": 0.13}, {"interval": 9.0}],
}
