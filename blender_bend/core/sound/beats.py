"""How the grid of beats comes about: detected in the sound, set by a tempo or tapped by hand, and corrected."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..choices import Name
from ..errors import BendError, Code
from ..limits import SECONDS, shown
from ..timebase import FrameRate
from .beat_grid import Grid, nearest
from .tempo_fit import steady

__all__ = ["FACTORS", "Grid", "Settings", "Source", "build", "snap", "tapped"]


class Source(Name):
    """Where the grid comes from: beats tracked in the sound, or a fixed tempo."""

    SOUND = "sound"
    TEMPO = "tempo"


FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
SLOWEST, FASTEST = 20.0, 400.0
LONGEST_METER = 16
#: Seconds to a beat that lies outside the sound, and beats to the first one; a grid is filled up from there.
LONGEST, MOST_BEATS = SECONDS.most, 1_000_000


@dataclass(frozen=True)
class Settings:
    """How the grid is found and corrected; plain data that travels to the engine.

    Parameters
    ----------
    source : sound (beats tracked in the sound) or tempo (a fixed one)
    bpm : beats per minute of a fixed tempo, 20...400
    first : seconds from the start of the range to a beat of a fixed tempo; may lie outside
    factor : 0.25, 0.5, 1, 2 or 4; how many beats become of one
    shift : seconds by which every beat comes later
    meter : beats in a bar, 1...16
    one : which beat is the first of a bar, 0 or more, counted from the first beat (of a fixed tempo: from ``first``).
        With a factor below 1 it also says which of the beats stay.

    Raises
    ------
    BendError(PARAMETER_INVALID) if one of them is outside its range.
    """

    source: str = Source.SOUND
    bpm: float = 120.0
    first: float = 0.0
    factor: float = 1.0
    shift: float = 0.0
    meter: int = 4
    one: int = 0

    def __post_init__(self) -> None:
        for name, valid, allowed in (
            ("source", self.source in tuple(Source), " or ".join(Source)),
            ("bpm", _between(self.bpm, SLOWEST, FASTEST), f"{SLOWEST:g} to {FASTEST:g} beats per minute"),
            ("first", _between(self.first, -LONGEST, LONGEST), f"a number of seconds up to {LONGEST:,g}"),
            ("factor", self.factor in FACTORS, ", ".join(f"{factor:g}" for factor in FACTORS)),
            ("shift", _between(self.shift, -LONGEST, LONGEST), f"a number of seconds up to {LONGEST:,g}"),
            ("meter", isinstance(self.meter, int) and 1 <= self.meter <= LONGEST_METER, f"1 to {LONGEST_METER}"),
            ("one", isinstance(self.one, int) and 0 <= self.one <= MOST_BEATS, f"0 to {MOST_BEATS:,}"),
        ):
            if not valid:
                value = shown(getattr(self, name))
                raise BendError(
                    Code.PARAMETER_INVALID, f"The beats can't use {name} = {value}.", f"Allowed: {allowed}."
                )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Settings:
        """The settings that another process sent.

        Raises
        ------
        BendError(PARAMETER_INVALID) for a setting that does not exist or is outside its range.
        """
        unknown = set(data) - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise BendError(Code.PARAMETER_INVALID, f"The beats have no setting '{min(unknown)}'.")
        return cls(**data)


def build(detected: np.ndarray, settings: Settings, seconds: float) -> Grid:
    """The grid of a range of sound.

    Parameters
    ----------
    detected : float array, seconds of the beats detected; of no use for a fixed tempo
    seconds : length of the range; only beats within it are on the grid

    Returns
    -------
    Where the detected beats keep one tempo, those missing between them are filled in; nothing is added at the ends.
    """
    if settings.source == Source.TEMPO:
        beats, index = _fixed(settings, seconds)
    else:
        detected = np.asarray(detected, dtype=np.float64).ravel()
        beats, index = _without_gaps(np.unique(detected[np.isfinite(detected)])), 0
    one = settings.one
    if settings.factor < 1:
        stride = round(1 / settings.factor)
        skip = (one - index) % stride
        beats, index, one = beats[skip::stride], (index + skip) // stride, one // stride
    elif settings.factor > 1 and len(beats):
        times = round(settings.factor)
        places = np.arange((len(beats) - 1) * times + 1) / times
        beats, index = np.interp(places, np.arange(len(beats)), beats), index * times
    if settings.source == Source.SOUND:
        beats = beats + settings.shift
    inside = slice(*np.searchsorted(beats, [0.0, seconds]))
    return Grid(
        beats[inside],
        settings.meter,
        int(one - index - inside.start) % settings.meter,
        float(beats[inside.start - 1]) if inside.start > 0 else math.nan,
        float(beats[inside.stop]) if inside.stop < len(beats) else math.nan,
    )


def tapped(times: Sequence[float]) -> tuple[float, float]:
    """The tempo that a hand tapped; a missed or a double tap does no harm.

    Parameters
    ----------
    times : seconds of the taps, at least two

    Returns
    -------
    beats per minute, and the second of the first beat

    Raises
    ------
    BendError(PARAMETER_INVALID) if there are too few taps, or they are slower or faster than a grid can be.
    """
    taps = np.unique(np.asarray(times, dtype=np.float64))
    line = steady(taps[np.isfinite(taps)])
    if line is None:
        raise BendError(Code.PARAMETER_INVALID, "A tempo needs at least two taps.", "Tap along for a few beats.")
    bpm = 60.0 / line.period
    if not SLOWEST <= bpm <= FASTEST:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"{bpm:.0f} BPM is out of range.",
            f"Tap between {SLOWEST:g} and {FASTEST:g}.",
        )
    return bpm, line.first


def snap(values: np.ndarray, grid: Grid, rate: FrameRate, strength: float = 1.0) -> np.ndarray:
    """Frames drawn towards the frames that hold the nearest beats.

    Parameters
    ----------
    values : float array, frames counted from the start of the range
    strength : 0 leaves them, 1 puts them on the beat

    Returns
    -------
    float64 array of the same shape
    """
    frames = np.asarray(values, dtype=np.float64)
    return frames + strength * (nearest(grid.frames(rate).astype(np.float64), frames) - frames)


# Panels and timelines are drawn many times a second, and ten minutes have a thousand beats.
@functools.lru_cache(maxsize=16)
def _fixed(settings: Settings, seconds: float) -> tuple[np.ndarray, int]:
    """Beats from before the range to after it, and the index of the first of them, ``first`` being 0."""
    period = 60 / _meant(settings.bpm)
    first = Fraction(settings.first) + Fraction(settings.shift)
    # Four beats around the range, so that halving leaves one on either side.
    start, stop = math.ceil(-first / period) - 4, math.ceil((Fraction(seconds) - first) / period) + 4
    # Whole numbers over one denominator: rounded once, as fractions are, in a tenth of the time.
    below = math.lcm(first.denominator, period.denominator)
    base, step = int(first * below), int(period * below)
    beats = np.array([(base + number * step) / below for number in range(start, stop)])
    beats.flags.writeable = False
    return beats, start


def _meant(bpm: float) -> Fraction:
    """The tempo that was typed: 123.4 reads 123.40000153 in Blender's 32-bit properties."""
    narrow = np.float32(bpm)
    return Fraction(np.format_float_positional(narrow)) if float(narrow) == bpm else Fraction(bpm)


def _without_gaps(beats: np.ndarray) -> np.ndarray:
    """The beats with the missing ones between them, if all keep to one tempo."""
    line = steady(beats)
    if line is None or not line.holds:
        return beats
    places = np.rint((beats - line.first) / line.period).astype(np.int64)
    missing = np.setdiff1d(np.arange(places[0], places[-1] + 1), places)
    return np.sort(np.concatenate([beats, line.first + line.period * missing]))


def _between(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and low <= value <= high
