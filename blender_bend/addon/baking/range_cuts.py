"""Keys next to a range that is baked again, so that the curve outside doesn't change."""

from __future__ import annotations

import numpy as np

from ...core.curves import keys
from ...core.curves.keys import Keys
from ..timeline.keys import BEZIER, CONSTANT, FREE, LINEAR, KeyTable, merge, no_keys, table_of


def anchors(table: KeyTable, before: int | None, after: int | None, own: np.ndarray) -> KeyTable:
    """Keys beside a range, where there are none, on the curve as it is; a piece that is cut keeps its shape outside.

    Parameters
    ----------
    table : the keys of the curve; the handles of its own keys are brought to the cut
    before, after : the frames beside the range; None where nothing lies beside it
    own : bool array, shape (keys,), the keys of the bake whose handles may be moved

    Returns
    -------
    generated keys, ascending
    """
    there = table["co"][:, 0]
    missing = [frame for frame in (before, after) if frame is not None and not np.any(abs(there - frame) < 1e-3)]
    if not len(there) or not missing:
        return no_keys()
    # Both may cut the same piece: each reads it whole, and moves the handle on its own side of the range only.
    whole = {name: values.copy() for name, values in table.items()}
    found = no_keys()
    for frame in missing:
        end = int(np.searchsorted(there, frame))
        key, out, into = _cut(whole, end, frame)
        found = merge(found, key)
        if frame == before and out is not None and own[end - 1]:
            table["handle_right"][end - 1], table["handle_right_type"][end - 1] = out, FREE
        if frame == after and into is not None and own[end]:
            table["handle_left"][end], table["handle_left_type"][end] = into, FREE
    return found


def _cut(table: KeyTable, end: int, frame: int) -> tuple[KeyTable, np.ndarray | None, np.ndarray | None]:
    """One key on the piece that ends at a key, or beyond the outermost keys at their value.

    Returns
    -------
    the key, and for a Bézier piece the handles that its two ends need then
    """
    co = table["co"].astype(np.float64)
    if end in (0, len(co)):
        value = co[min(end, len(co) - 1), 1]
        return table_of(Keys(np.array([frame]), np.array([value]))), None, None
    (left, low), (right, high) = co[end - 1], co[end]
    kind = int(table["interpolation"][end - 1, 0])
    if kind == BEZIER:
        handles = _within_piece(co[end - 1], co[end], table["handle_right"][end - 1], table["handle_left"][end])
        first, second = _split(np.stack([co[end - 1], *handles, co[end]]), frame)
        key = Keys(np.array([frame]), first[3:, 1], first[None, 2], second[None, 1], keys.BEZIER)
        return table_of(key), first[1], second[2]
    if kind == CONSTANT:
        return table_of(Keys(np.array([frame]), np.array([low]), interpolation=keys.CONSTANT)), None, None
    if kind == LINEAR:
        value = low + (high - low) * (frame - left) / (right - left)
        return table_of(Keys(np.array([frame]), np.array([value]))), None, None
    return no_keys(), None, None  # a bounce or the like would be another one in two halves


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
