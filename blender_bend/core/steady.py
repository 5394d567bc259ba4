"""The steady beat behind moments that are nearly regular: a straight line through beats or taps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HOLDS_SECONDS = 0.02
HOLDS_SHARE = 0.8
_ROUNDS = 8
_SHORTEST, _DEEPEST, _CUTS = 8, 3, 24


@dataclass(frozen=True)
class Line:
    """Beats at ``first + n * period``.

    Parameters
    ----------
    first : seconds; the beat of the earliest moment
    period : seconds
    close : share of the moments that lie within 20 ms of a beat, 0...1
    """

    first: float
    period: float
    close: float

    @property
    def holds(self) -> bool:
        """Whether nearly all of the moments keep to it."""
        return self.close >= HOLDS_SHARE


def steady(times: np.ndarray, period: float | None = None) -> Line | None:
    """Fit one tempo to moments of which some may be missing, doubled or astray (least squares, trimmed).

    Parameters
    ----------
    times : float64 array, seconds, ascending, no two equal
    period : seconds, if it is known roughly

    Returns
    -------
    None for fewer than two moments.
    """
    if len(times) < 2:
        return None
    if period is None:
        gaps = np.diff(times)
        # A tap that bounced makes a gap far below the usual one.
        period = float(np.median(gaps[gaps > 0.5 * np.median(gaps)]))
    numbers = _count(times, period)
    first, period = _line(numbers, times, np.ones(len(times), dtype=bool), period)
    for _ in range(_ROUNDS):
        astray = np.abs(times - first - numbers * period)
        kept = astray <= max(2.5 * 1.4826 * float(np.median(astray)), 0.002)
        first, period = _line(numbers, times, kept, period)
        numbers = np.rint((times - first) / period)
    first += float(numbers[0]) * period
    numbers -= numbers[0]
    close = np.mean(np.abs(times - first - numbers * period) <= HOLDS_SECONDS)
    return Line(first, period, float(close))


def _count(times: np.ndarray, period: float) -> np.ndarray:
    """How many beats have passed at each moment, counted from moment to moment so that no error adds up."""
    numbers = np.zeros(len(times))
    number, anchor = 0, float(times[0])
    for index, time in enumerate(times.tolist()):
        passed = round((time - anchor) / period)
        if passed:
            number, anchor = number + passed, time
        numbers[index] = number
    return numbers


def _line(numbers: np.ndarray, times: np.ndarray, kept: np.ndarray, period: float) -> tuple[float, float]:
    """First and period by least squares; the period given, if the moments kept are all on one beat."""
    numbers, times = numbers[kept], times[kept]
    middle, spread = numbers.mean(), numbers - numbers.mean()
    if spread.any():
        period = float(spread @ (times - times.mean()) / (spread @ spread))
    return float(times.mean() - middle * period), period


def straightened(times: np.ndarray, depth: int = 0) -> np.ndarray:
    """Beats put on a straight line where they keep one tempo, on a few lines if it changes now and then.

    Missing beats along a line are filled in; beats that keep to no tempo are returned as they are.

    Parameters
    ----------
    times : float64 array, seconds, ascending, no two equal

    Returns
    -------
    float64 array, seconds, ascending
    """
    line = steady(times)
    if line is None:
        return times
    if line.holds:
        return line.first + line.period * np.arange(round((times[-1] - line.first) / line.period) + 1)
    if depth == _DEEPEST or len(times) < 2 * _SHORTEST:
        return times
    last = len(times) - _SHORTEST
    cuts = np.unique(np.linspace(_SHORTEST, last, _CUTS).astype(int))
    fits = [_close(times[:cut]) + _close(times[cut:]) for cut in cuts]
    cut = int(cuts[int(np.argmax(fits))])
    early, late = straightened(times[:cut], depth + 1), straightened(times[cut:], depth + 1)
    if len(late) > 1 and late[0] - early[-1] < 0.5 * (late[1] - late[0]):
        early = early[:-1]
    return np.concatenate([early, late])


def _close(times: np.ndarray) -> float:
    """How many of the moments keep to one tempo."""
    line = steady(times)
    return line.close * len(times) if line else 0.0
