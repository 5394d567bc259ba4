"""A small square picture out of a large one."""

from __future__ import annotations

import numpy as np


def thumbnail(pixels: np.ndarray, side: int) -> np.ndarray:
    """The middle square of a picture, each pixel the mean of those that it stands for.

    Parameters
    ----------
    pixels : uint8 array, shape (height, width, 3)
    side : width and height of the result in pixels

    Returns
    -------
    uint8 array, shape (side, side, 3)
    """
    height, width, _ = pixels.shape
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    middle = pixels[top : top + square, left : left + square].astype(np.float32)
    if square < side:
        nearest = np.arange(side) * square // side
        return middle[nearest][:, nearest].astype(np.uint8)
    edges = np.linspace(0, square, side + 1).astype(int)
    counts = np.diff(edges).astype(np.float32)
    rows = np.add.reduceat(middle, edges[:-1], axis=0) / counts[:, None, None]
    small = np.add.reduceat(rows, edges[:-1], axis=1) / counts[None, :, None]
    return np.rint(small).astype(np.uint8)
