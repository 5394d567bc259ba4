"""The operators on shapes, one cell at a time or by scipy's filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.ndimage import sobel as slope

At = Callable[[np.ndarray, int], np.ndarray]


def in_window(x: np.ndarray, before: int, after: int, choose: Any) -> np.ndarray:
    """The largest or smallest of the cells from ``before`` cells before to ``after`` cells after."""
    y = np.empty_like(x)
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            rows, columns = (slice(max(i - before, 0), i + after + 1) for i in (row, column))
            y[:, :, row, column] = choose(x[:, :, rows, columns], axis=(2, 3))
    return y


def reach(whole: int, window: str) -> tuple[int, int]:
    return (whole, whole) if window == "centred" or whole == 0 else (whole, whole - 1)


def blended(x: np.ndarray, radius: float, at: At) -> np.ndarray:
    whole = int(np.floor(radius))
    return at(x, whole) if radius == whole else at(x, whole) + (radius - whole) * (at(x, whole + 1) - at(x, whole))


def dilate(x: np.ndarray, radius: float, window: str) -> np.ndarray:
    return blended(x, radius, lambda x, whole: in_window(x, *reach(whole, window), np.max))


def erode(x: np.ndarray, radius: float, window: str) -> np.ndarray:
    return blended(x, radius, lambda x, whole: in_window(x, *reach(whole, window), np.min))


def opened(x: np.ndarray, radius: float, window: str) -> np.ndarray:
    def at(x: np.ndarray, whole: int) -> np.ndarray:
        before, after = reach(whole, window)
        return in_window(in_window(x, before, after, np.min), after, before, np.max)

    return blended(x, radius, at)


def blur(x: np.ndarray, radius: float) -> np.ndarray:
    radius = min(radius, max(x.shape[2:]))
    for axis in (2, 3):
        x = gaussian_filter1d(x, radius, axis=axis, mode="nearest", radius=int(np.ceil(4 * radius)))
    return x


def sobel(x: np.ndarray) -> np.ndarray:
    across = np.array([[slope(c, axis=1, mode="nearest") for c in row] for row in x]) / 8
    down = np.array([[slope(c, axis=0, mode="nearest") for c in row] for row in x]) / 8
    return np.sqrt(across**2 + down**2 + 1e-6)


FORMULAS: dict[str, Callable[..., np.ndarray]] = {
    "dilate": dilate,
    "erode": erode,
    "open": opened,
    "close": lambda x, radius, window: -opened(-x, radius, window),
    "gradient": lambda x, radius, window: dilate(x, radius, window) - erode(x, radius, window),
    "sobel": sobel,
    "blur": blur,
    "sharpen": lambda x, amount, radius: x + amount * (x - blur(x, radius)),
}
WINDOWS: list[dict[str, Any]] = [
    *({"radius": radius} for radius in (1.0, 2.0, 0.25, 1.5)),
    *({"radius": radius, "window": "even"} for radius in (1.0, 2.0, 0.25, 1.5)),
]
CASES: dict[str, list[dict[str, Any]]] = {
    "dilate": WINDOWS,
    "erode": WINDOWS,
    "open": WINDOWS,
    "close": WINDOWS,
    "gradient": WINDOWS,
    "sobel": [{}],
    "blur": [{"radius": radius} for radius in (1.0, 0.3, 2.5, 16.0)],
    "sharpen": [{}, {"amount": -1.0, "radius": 0.7}, {"amount": 2.0, "radius": 3.0}],
}
