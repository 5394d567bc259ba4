"""Keys beside a range that is baked anew, so that the curve outside stays as it was."""

from __future__ import annotations

import numpy as np

from ..core import curves
from ..core.curves import Keys
from .keyframes import BEZIER, CONSTANT, FREE, LINEAR, KeyTable, merge, no_keys, table_of


def anchors(table: KeyTable, frames: list[int], own: np.ndarray) -> KeyTable:
    """Keys on frames that have none, on the curve as it is; pieces that are cut in two keep their shape.

    Parameters
    ----------
    table : the keys of the curve; the handles of its own keys are brought to the cut
    frames : ascending
    own : bool array, shape (keys,), the keys of the bake whose handles may be moved

    Returns
    -------
    generated keys, ascending
    """
    found = no_keys()
    for frame in frames:
        there = table["co"][:, 0]
        after = int(np.searchsorted(there, frame))
        if not len(there) or abs(there[min(after, len(there) - 1)] - frame) < 1e-3:
            continue
        found = merge(found, _cut(table, after, frame, own))
    return found


def _cut(table: KeyTable, after: int, frame: int, own: np.ndarray) -> KeyTable:
    """One key on the piece that ends at a key, or beyond the outermost keys at their value."""
    co = table["co"].astype(np.float64)
    if after in (0, len(co)):
        value = co[min(after, len(co) - 1), 1]
        return table_of(Keys(np.array([frame]), np.array([value])))
    before = after - 1
    start, end = co[before], co[after]
    kind = int(table["interpolation"][before, 0])
    if kind not in (CONSTANT, LINEAR, BEZIER):  # a bounce or the like would be another one in two halves
        return no_keys()
    if kind != BEZIER:
        share = 0.0 if kind == CONSTANT else (frame - start[0]) / (end[0] - start[0])
        key = table_of(Keys(np.array([frame]), np.array([start[1] + share * (end[1] - start[1])])))
        key["interpolation"][:] = kind
        return key
    out, into = _within_piece(start, end, table["handle_right"][before], table["handle_left"][after])
    first, second = _split(np.stack([start, out, into, end]), frame)
    key = table_of(Keys(np.array([frame]), first[3:, 1], first[None, 2], second[None, 1], curves.BEZIER))
    if own[before]:
        table["handle_right"][before], table["handle_right_type"][before] = first[1], FREE
    if own[after]:
        table["handle_left"][after], table["handle_left_type"][after] = second[2], FREE
    return key


def _within_piece(
    start: np.ndarray, end: np.ndarray, out: np.ndarray, into: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The handles as Blender evaluates them: none reaches beyond the key at the other end."""
    room = end[0] - start[0]

    def shortened(key: np.ndarray, handle: np.ndarray) -> np.ndarray:
        length = abs(handle[0] - key[0])
        return key + (handle - key) * (room / length if length > room else 1.0)

    return shortened(start, out), shortened(end, into)


def _split(points: np.ndarray, frame: float) -> tuple[np.ndarray, np.ndarray]:
    """De Casteljau: both halves of a Bézier piece, cut where it passes a frame."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        first, second = _halves(points, middle)
        low, high = (middle, high) if first[3, 0] < frame else (low, middle)
    return first, second


def _halves(points: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    levels = [points]
    for _ in range(3):
        levels.append(levels[-1][:-1] * (1 - share) + levels[-1][1:] * share)
    return np.stack([level[0] for level in levels]), np.stack([level[-1] for level in reversed(levels)])
