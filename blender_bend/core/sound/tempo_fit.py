"""The steady beat behind moments that are nearly regular: a straight line through beats or taps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HOLDS_SECONDS = 0.02
HOLDS_SHARE = 0.8
_ROUNDS = 8
_SHORTEST, _DEEPEST, _CUTS = 8, 3, 24
_NEAR = 0.04


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


def steady(times: np.ndarray) -> Line | None:
    """Fit one tempo to moments of which some may be missing, doubled or astray (least squares, trimmed).

    Parameters
    ----------
    times : float64 array, seconds, ascending, no two equal

    Returns
    -------
    None for fewer than two moments.
    """
    if len(times) < 2:
        return None
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
    kept = line if line.holds else _persistent(times)
    if kept:
        start, stop = np.rint((times[[0, -1]] - kept.first) / kept.period).astype(int)
        return kept.first + kept.period * np.arange(start, stop + 1)
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


def _persistent(times: np.ndarray) -> Line | None:
    """The tempo that most of the beats keep from beginning to end, though in between they may go astray.

    Where the drums pause, tracked beats wander, and come back on the off-beat or a beat too many. So the line is grown
    from the 32 beats that agree best, each time twice as far, by counting the beats that lie near it.
    """
    if len(times) < 2 * _SHORTEST:
        return None
    guess = float(np.median(np.diff(times)))
    seeds = [times[start : start + 32] for start in range(0, max(1, len(times) - 16), 16)]
    found = [(_agreement(seed, tried), tried) for seed in seeds for tried in guess * np.linspace(0.97, 1.03, 61)]
    (_, _), period = max(found, key=lambda pair: pair[0][0])
    reach = 32
    while True:
        reach *= 2
        tries = period * (1 + np.linspace(-2, 2, 41) * _NEAR / reach)
        centre = len(times) // 2
        part = times[max(0, centre - reach // 2) : centre + reach // 2 + 1]
        found = [(_agreement(part, tried), tried) for tried in tries]
        (_, first), period = max(found, key=lambda pair: pair[0][0])
        if len(part) == len(times):
            break
    for _ in range(_ROUNDS):
        numbers = np.rint((times - first) / period)
        kept = np.abs(times - first - numbers * period) <= _NEAR * period
        if kept.sum() < _SHORTEST:
            return None
        first, period = _line(numbers, times, kept, period)
    near = np.abs(times - first - np.rint((times - first) / period) * period) <= HOLDS_SECONDS
    third = len(times) // 3
    if near.mean() < 0.5 or min(near[:third].mean(), near[-third:].mean()) < 0.3:
        return None
    return Line(first, period, float(near.mean()))


def _agreement(times: np.ndarray, period: float) -> tuple[int, float]:
    """How many moments lie within a few per cent of one line of this period, and where that line begins."""
    places = np.sort(times % period)
    width = 2 * _NEAR * period
    counts = np.searchsorted(np.concatenate([places, places + period]), places + width, side="right")
    counts -= np.arange(len(places))
    best = int(counts.argmax())
    return int(counts[best]), float(places[best] + width / 2)


def _close(times: np.ndarray) -> float:
    """How many of the moments keep to one tempo."""
    line = steady(times)
    return line.close * len(times) if line else 0.0
