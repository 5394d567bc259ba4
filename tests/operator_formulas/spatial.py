"""The operators that move the picture, by scipy's interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

BORDERS = {"empty": "grid-constant", "repeat": "nearest", "mirror": "reflect", "wrap": "grid-wrap"}


def moved(x: np.ndarray, read: Any, border: str) -> np.ndarray:
    """The picture read at ``read(right, up)``, both in cells from the middle."""
    height, width = x.shape[2:]
    row, column = np.mgrid[:height, :width].astype(float)
    right, up = read(column - (width - 1) / 2, (height - 1) / 2 - row)
    places = np.array([(height - 1) / 2 - up, right + (width - 1) / 2])
    return np.array([[map_coordinates(c, places, order=1, mode=BORDERS[border]) for c in row] for row in x])


def turned(angle: float, right: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point turned counter-clockwise."""
    point = (right + 1j * up) * np.exp(1j * angle)
    return point.real, point.imag


def translate(picture: np.ndarray, x: float, y: float, border: str) -> np.ndarray:
    height, width = picture.shape[2:]
    return moved(picture, lambda right, up: (right - x * width, up - y * height), border)


def shear(picture: np.ndarray, x: float, y: float, border: str) -> np.ndarray:
    return moved(picture, lambda right, up: (right - x * up, up - y * right), border)


def mirror(x: np.ndarray, side: str) -> np.ndarray:
    axis = 3 if side in ("left", "right") else 2
    half = (x.shape[axis] + 1) // 2
    first, rest = np.arange(half), x.shape[axis] - half
    if side in ("left", "top"):
        index = [*first, *first[::-1][x.shape[axis] % 2 :]]
    else:
        last = np.arange(rest, x.shape[axis])
        index = [*last[::-1][: len(last) - x.shape[axis] % 2], *last]
    return np.take(x, index, axis=axis)


def kaleidoscope(x: np.ndarray, segments: float, angle: float, border: str) -> np.ndarray:
    width = 2 * np.pi / max(round(segments), 2)

    def read(right: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        around = np.angle((right + 1j * up) * np.exp(-1j * angle)) % width
        point = np.hypot(right, up) * np.exp(1j * (np.where(around > width / 2, width - around, around) + angle))
        return point.real, point.imag

    return moved(x, read, border)


def ripple(x: np.ndarray, amplitude: float, wavelength: float, phase: float, direction: str, border: str) -> np.ndarray:
    def wave(distance: np.ndarray) -> np.ndarray:
        return amplitude * np.sin(2 * np.pi * distance / max(wavelength, 1.0) + phase)

    def read(right: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if direction == "horizontal":
            return right + wave(-up), up
        if direction == "vertical":
            return right, up - wave(right)
        point = right + 1j * up
        distance = np.abs(point)
        point = point * (1 + np.where(distance > 0, wave(distance) / np.maximum(distance, 1e-9), 0))
        return point.real, point.imag

    return moved(x, read, border)


FORMULAS = {
    "rotate_picture": lambda x, angle, border: moved(x, lambda r, u: turned(-angle, r, u), border),
    "zoom": lambda x, factor, border: moved(x, lambda r, u: (r / factor, u / factor), border),
    "translate": translate,
    "shear": shear,
    "flip": lambda x, axis: np.flip(x, {"horizontal": 3, "vertical": 2, "both": (2, 3)}[axis]),
    "mirror": mirror,
    "kaleidoscope": kaleidoscope,
    "ripple": ripple,
}
CASES: dict[str, list[dict[str, Any]]] = {
    "rotate_picture": [
        {"angle": 0.7},
        *({"angle": -2.0, "border": border} for border in BORDERS),
        {"angle": np.pi / 2, "border": "empty"},
    ],
    "zoom": [{"factor": 1.7}, {"factor": 0.4}, *({"factor": -0.6, "border": border} for border in BORDERS)],
    "translate": [{}, {"x": 0.0, "y": 0.3}, *({"x": -0.4, "y": 0.13, "border": border} for border in BORDERS)],
    "shear": [{}, {"x": 1.0, "y": 1.0}, *({"x": -0.6, "y": 0.2, "border": border} for border in BORDERS)],
    "flip": [{"axis": axis} for axis in ("horizontal", "vertical", "both")],
    "mirror": [{"side": side} for side in ("left", "right", "top", "bottom")],
    "kaleidoscope": [
        {},
        {"segments": 2.0},
        {"segments": 5.4, "angle": 1.0},
        *({"segments": 3.0, "angle": -0.3, "border": border} for border in BORDERS),
    ],
    "ripple": [
        {},
        {"amplitude": 1.3, "phase": 1.0},
        *({"amplitude": -2.0, "wavelength": 5.0, "direction": name} for name in ("horizontal", "vertical")),
        *({"wavelength": 0.2, "phase": 0.4, "border": border} for border in BORDERS),
    ],
}
