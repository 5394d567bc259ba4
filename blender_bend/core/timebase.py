"""Rational time: frame <-> second <-> sample, without rounding that could add up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .limits import FRAME_RATE

_LONGEST = 20

NTSC = Fraction(1000, 1001)


@dataclass(frozen=True)
class FrameRate:
    """Frames per second as a fraction, as Blender's ``fps / fps_base`` means it.

    Examples
    --------
    >>> FrameRate.from_blender(30, 1.001)
    FrameRate(value=Fraction(30000, 1001))
    """

    value: Fraction

    def __post_init__(self) -> None:
        if self.value <= 0:
            raise ValueError(f"a frame rate must be positive, not {self.value}")

    @classmethod
    def from_blender(cls, fps: float, fps_base: float) -> FrameRate:
        """The rate of a scene; ``fps_base`` is a 32-bit float in Blender (1.001 reads 1.00100004673)."""
        base = Fraction(fps_base).limit_denominator(10000)  # 0 for Blender's smallest, 1e-5
        return cls(Fraction(fps).limit_denominator(1001) / (base or Fraction(fps_base)))

    @classmethod
    def parse(cls, text: str) -> FrameRate:
        """The rate that a person typed: ``24``, ``30000/1001``, or ``29.97`` (meant as 30000/1001).

        Raises
        ------
        BendError(PARAMETER_INVALID) if it is not a frame rate.
        """
        over, slash, under = text.partition("/") if isinstance(text, str) else (text, "", "")
        # Before a fraction is made of it: 1e999999999 would be one of a billion digits.
        FRAME_RATE(_digits(over) / (_digits(under) or math.nan) if slash else text)
        value = Fraction(text)
        whole = round(value)
        if value.denominator != 1 and abs(value - whole * NTSC) < Fraction(5, 1000):
            value = whole * NTSC
        return cls(value)

    def seconds(self, frames: int) -> Fraction:
        """How long so many frames last."""
        return frames / self.value

    def frame_of(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """The frame that contains each sample.

        Parameters
        ----------
        samples : int array, counted from the start of frame 0
        sample_rate : Hz

        Returns
        -------
        int64 array of the same shape
        """
        samples = np.asarray(samples, dtype=np.int64)
        return samples * self.value.numerator // (sample_rate * self.value.denominator)

    def frames_at(self, seconds: np.ndarray) -> np.ndarray:
        """The frame that holds each moment.

        One that lies less than a millionth of a frame before a frame belongs to it: 1.4 s at 25 frames per second is
        frame 35 while the float nearest to 1.4 lies below it, and what Blender adds in 32 bits is still less exact.

        Parameters
        ----------
        seconds : float64 array, from the start of frame 0

        Returns
        -------
        int64 array of the same shape
        """
        return np.floor(np.asarray(seconds, dtype=np.float64) * float(self.value) + 1e-6).astype(np.int64)

    def __str__(self) -> str:
        return str(self.value)


def _digits(text: str) -> float:
    """The whole number of one side of a fraction; not a number if it is none."""
    return float(text) if text.strip().isdecimal() and len(text) <= _LONGEST else math.nan
