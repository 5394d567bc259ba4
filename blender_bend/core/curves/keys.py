"""Keys of a curve: one a frame, or few Bézier keys within a stated error; and how Blender reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..slices import Slices, carry_out
from . import bezier_fit

#: Largest error of simplified keys, as a share of the route's range, unless the artist says otherwise.
TOLERANCE = 0.05

LINEAR, BEZIER, CONSTANT = "LINEAR", "BEZIER", "CONSTANT"


@dataclass(frozen=True)
class Keys:
    """Keys of one curve, ascending in time.

    Parameters
    ----------
    frames, values : float arrays, shape (keys,)
    left, right : float arrays, shape (keys, 2), handle positions (frame, value); None unless the keys are Bézier
    interpolation : LINEAR, BEZIER or CONSTANT, from every key to the next
    """

    frames: np.ndarray
    values: np.ndarray
    left: np.ndarray | None = None
    right: np.ndarray | None = None
    interpolation: str = LINEAR


def dense(values: np.ndarray, first_frame: int) -> Keys:
    """A key on every frame."""
    return Keys(
        np.arange(first_frame, first_frame + len(values), dtype=np.float64), np.asarray(values, dtype=np.float64)
    )


def simplify(values: np.ndarray, first_frame: int, tolerance: float) -> Keys:
    """Few Bézier keys that stay within a tolerance of a value on every frame, as Blender evaluates them.

    Parameters
    ----------
    values : float array, shape (frames,), at least one frame
    tolerance : largest allowed distance on a frame, in the unit of the values, above 0

    Returns
    -------
    Keys with handles
    """
    return carry_out(simplifying(values, first_frame, tolerance))


def simplifying(values: np.ndarray, first_frame: int, tolerance: float) -> Slices[Keys]:
    """The same in slices of a few milliseconds."""
    values = np.asarray(values, dtype=np.float64)
    frames = np.arange(len(values), dtype=np.float64) + first_frame

    def keys(cuts: np.ndarray) -> Keys:
        leaving, arriving = bezier_fit.handles(values, cuts)
        return bezier(frames[cuts], values[cuts], leaving, arriving)

    # Blender's keys are 32-bit: far from frame 0 the handles move a little, so what it makes of them has the last word.
    cuts = yield from bezier_fit.cut(values, 0.999 * tolerance)
    yield
    return keys(bezier_fit.hold(cuts, tolerance, lambda cuts: np.abs(evaluate(keys(cuts), frames) - values)))


def bezier(frames: np.ndarray, values: np.ndarray, leaving: np.ndarray, arriving: np.ndarray) -> Keys:
    """Keys whose handles stand at the thirds of each piece; before the first and after the last they lie flat.

    Parameters
    ----------
    frames, values : float arrays, shape (keys,)
    leaving, arriving : float arrays, shape (keys - 1,), values of the handles at the start and end of each piece
    """
    third = np.diff(frames) / 3
    right = np.stack([frames + np.append(third, 1 / 3), np.append(leaving, values[-1])], axis=1)
    left = np.stack([frames - np.append(1 / 3, third), np.append(values[0], arriving)], axis=1)
    return Keys(frames, values, left, right, BEZIER)


def evaluate(keys: Keys, frames: np.ndarray) -> np.ndarray:
    """The curve at frames, as Blender evaluates it: 32-bit keys, held before the first and after the last.

    Parameters
    ----------
    keys : at least one
    frames : float array

    Returns
    -------
    float64 array of the same shape
    """
    times, values = _single(keys.frames), _single(keys.values)
    if len(times) == 1:
        return np.full(len(frames), values[0])
    frames = np.clip(np.asarray(frames, dtype=np.float64), times[0], times[-1])
    piece = np.clip(np.searchsorted(times, frames, side="right") - 1, 0, len(times) - 2)
    start, end = times[piece], times[piece + 1]
    if keys.interpolation == CONSTANT:
        return np.where(frames >= end, values[piece + 1], values[piece])
    if keys.interpolation == LINEAR or keys.left is None or keys.right is None:
        return values[piece] + (values[piece + 1] - values[piece]) * (frames - start) / (end - start)
    leaving, arriving = _single(keys.right)[piece], _single(keys.left)[piece + 1]
    # Newton: with handles near the thirds the time is nearly a straight line in the curve's parameter.
    place = (frames - start) / (end - start)
    time = start, leaving[:, 0], arriving[:, 0], end
    for _ in range(4):
        place = np.clip(place - (_bernstein(time, place) - frames) / _slope(time, place), 0.0, 1.0)
    between = _bernstein((values[piece], leaving[:, 1], arriving[:, 1], values[piece + 1]), place)
    return np.where(frames == start, values[piece], np.where(frames == end, values[piece + 1], between))


def closed(keys: Keys) -> Keys:
    """The same keys with the last value that of the first, so that a cycle does not jump."""
    values = keys.values.copy()
    step = values[0] - values[-1]
    values[-1] += step
    if keys.left is None or keys.right is None:
        return replace(keys, values=values)
    left, right = keys.left.copy(), keys.right.copy()
    left[-1, 1] += step
    right[-1, 1] += step
    return replace(keys, values=values, left=left, right=right)


def add(base: np.ndarray, values: np.ndarray, rest: float) -> np.ndarray:
    """Add a route to what is there: where it rests, nothing changes.

    Parameters
    ----------
    base : float array, shape (frames,), the curve that is there
    values : float array, shape (frames,), of ``Route.shape``
    rest : the value that the route has in silence
    """
    return base + (values - rest)


def _single(numbers: np.ndarray) -> np.ndarray:
    return np.asarray(numbers, dtype=np.float32).astype(np.float64)


def _bernstein(points: tuple[np.ndarray, ...], place: np.ndarray) -> np.ndarray:
    a, b, c, d = points
    rest = 1 - place
    return rest**3 * a + 3 * rest**2 * place * b + 3 * rest * place**2 * c + place**3 * d


def _slope(points: tuple[np.ndarray, ...], place: np.ndarray) -> np.ndarray:
    a, b, c, d = points
    rest = 1 - place
    return 3 * (rest**2 * (b - a) + 2 * rest * place * (c - b) + place**2 * (d - c))
