"""Keys of a curve: one a frame, few Bézier keys within a stated error, or a key per event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Keys:
    """Keys of one curve, ascending in time.

    Parameters
    ----------
    frames, values : float arrays, shape (keys,)
    left, right : float arrays, shape (keys, 2), handle positions (frame, value); None for straight lines
    """

    frames: np.ndarray
    values: np.ndarray
    left: np.ndarray | None = None
    right: np.ndarray | None = None


def dense(values: np.ndarray, first_frame: int) -> Keys:
    """A key on every frame."""
    return Keys(
        np.arange(first_frame, first_frame + len(values), dtype=np.float64), np.asarray(values, dtype=np.float64)
    )


def simplify(values: np.ndarray, first_frame: int, tolerance: float) -> Keys:
    """Few Bézier keys that stay within a tolerance of a value on every frame.

    Each piece is the least-squares cubic between two of the values, with handles at the thirds (where Blender's Bézier
    is exactly a cubic in time); a piece that misses its tolerance is split where it errs most.

    Parameters
    ----------
    values : float array, shape (frames,), at least one frame
    tolerance : largest allowed distance on a frame, in the unit of the values, above 0

    Returns
    -------
    Keys with handles
    """
    values = np.asarray(values, dtype=np.float64)
    pieces: list[tuple[int, int, float, float]] = []
    waiting = [(0, len(values) - 1)] if len(values) > 1 else []
    while waiting:
        first, last = waiting.pop()
        out_handle, in_handle, worst, error = _fit_cubic(values[first : last + 1])
        if error <= 0.999 * tolerance:
            pieces.append((first, last, out_handle, in_handle))
        else:
            waiting += [(first + worst, last), (first, first + worst)]
    return _keys_of_pieces(values, sorted(pieces), first_frame)


def _fit_cubic(values: np.ndarray) -> tuple[float, float, int, float]:
    """Handle values of the best cubic through both ends; where and how much it errs most."""
    count = len(values) - 1
    time = np.linspace(0.0, 1.0, count + 1)
    start, end = float(values[0]), float(values[-1])
    if count == 1:
        return start + (end - start) / 3, end - (end - start) / 3, 0, 0.0
    basis = np.stack([3 * (1 - time) ** 2 * time, 3 * (1 - time) * time**2], axis=1)
    fixed = (1 - time) ** 3 * start + time**3 * end
    handles = np.linalg.lstsq(basis, values - fixed, rcond=None)[0]
    error = np.abs(fixed + basis @ handles - values)
    worst = int(np.clip(np.argmax(error), 1, count - 1))
    return float(handles[0]), float(handles[1]), worst, float(error.max())


def _keys_of_pieces(values: np.ndarray, pieces: list[tuple[int, int, float, float]], first_frame: int) -> Keys:
    indices = np.array([0, *(last for _, last, _, _ in pieces)], dtype=np.int64)
    frames = indices + float(first_frame)
    key_values = values[indices]
    left = np.stack([frames - 1 / 3, key_values], axis=1)
    right = np.stack([frames + 1 / 3, key_values], axis=1)
    for number, (first, last, out_handle, in_handle) in enumerate(pieces):
        third = (last - first) / 3
        right[number] = frames[number] + third, out_handle
        left[number + 1] = frames[number + 1] - third, in_handle
    return Keys(frames, key_values, left, right)
