"""The stages that make a feature a strength of 0...1: each a plain function that changes nothing at its neutral value.

Times are in seconds, so that a route looks the same at any frame rate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..choices import Name
from ..timebase import FrameRate


class Scale(Name):
    """How a feature is brought to 0...1."""

    ROBUST = "robust"
    WHOLE = "whole"
    FIXED = "fixed"


class Ease(Name):
    """How a strength moves through 0...1."""

    LINEAR = "linear"
    SMOOTH = "smooth"
    IN = "in"
    OUT = "out"


#: How a feature is brought to 0...1: label and tooltip by name.
SCALES: tuple[tuple[Scale, str, str], ...] = (
    (
        Scale.ROBUST,
        "Robust",
        "Between two percentiles of the feature, so neither silence nor a single loud hit sets the scale",
    ),
    (Scale.WHOLE, "Whole Range", "Between the weakest and the strongest moment"),
    (Scale.FIXED, "Fixed Range", "Between two values in the feature's unit, the same for every song"),
)
#: How a strength moves through 0...1: label and tooltip by name.
EASES: tuple[tuple[Ease, str, str], ...] = (
    (Ease.LINEAR, "Linear", "No easing"),
    (Ease.SMOOTH, "Smooth", "Slow at both ends, fast in between"),
    (Ease.IN, "Ease In", "Slow at first, then rises"),
    (Ease.OUT, "Ease Out", "Rises quickly, then settles"),
)

_SLOPES: dict[str, Callable[[Any], Any]] = {
    Ease.LINEAR: lambda v: v,
    Ease.SMOOTH: lambda v: v * v * (3 - 2 * v),
    Ease.IN: lambda v: v * v,
    Ease.OUT: lambda v: v * (2 - v),
}

#: What rises less than this share of the range above the floor is no peak for the robust scale.
_CLEARLY = 0.05
_CHUNK = 1 << 20
#: Numbers beyond this cannot be subtracted without leaving what a float can hold.
_HUGE = 1e150


def clean(values: np.ndarray) -> np.ndarray:
    """A copy in which every number is finite: not-a-number and minus infinity become the least, infinity the greatest.

    Parameters
    ----------
    values : float array, shape (frames,)

    Returns
    -------
    float64 array, shape (frames,); all 0 if no number is finite
    """
    values = np.array(values, dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        known = values[finite] if finite.any() else np.zeros(1)
        values = np.nan_to_num(values, nan=known.min(), posinf=known.max(), neginf=known.min())
    return np.clip(values, -_HUGE, _HUGE)


def bounds(
    values: np.ndarray, scale: str, bottom: float = 2.0, top: float = 95.0, least: float = 0.0, most: float = 1.0
) -> tuple[float, float]:
    """The values that count as 0 and as 1.

    The robust floor is the percentile ``bottom``; the ceiling is the percentile ``top`` of what rises clearly above the
    floor, so that a feature of rare peaks (a click every two seconds) keeps its peaks.

    Parameters
    ----------
    values : float array, shape (frames,)
    scale : robust, whole or fixed
    bottom, top : percentiles, 0...100, for robust
    least, most : in the feature's unit, for fixed

    Returns
    -------
    floor and ceiling in the feature's unit; equal if the feature is constant
    """
    if scale == Scale.FIXED:
        return least, most
    if values.size == 0:
        return 0.0, 0.0
    floor, ceiling = float(values.min()), float(values.max())
    if scale == Scale.ROBUST:
        floor = float(np.percentile(values, bottom))
    span = ceiling - floor
    if span <= 1e-9 * max(1.0, abs(floor)):
        return floor, floor
    if scale == Scale.ROBUST:
        ceiling = float(np.percentile(values[values > floor + _CLEARLY * span], top))
    return floor, ceiling


def gate(values: np.ndarray, share: float, floor: float, ceiling: float) -> np.ndarray:
    """What is weaker than a share of the feature's range becomes the floor of the range, never less.

    Parameters
    ----------
    values : float array, shape (frames,)
    share : 0...1; 0 changes nothing
    floor, ceiling : the feature's range, of ``bounds``
    """
    if share <= 0:
        return np.array(values)
    return np.where(values < floor + share * (ceiling - floor), floor, values)


def median(values: np.ndarray, seconds: float, rate: FrameRate) -> np.ndarray:
    """The median of a window around each frame; the first and last value are held beyond the ends.

    Parameters
    ----------
    values : float array, shape (frames,)
    seconds : length of the window, made an odd number of frames; 0 changes nothing
    """
    half = int(_frames(seconds, rate) / 2)
    if half == 0 or len(values) == 0:
        return np.array(values)
    return window_median(np.pad(values, half, mode="edge"), 2 * half + 1)


def window_median(padded: np.ndarray, width: int) -> np.ndarray:
    """The median of every window of an odd width that fits, piece by piece so that long windows need little memory."""
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    rows = max(1, _CHUNK // width)
    parts = [np.partition(windows[row : row + rows], width // 2, axis=1) for row in range(0, len(windows), rows)]
    return np.concatenate([part[:, width // 2] for part in parts])


def follow(values: np.ndarray, rate: FrameRate, attack: float, release: float) -> np.ndarray:
    """An envelope that rises with one time constant and falls with another.

    Parameters
    ----------
    values : float array, shape (frames,)
    attack, release : seconds, 0 or more; after that time 63 % of a step is done; 0 and 0 change nothing

    Returns
    -------
    float array, shape (frames,)
    """
    frame = float(rate.seconds(1))

    def share(seconds: float) -> float:
        return 1.0 if seconds <= 0 else 1.0 - float(np.exp(-frame / seconds))

    rise, fall = share(attack), share(release)
    if rise == fall == 1.0 or len(values) == 0:
        return np.array(values, dtype=np.float64)
    numbers = np.asarray(values, dtype=np.float64).tolist()
    level, followed = numbers[0], []
    for value in numbers:
        part = rise if value > level else fall
        # A part of 1 must reach the value itself, which adding up the difference can miss by a rounding.
        level = value if part == 1.0 else level + (value - level) * part
        followed.append(level)
    return np.array(followed)


def look_ahead(values: np.ndarray, seconds: float, rate: FrameRate) -> np.ndarray:
    """Let every rise begin before the sound, on a smooth ramp that arrives with it; falls stay where they are.

    ``y(t) = max over 0 <= d < seconds of x(t) + max(0, x(t + d) - x(t)) * s(1 - d / seconds)``, with
    ``s(u) = 3 u^2 - 2 u^3``.

    Parameters
    ----------
    values : float array, shape (frames,)
    seconds : how long before; less than a frame changes nothing
    """
    values = np.array(values, dtype=np.float64)
    ahead = _frames(seconds, rate)
    risen = values.copy()
    for frames in range(1, min(int(np.ceil(ahead)), len(values))):
        weight = _SLOPES[Ease.SMOOTH](1 - frames / ahead)
        now, later = values[:-frames], values[frames:]
        np.maximum(risen[:-frames], now + np.maximum(later - now, 0.0) * weight, out=risen[:-frames])
    return risen


def normalise(values: np.ndarray, floor: float, ceiling: float) -> np.ndarray:
    """Bring a feature to 0...1.

    Parameters
    ----------
    values : float array, shape (frames,)
    floor, ceiling : what becomes 0 and 1, of ``bounds``; a floor above the ceiling turns the feature upside down

    Returns
    -------
    float array, shape (frames,), within 0...1; all 0 if floor and ceiling are equal
    """
    if ceiling == floor:
        return np.zeros(len(values))
    with np.errstate(over="ignore"):
        return np.clip((values - floor) / (ceiling - floor), 0.0, 1.0)


def gain(values: np.ndarray, factor: float) -> np.ndarray:
    """Multiplied, then clipped to 0...1; 1 changes nothing of a strength."""
    return np.clip(values * factor, 0.0, 1.0)


def curve(values: np.ndarray, threshold: float, gamma: float, ease: str) -> np.ndarray:
    """Bend a strength within 0...1: cut off what is weak, then a power, then an ease; its order of values stays.

    Parameters
    ----------
    values : float array, shape (frames,), 0...1
    threshold : 0...1; what is weaker becomes 0, the rest is stretched to 0...1; at 1 only full strength is left
    gamma : exponent, above 0
    ease : linear, smooth, in or out
    """
    if threshold >= 1:
        values = (np.asarray(values) >= 1).astype(np.float64)
    elif threshold > 0:
        values = np.maximum(values - threshold, 0.0) / (1 - threshold)
    if gamma != 1:
        values = values**gamma
    return np.clip(_SLOPES[ease](np.array(values)), 0.0, 1.0)


def offset(values: np.ndarray, seconds: float, rate: FrameRate) -> np.ndarray:
    """The curve comes later; between frames it is a straight line, and the first and last value are held.

    Parameters
    ----------
    values : float array, shape (frames,)
    seconds : below 0 it comes earlier; 0 changes nothing
    """
    if seconds == 0 or len(values) == 0:
        return np.array(values)
    index = np.arange(len(values))
    return np.interp(index - _frames(seconds, rate), index, values)


def window(count: int, first: int, last: int) -> np.ndarray:
    """Which of so many frames lie within a range of frames.

    Parameters
    ----------
    count : frames of the strip
    first, last : counted from the strip's first; a last below 0 is counted from its end, -1 is the strip's last

    Returns
    -------
    bool array, shape (count,)
    """
    index = np.arange(count)
    return (index >= first) & (index <= (count + last if last < 0 else last))


def quantise(values: np.ndarray, levels: int) -> np.ndarray:
    """The nearest of so many equal steps from 0 to 1; fewer than 2 change nothing."""
    if levels < 2:
        return np.array(values)
    return np.floor(values * (levels - 1) + 0.5) / (levels - 1)


def _frames(seconds: float, rate: FrameRate) -> float:
    """How many frames, without the rounding of decimal seconds: 0.1 s are 3 frames at 30 fps."""
    return round(seconds * float(rate.value), 9)
