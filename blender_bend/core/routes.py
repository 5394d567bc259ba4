"""A route: from features, through their shaping, to the values of one parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import features
from .curves import follow, normalise
from .timebase import FrameRate


@dataclass(frozen=True)
class Layer:
    """How one feature becomes a strength of 0...1 on every frame, and how it meets the layers above it.

    Parameters
    ----------
    feature : a feature as ``core.features`` spells it
    gate : 0...1; what is weaker than this share of the feature's range counts as its weakest
    median : seconds of the window of a median filter; 0 for none
    attack, release : seconds
    look_ahead : seconds by which a rise begins before the sound
    scale : robust (percentiles ``bottom`` and ``top``), whole (least and greatest value) or fixed (``least``, ``most``)
    bottom, top : percentiles, 0...100
    least, most : in the feature's unit
    gain : multiplies the normalised feature before it is clipped to 0...1
    threshold : 0...1; what is weaker becomes 0, what is stronger uses the whole range
    gamma : exponent of the curve, above 0; above 1 only the loud passages act
    ease : linear, smooth, in or out
    invert : the loudest moment gives 0
    offset : seconds by which the curve comes later
    first, last : frames counted from the strip's first, outside of which the layer is at rest; -1 is the strip's last
    combine : add, max, multiply, difference or replace
    amount : 0...1, how strongly it meets the layers above
    chain : bend, or papers for the papers' own smoothing and range map
    kernel : frames, odd, of the papers' median
    keep : 0...1, the share of the papers' envelope that stays from frame to frame
    """

    feature: str
    gate: float = 0.0
    median: float = 0.0
    attack: float = 0.0
    release: float = 0.0
    look_ahead: float = 0.0
    scale: str = "robust"
    bottom: float = 2.0
    top: float = 95.0
    least: float = 0.0
    most: float = 1.0
    gain: float = 1.0
    threshold: float = 0.0
    gamma: float = 1.0
    ease: str = "linear"
    invert: bool = False
    offset: float = 0.0
    first: int = 0
    last: int = -1
    combine: str = "add"
    amount: float = 1.0
    chain: str = "bend"
    kernel: int = 1
    keep: float = 0.0

    def strength(self, feature: np.ndarray, rate: FrameRate) -> np.ndarray:
        """The layer alone, 0...1 on every frame."""
        strength = np.clip(normalise(feature) * self.gain, 0.0, 1.0)
        strength = follow(strength, rate, self.attack, self.release)
        return 1.0 - strength if self.invert else strength


@dataclass(frozen=True)
class Route:
    """How features drive a parameter.

    Parameters
    ----------
    layers : at least one, combined from the first to the last
    low, high : the parameter's value at silence and at full strength, in the parameter's unit
    levels : number of steps that the strength is quantised to; 0 for none
    """

    layers: tuple[Layer, ...]
    low: float
    high: float
    levels: int = 0

    @classmethod
    def of(cls, feature: str, low: float, high: float, levels: int = 0, **settings: object) -> Route:
        """A route with one layer."""
        return cls((Layer(feature, **settings),), low, high, levels)  # type: ignore[arg-type]

    def asked(self) -> list[str]:
        """The features that must be measured."""
        return features.check_names([layer.feature for layer in self.layers])

    def strength(self, measured: Mapping[str, np.ndarray], rate: FrameRate) -> np.ndarray:
        """All layers together, 0...1 on every frame, quantised."""
        return self.layers[0].strength(measured[self.layers[0].feature], rate)

    def shape(self, measured: Mapping[str, np.ndarray], rate: FrameRate) -> np.ndarray:
        """The parameter's value on every frame.

        Parameters
        ----------
        measured : float arrays, shape (frames,), by spelling

        Returns
        -------
        float array, shape (frames,), between low and high
        """
        return self.low + (self.high - self.low) * self.strength(measured, rate)
