"""A key per event: the curve rests, jumps at every onset or beat, and falls back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..choices import Name
from ..timebase import FrameRate
from .keys import CONSTANT, LINEAR, Keys, bezier


class Shape(Name):
    """How a curve rises to an event and falls back."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    SMOOTH = "smooth"
    HOLD = "hold"


#: How a curve rises to an event and falls back: label and tooltip by name.
SHAPES: tuple[tuple[Shape, str, str], ...] = (
    (Shape.EXPONENTIAL, "Exponential", "Falls quickly at first, then more and more slowly, like a drum ringing out"),
    (Shape.LINEAR, "Linear", "Straight up and straight down"),
    (Shape.SMOOTH, "Smooth", "Gentle at the peak and at rest"),
    (Shape.HOLD, "Hold", "Stays at the peak for the decay time, then jumps back"),
)

# Values of the handles, at the thirds of a fall from 1 to 0 and of a rise from 0 to 1. The exponential fall is the
# least-squares cubic of (exp(-3 x) - exp(-3)) / (1 - exp(-3)), which it misses by at most 0.012.
_FALLS: dict[str, tuple[float, float]] = {
    Shape.EXPONENTIAL: (0.02865, 0.10364),
    Shape.LINEAR: (2 / 3, 1 / 3),
    Shape.SMOOTH: (1.0, 0.0),
}
_RISES: dict[str, tuple[float, float]] = {
    Shape.EXPONENTIAL: (1 / 3, 2 / 3),
    Shape.LINEAR: (1 / 3, 2 / 3),
    Shape.SMOOTH: (0.0, 1.0),
}


def events(
    frames: np.ndarray,
    strengths: np.ndarray,
    rest: float,
    peak: float,
    attack: float,
    decay: float,
    shape: str,
    rate: FrameRate,
    first: int,
    last: int,
) -> Keys:
    """Keys that rest, rise to every event and fall back to rest.

    An event that begins while another falls rises from where that fall is; one that is weaker than what still rings at
    its frame is not heard. With ``hold`` there is no rise, and the later event always counts.

    Parameters
    ----------
    frames : float array, shape (events,): the moment of each; its key is on the frame that contains it
    strengths : float array, shape (events,), 0...1
    rest, peak : the parameter's value between events and at an event of full strength, in the parameter's unit
    attack, decay : seconds, at least a frame each, in whole frames
    shape : exponential, linear, smooth or hold
    first, last : the range of frames; events beyond it are left out, and both have a key

    Returns
    -------
    Keys on whole frames
    """
    rise, fall = (max(1, round(float(seconds * rate.value))) for seconds in (attack, decay))
    hits = _hits(frames, strengths, first, last)
    if shape == Shape.HOLD:
        held = _held(hits, fall, first, last)
        return Keys(np.array(list(held), float), _values(list(held.values()), rest, peak), interpolation=CONSTANT)
    path = _Path(shape, first, fall)
    for frame, strength in hits:
        if strength > path.ringing(frame):
            path.fall_until(max(frame - rise, path.frames[-1]))
            path.rise_to(frame, strength)
    path.fall_until(last)
    return path.keys(rest, peak)


def _hits(frames: np.ndarray, strengths: np.ndarray, first: int, last: int) -> list[tuple[int, float]]:
    """Whole frames in the range, ascending, each with its strongest event."""
    strongest: dict[int, float] = {}
    for moment, strength in zip(np.asarray(frames).tolist(), np.clip(strengths, 0.0, 1.0).tolist(), strict=True):
        frame = int(np.floor(moment + 1e-6))
        if first <= frame <= last and strength > 0:
            strongest[frame] = max(strength, strongest.get(frame, 0.0))
    return sorted(strongest.items())


def _held(hits: list[tuple[int, float]], fall: int, first: int, last: int) -> dict[int, float]:
    """The strength from each frame on, ascending."""
    held = {first: 0.0}
    for (frame, strength), (following, _) in pairwise([*hits, (last + 1, 0.0)]):
        held[frame] = strength
        if frame + fall < following:
            held[frame + fall] = 0.0
    held.setdefault(last, list(held.values())[-1])
    return held


def _values(strengths: list[float], rest: float, peak: float) -> np.ndarray:
    return rest + (peak - rest) * np.array(strengths)


class _Path:
    """The keys so far, as strengths, with the handles of the pieces between; the last is at rest or an event's."""

    def __init__(self, shape: str, first: int, fall: int) -> None:
        self.shape, self.fall = shape, fall
        self.frames, self.strengths = [first], [0.0]
        self.handles: list[tuple[float, float]] = []

    def ringing(self, frame: int) -> float:
        """How strong the last event still is."""
        return self.strengths[-1] * self._fallen(frame)[-1]

    def fall_until(self, frame: int) -> None:
        """Fall back from the last event, as far as there is time, then rest."""
        start, end = self.strengths[-1], min(self.frames[-1] + self.fall, frame)
        if start > 0:
            leaving, arriving, level = self._fallen(end)
            self._go(end, start * level, (start * leaving, start * arriving))
        self._go(frame, self.strengths[-1], (self.strengths[-1], self.strengths[-1]))

    def rise_to(self, frame: int, strength: float) -> None:
        """Rise, or on the very first frame begin there."""
        if frame == self.frames[0]:
            self.strengths = [strength]
            return
        start = self.strengths[-1]
        leaving, arriving = (start + (strength - start) * share for share in _RISES[self.shape])
        self._go(frame, strength, (leaving, arriving))

    def keys(self, rest: float, peak: float) -> Keys:
        """The path in the unit of the parameter."""
        frames, values = np.array(self.frames, float), _values(self.strengths, rest, peak)
        if self.shape == Shape.LINEAR:
            return Keys(frames, values, interpolation=LINEAR)
        leaving, arriving = zip(*self.handles, strict=True) if self.handles else ((), ())
        return bezier(frames, values, _values(list(leaving), rest, peak), _values(list(arriving), rest, peak))

    def _go(self, frame: int, strength: float, handles: tuple[float, float]) -> None:
        if frame > self.frames[-1]:
            self.frames.append(frame)
            self.strengths.append(strength)
            self.handles.append(handles)

    def _fallen(self, frame: int) -> tuple[float, float, float]:
        """The fall of an event of 1, cut off at a frame: its two handles and where it has come to (de Casteljau)."""
        leaving, arriving = _FALLS[self.shape]
        part = min((frame - self.frames[-1]) / self.fall, 1.0)
        points = [1.0, leaving, arriving, 0.0]
        heads = []
        while len(points) > 1:
            points = [a + (b - a) * part for a, b in pairwise(points)]
            heads.append(points[0])
        return heads[0], heads[1], heads[2]
