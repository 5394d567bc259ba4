"""Cutting a curve into few cubics that keep within a tolerance on every frame.

A piece is the least-squares cubic through two of the values, with its handles at the thirds of its time, where
Blender's Bézier is exactly a cubic in time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ..slices import Slices

#: Frames; up to here every length is tried for every start at once, beyond it a piece grows by a quarter at a time.
LONGEST = 16
#: Starts for which they are tried without a pause.
TOGETHER = 4096
#: A start for which so many lengths in a row miss the tolerance is given up.
_PATIENCE = 3


def cut(values: np.ndarray, tolerance: float) -> Slices[np.ndarray]:
    """The frames at which pieces end, each piece about as long as it can be; in slices.

    Parameters
    ----------
    values : float array, shape (frames,), at least one frame
    tolerance : largest allowed distance on a frame

    Returns
    -------
    int array, ascending, from 0 to the last frame
    """
    longest: list[int] = []
    for first in range(0, len(values), TOGETHER):
        # Pieces that begin here end within the frames that are looked at, so those further on make no difference.
        some = values[first : first + TOGETHER + LONGEST]
        longest += _longest_pieces(some, tolerance)[:TOGETHER].tolist()
        yield
    end, cuts = len(values) - 1, [0]
    while cuts[-1] < end:
        first = cuts[-1]
        length = longest[first]
        while length >= LONGEST and first + length < end:
            longer = min(length * 5 // 4, end - first)
            if np.abs(_miss(values[first : first + longer + 1])).max() > tolerance:
                break
            length = longer
        cuts.append(first + length)
    return np.array(cuts)


def handles(values: np.ndarray, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values of the two handles of every piece.

    Parameters
    ----------
    values : float array, shape (frames,)
    cuts : int array, shape (pieces + 1,)

    Returns
    -------
    leaving and arriving : float arrays, shape (pieces,)
    """
    lengths = np.diff(cuts)
    found = np.empty((len(lengths), 2))
    for length in np.unique(lengths):
        pieces = np.flatnonzero(lengths == length)
        frames = values[cuts[pieces, None] + np.arange(length + 1)]
        start, end = frames[:, 0], frames[:, -1]
        if length == 1:
            found[pieces] = np.stack([start + (end - start) / 3, end - (end - start) / 3], axis=1)
        else:
            _, solve, fixed = _basis(int(length))
            found[pieces] = (frames - frames[:, [0, -1]] @ fixed) @ solve.T
    return found[:, 0], found[:, 1]


def hold(cuts: np.ndarray, tolerance: float, error_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Cut the pieces that miss the tolerance where they err most, until none does.

    Parameters
    ----------
    cuts : int array, shape (pieces + 1,)
    error_of : the error on every frame that cuts lead to
    """
    while True:
        error = error_of(cuts)
        inner = np.ones(len(error), bool)
        inner[cuts] = False
        missed = np.flatnonzero(inner & (error > tolerance))
        if len(missed) == 0:
            return cuts
        piece = np.searchsorted(cuts, missed)
        worst = missed[np.lexsort((-error[missed], piece))]
        _, first = np.unique(np.sort(piece), return_index=True)
        cuts = np.union1d(cuts, worst[first])


def _longest_pieces(values: np.ndarray, tolerance: float) -> np.ndarray:
    """For every start the longest piece of up to ``LONGEST`` frames that keeps the tolerance."""
    count = len(values)
    longest = np.ones(count, dtype=np.int64)
    starts = np.arange(count)
    for length in range(2, min(LONGEST, count - 1) + 1):
        starts = starts[(starts + length < count) & (length - longest[starts] <= _PATIENCE)]
        frames = np.lib.stride_tricks.sliding_window_view(values, length + 1)[starts]
        # Not by matrix multiplication, which would wake threads for far too little work.
        missed = np.einsum("sf,fg->sg", frames, _missing(length))
        kept = np.abs(missed).max(axis=1, initial=0.0) <= tolerance
        longest[starts[kept]] = length
    return longest


@lru_cache(maxsize=512)
def _basis(length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a piece of so many frames: what the handles add, how they are solved for, and what the two ends add.

    Returns
    -------
    arrays of shape (frames, 2), (2, frames) and (2, frames)
    """
    time = np.linspace(0.0, 1.0, length + 1)
    shapes = np.stack([3 * (1 - time) ** 2 * time, 3 * (1 - time) * time**2], axis=1)
    # Of a piece with one frame between its ends many pairs of handles are right, and the least is taken.
    solve = np.linalg.pinv(shapes) if length == 2 else np.linalg.solve(shapes.T @ shapes, shapes.T)
    return shapes, solve, np.stack([(1 - time) ** 3, time**3])


@lru_cache(maxsize=LONGEST)
def _missing(length: int) -> np.ndarray:
    """The matrix, shape (frames, frames), from the values of a piece to what its cubic misses of them."""
    return np.stack([_miss(unit) for unit in np.eye(length + 1)])


def _miss(frames: np.ndarray) -> np.ndarray:
    shapes, solve, fixed = _basis(len(frames) - 1)
    rest = frames - frames[[0, -1]] @ fixed
    return rest - shapes @ (solve @ rest)
