"""What a number may be that a person typed or another process sent: checked before anything is made of its size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .errors import BendError, Code

#: No number that anyone means is written with more characters; longer ones take time to read.
_LONGEST = 40


@dataclass(frozen=True)
class Limit:
    """The least and the most that a number may be; called with a number or its text it gives the number.

    Parameters
    ----------
    what : the number's name at the beginning of a sentence
    multiple : of what a whole number must be a multiple

    Raises
    ------
    BendError(PARAMETER_INVALID) if it is no number, or beyond its limits
    """

    what: str
    least: float
    most: float

    def holds(self, number: float) -> bool:
        """Whether a number is within its limits; what is not a number never is."""
        return self.least <= number <= self.most

    def _refused(self, value: Any) -> BendError:
        return BendError(
            Code.PARAMETER_INVALID,
            f"{self.what} can't be {shown(value)}.",
            f"Give {self._kind} from {self.least:g} to {self.most:,.12g}.",
        )

    @property
    def _kind(self) -> str:
        return "a number"


@dataclass(frozen=True)
class Real(Limit):
    """Any number within its limits."""

    def __call__(self, value: Any) -> float:
        number = _number(value)
        if not self.holds(number):
            raise self._refused(value)
        return number


@dataclass(frozen=True)
class Whole(Limit):
    """A whole number within its limits."""

    multiple: int = 1

    def holds(self, number: float) -> bool:
        return super().holds(number) and number == int(number) and int(number) % self.multiple == 0

    def __call__(self, value: Any) -> int:
        number = _number(value)
        if not self.holds(number):
            raise self._refused(value)
        return int(number)

    @property
    def _kind(self) -> str:
        return "a whole number" if self.multiple == 1 else f"a multiple of {self.multiple}"


def brought_within(value: float, least: float, most: float) -> float:
    """The nearest number that is allowed, for what is only shown; the least for what is not a number."""
    return min(max(value, least), most) if value == value else least


def shown(value: Any) -> str:
    """What was given instead of a number, in a few letters."""
    if not isinstance(value, str | float) and not _is_short(value):
        return "that"
    text = str(value).strip() or "empty"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _is_short(value: Any) -> bool:
    return isinstance(value, int) and abs(value) < 10**_LONGEST


def _number(value: Any) -> float:
    """A number, or the number that a text is; not a number if it is none."""
    plain = isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and _is_short(value))
    if plain or (isinstance(value, str) and len(value) <= _LONGEST):
        try:
            return float(value)
        except ValueError:
            return math.nan
    return math.nan


#: As many frames as Blender's timeline has.
FRAMES = Whole("The number of frames", 0, 1_048_574)
FRAME = Whole("A frame's number", -1_048_574, 1_048_574)
#: Of a sound, and of where one begins: two days.
SECONDS = Real("A time in seconds", -172_800, 172_800)
FRAME_RATE = Real("The frame rate", 0.01, 32_767)
#: Seconds of a window of sound, of which CLAP takes ten at most, and from one to the next.
WINDOW, WINDOW_STEP = Real("A window in seconds", 0.05, 10), Real("The step between windows", 0, 3600)
SIDE = Whole("A side of the picture", 64, 4096, 8)
STEPS = Whole("The number of steps", 1, 1000)
BATCH = Whole("The batch", 1, 64)
GUIDANCE = Real("Guidance", 0, 100)
