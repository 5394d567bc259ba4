"""The normalisations and the matrix exponential."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import expm


def normalise(x: np.ndarray, form: str) -> np.ndarray:
    def one(x: np.ndarray) -> np.ndarray:
        """For [C, H, W], as in the papers."""
        if form == "peak":
            return x / np.abs(x).max() if x.any() else x
        if form == "unit":
            return x / np.maximum(np.sqrt((x**2).sum(axis=0)), 1e-12)
        if form == "centre":
            return x - x.mean()
        return x - x.mean(axis=["channels", "rows", "columns"].index(form.removeprefix("centre ")), keepdims=True)

    return np.stack([one(row) for row in x])


def matrix_exponential(x: np.ndarray, scale: float) -> np.ndarray:
    height, width = x.shape[2:]
    square = np.zeros((*x.shape[:2], max(height, width), max(height, width)))
    square[:, :, :height, :width] = scale * x
    return expm(square)[:, :, :height, :width]


FORMULAS = {"normalise": normalise, "matrix_exponential": matrix_exponential}
FORMS = ("peak", "unit", "centre", "centre channels", "centre rows", "centre columns")
CASES: dict[str, list[dict[str, Any]]] = {
    "normalise": [{"form": form} for form in FORMS],
    "matrix_exponential": [{}, {"scale": 0.3}, {"scale": -1.0}],
}
