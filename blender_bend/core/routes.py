"""A route: from a feature, through its shaping, to the values of one parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .curves import follow, normalise
from .timebase import FrameRate


@dataclass(frozen=True)
class Route:
    """How a feature drives a parameter.

    Parameters
    ----------
    feature : name of the feature
    low, high : the parameter's value at silence and at full strength, in the parameter's unit
    gain : multiplies the normalised feature before it is clipped to 0...1
    attack, release : seconds
    invert : the loudest moment gives ``low``
    """

    feature: str
    low: float
    high: float
    gain: float = 1.0
    attack: float = 0.0
    release: float = 0.0
    invert: bool = False

    def shape(self, feature: np.ndarray, rate: FrameRate) -> np.ndarray:
        """The parameter's value on every frame.

        Parameters
        ----------
        feature : float array, shape (frames,)

        Returns
        -------
        float array, shape (frames,), between low and high
        """
        strength = np.clip(normalise(feature) * self.gain, 0.0, 1.0)
        strength = follow(strength, rate, self.attack, self.release)
        if self.invert:
            strength = 1.0 - strength
        return self.low + (self.high - self.low) * strength
