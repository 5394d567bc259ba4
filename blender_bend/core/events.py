"""Events: keys only where something happens, each with a rise and a fall."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .curves import Keys

LINEAR, SMOOTH, FADE, HOLD = "linear", "smooth", "fade", "hold"

#: Name, label and tooltip of the shapes.
SHAPES: tuple[tuple[str, str, str], ...] = (
    (FADE, "Fade", "Rises straight, falls fast and then ever slower, like a struck string"),
    (LINEAR, "Linear", "Rises and falls straight"),
    (SMOOTH, "Smooth", "Leaves and arrives gently"),
    (HOLD, "Hold", "Jumps to the value, keeps it for the decay, and jumps back: keys with constant interpolation"),
)

#: How far a piece has come at its two handles, a third and two thirds of the way; for the rise and for the fall.
_STRAIGHT = (1 / 3, 2 / 3)
_HANDLES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    FADE: (_STRAIGHT, (0.75, 1.0)),
    LINEAR: (_STRAIGHT, _STRAIGHT),
    SMOOTH: ((0.0, 1.0), (0.0, 1.0)),
}


@dataclass(frozen=True)
class Envelope:
    """What one event does to the curve.

    Parameters
    ----------
    attack : frames of the rise, which ends on the event; 0 and 1 both rise within the frame before
    decay : frames of the fall, or for hold frames that the value is kept; at least 1 counts
    shape : one of SHAPES
    """

    attack: int = 0
    decay: int = 6
    shape: str = FADE

    def keys(self, frames: np.ndarray, peaks: np.ndarray, rest: float, first: int, last: int) -> Keys:
        """The keys of a whole curve.

        An event that comes before the one before has faded out begins at the level that is left.

        Parameters
        ----------
        frames : int array, ascending, within first...last
        peaks : float array of the same shape, the values reached on these frames
        rest : the value where nothing happens
        first, last : frames that get a key in any case

        Returns
        -------
        Keys with handles; for hold without, they are meant to be constant
        """
        events = list(zip(frames.tolist(), peaks.tolist(), strict=True))
        points = self._held(events, rest, first, last) if self.shape == HOLD else self._moving(events, rest, first)
        if self.shape != HOLD:
            points += self._fall(points, rest, last)
        return self._keys(points)

    def _held(self, events: list[tuple[int, float]], rest: float, first: int, last: int) -> list[_Point]:
        points = {first: rest}
        until = first
        for at, peak in events:
            if points and until < at:
                points.setdefault(until, rest)
            points[at] = peak
            until = at + max(self.decay, 1)
        if until <= last:
            points.setdefault(until, rest)
        points.setdefault(last, points[max(points)])
        return [_Point(frame, value, _STRAIGHT) for frame, value in sorted(points.items())]

    def _moving(self, events: Iterable[tuple[int, float]], rest: float, first: int) -> list[_Point]:
        rise = _HANDLES[self.shape][0]
        points = [_Point(first, rest, _STRAIGHT)]
        for at, peak in events:
            begin = at - max(self.attack, 1)
            points += self._fall(points, rest, begin)
            if at == points[-1].frame:
                points.pop()
            points.append(_Point(at, peak, rise, peak=True))
        return points

    def _fall(self, points: list[_Point], rest: float, last: int) -> list[_Point]:
        """From the last point down towards rest, and on at rest until the last frame."""
        start = points[-1]
        if last <= start.frame:
            return []
        if not start.peak:
            return [_Point(last, start.value, _STRAIGHT)]
        fall, over = _HANDLES[self.shape][1], start.frame + max(self.decay, 1)
        if over <= last:
            level = [_Point(over, rest, fall)]
            return level if over == last else [*level, _Point(last, rest, _STRAIGHT)]
        done = _cubic((last - start.frame) / (over - start.frame), *fall)
        return [_Point(last, start.value + (rest - start.value) * float(done), fall)]

    def _keys(self, points: list[_Point]) -> Keys:
        frames = np.array([point.frame for point in points], dtype=np.float64)
        values = np.array([point.value for point in points], dtype=np.float64)
        if self.shape == HOLD:
            return Keys(frames, values)
        shares = np.array([point.shares for point in points])[1:]
        third, rise = np.diff(frames) / 3, np.diff(values)
        left, right = np.stack([frames - 1 / 3, values], axis=1), np.stack([frames + 1 / 3, values], axis=1)
        right[:-1] = np.stack([frames[:-1] + third, values[:-1] + shares[:, 0] * rise], axis=1)
        left[1:] = np.stack([frames[1:] - third, values[:-1] + shares[:, 1] * rise], axis=1)
        return Keys(frames, values, left, right)


@dataclass(frozen=True)
class _Point:
    """A key, with how the piece that leads to it moves."""

    frame: int
    value: float
    shares: tuple[float, float]
    peak: bool = False


def _cubic(time: np.ndarray | float, out: np.ndarray | float, into: np.ndarray | float) -> np.ndarray:
    """A Bézier piece from 0 to 1 with its handles at the thirds, at times of 0...1."""
    time = np.asarray(time, dtype=np.float64)
    return 3 * (1 - time) ** 2 * time * out + 3 * (1 - time) * time**2 * into + time**3


def sample(keys: Keys, frames: np.ndarray) -> np.ndarray:
    """The values of keys on frames, as Blender evaluates them; keys without handles count as constant.

    Parameters
    ----------
    frames : float array, shape (n,), within the keys

    Returns
    -------
    float array, shape (n,)
    """
    piece = np.clip(np.searchsorted(keys.frames, frames, side="right") - 1, 0, len(keys.frames) - 1)
    if keys.left is None or keys.right is None:
        return keys.values[piece]
    after = np.minimum(piece + 1, len(keys.frames) - 1)
    length = np.maximum(keys.frames[after] - keys.frames[piece], 1e-9)
    time = np.clip((frames - keys.frames[piece]) / length, 0.0, 1.0)
    start, end = keys.values[piece], keys.values[after]
    fixed = (1 - time) ** 3 * start + time**3 * end
    return fixed + 3 * (1 - time) ** 2 * time * keys.right[piece, 1] + 3 * (1 - time) * time**2 * keys.left[after, 1]
