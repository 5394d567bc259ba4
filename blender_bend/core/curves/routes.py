"""A route: from features, through their shaping, to the values of one parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..choices import Name
from ..limits import brought_within
from ..sound import features
from ..timebase import FrameRate
from . import paper_smoothing, shaping


class Chain(Name):
    """Which stages a layer has."""

    BEND = "bend"
    PAPERS = "papers"
    GATE_MEDIAN = "gate_median"


class Combine(Name):
    """How a layer meets those above it."""

    ADD = "add"
    MAXIMUM = "max"
    MULTIPLY = "multiply"
    DIFFERENCE = "difference"
    REPLACE = "replace"


#: Which stages a layer has: label and tooltip by name.
CHAINS: tuple[tuple[Chain, str, str], ...] = (
    (Chain.BEND, "Bend", "Gate, median, attack and release, look-ahead, scale, gain, curve, invert"),
    (Chain.PAPERS, "As in the Papers", "Median, envelope and gate as in JAES25, then map the whole track to the range"),
    (
        Chain.GATE_MEDIAN,
        "Gate and Median",
        "The papers' other order: gate and median, then map the whole track to the range",
    ),
)
#: How a layer meets those above it: label and tooltip by name.
COMBINES: tuple[tuple[Combine, str, str], ...] = (
    (Combine.ADD, "Add", "Add both"),
    (Combine.MAXIMUM, "Maximum", "Use the stronger one"),
    (Combine.MULTIPLY, "Multiply", "Multiply both: only strong where both are"),
    (Combine.DIFFERENCE, "Difference", "Absolute difference: strong where only one is"),
    (Combine.REPLACE, "Replace", "Use only this one within its frame range"),
)  # fmt: skip
#: Least and greatest value of every numeric setting of a layer; None where any number is allowed.
LIMITS: dict[str, tuple[float, float]] = {
    "gate": (0.0, 1.0),
    "median": (0.0, 10.0),
    "attack": (0.0, 60.0),
    "release": (0.0, 60.0),
    "look_ahead": (0.0, 10.0),
    "bottom": (0.0, 100.0),
    "top": (0.0, 100.0),
    "least": (-1e9, 1e9),
    "most": (-1e9, 1e9),
    "gain": (0.0, 1000.0),
    "threshold": (0.0, 1.0),
    "gamma": (0.01, 100.0),
    "offset": (-600.0, 600.0),
    "first": (0, 10_000_000),
    "last": (-10_000_000, 10_000_000),
    "amount": (0.0, 1.0),
    "kernel": (1, 1001),
    "keep": (0.0, 1.0),
}
#: Least and greatest number of steps of a route.
LEVELS = (0, 256)
#: The greatest magnitude of a parameter's value.
LARGEST = 1e9


def nearest(name: str, value: float) -> float:
    """A numeric setting of a layer, or the nearest that is allowed: a file may hold any number.

    What is not a number becomes the least; an even kernel becomes the next odd number, a broken one is cut.
    """
    number = brought_within(value, *LIMITS[name])
    if name == "kernel":
        return int(number) | 1
    return int(number) if isinstance(LIMITS[name][0], int) else float(number)


@dataclass(frozen=True)
class Layer:
    """How one feature becomes a strength of 0...1 on every frame, and how it meets the layers above it.

    Parameters
    ----------
    feature : a feature as ``core.sound.features`` spells it
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
    combine : add, max, multiply, difference or replace; the first layer has nothing to meet
    amount : 0...1, how strongly it meets the layers above
    chain : bend; papers or gate_median for the papers' own smoothing and range map, which use ``gate``, ``kernel`` and
        ``keep`` and none of the other stages but ``offset`` and the range of frames
    kernel : frames, odd, of the papers' median
    keep : 0...1, the share of the papers' envelope that stays from frame to frame
    """

    feature: str
    gate: float = 0.0
    median: float = 0.0
    attack: float = 0.0
    release: float = 0.0
    look_ahead: float = 0.0
    scale: str = shaping.Scale.ROBUST
    bottom: float = 2.0
    top: float = 95.0
    least: float = 0.0
    most: float = 1.0
    gain: float = 1.0
    threshold: float = 0.0
    gamma: float = 1.0
    ease: str = shaping.Ease.LINEAR
    invert: bool = False
    offset: float = 0.0
    first: int = 0
    last: int = -1
    combine: str = Combine.ADD
    amount: float = 1.0
    chain: str = Chain.BEND
    kernel: int = 1
    keep: float = 0.0

    def stages(self, feature: np.ndarray, rate: FrameRate) -> dict[str, np.ndarray]:
        """The values after every stage, in the order of the chain; the last are the layer's strength.

        Parameters
        ----------
        feature : float array, shape (frames,)

        Returns
        -------
        float64 arrays, shape (frames,), by the name of the stage; "feature" is what goes in
        """
        values = shaping.clean(feature)
        passed = {"feature": values, **(self._bend(values, rate) if self.chain == Chain.BEND else self._papers(values))}
        shaped = shaping.offset(list(passed.values())[-1], self.offset, rate)
        passed["offset"] = shaped
        passed["range"] = np.where(self.within(len(shaped)), shaped, self.rest)
        return passed

    def strength(self, feature: np.ndarray, rate: FrameRate) -> np.ndarray:
        """The layer alone, 0...1 on every frame."""
        return self.stages(feature, rate)["range"]

    @property
    def rest(self) -> float:
        """The strength that silence gives."""
        return 1.0 if self.invert and self.chain == Chain.BEND else 0.0

    def within(self, count: int) -> np.ndarray:
        """On which of the strip's frames the layer acts: bool array, shape (count,)."""
        return shaping.window(count, self.first, self.last)

    def _bend(self, values: np.ndarray, rate: FrameRate) -> dict[str, np.ndarray]:
        passed = {}
        passed["gate"] = values = shaping.gate(values, self.gate, *self._bounds(values))
        passed["median"] = values = shaping.median(values, self.median, rate)
        passed["follow"] = values = shaping.follow(values, rate, self.attack, self.release)
        passed["look_ahead"] = values = shaping.look_ahead(values, self.look_ahead, rate)
        passed["scale"] = values = shaping.normalise(values, *self._bounds(values))
        passed["gain"] = values = shaping.gain(values, self.gain)
        passed["curve"] = values = shaping.curve(values, self.threshold, self.gamma, self.ease)
        passed["invert"] = 1.0 - values if self.invert else values
        return passed

    def _papers(self, values: np.ndarray) -> dict[str, np.ndarray]:
        passed = {}
        if self.chain == Chain.GATE_MEDIAN:
            passed["gate"] = values = paper_smoothing.gate(values, self.gate)
            passed["median"] = values = paper_smoothing.median(values, self.kernel)
        else:
            passed["median"] = values = paper_smoothing.median(values, self.kernel)
            passed["envelope"] = values = paper_smoothing.envelope(values, self.keep)
            passed["gate"] = values = paper_smoothing.gate(values, self.gate)
        passed["scale"] = np.clip(paper_smoothing.to_range(values, 0.0, 1.0), 0.0, 1.0)
        return passed

    def _bounds(self, values: np.ndarray) -> tuple[float, float]:
        return shaping.bounds(values, self.scale, self.bottom, self.top, self.least, self.most)

    def meet(self, above: np.ndarray, strength: np.ndarray) -> np.ndarray:
        """Combine with the layers above, within the layer's range of frames; an amount of 0 changes nothing.

        Parameters
        ----------
        above : float array, shape (frames,), the layers above together
        strength : float array, shape (frames,), this layer alone
        """
        part = self.amount * strength
        ways: dict[str, Callable[[], np.ndarray]] = {
            Combine.ADD: lambda: above + part,
            Combine.MAXIMUM: lambda: np.maximum(above, part),
            Combine.MULTIPLY: lambda: above * (1 - self.amount + part),
            Combine.DIFFERENCE: lambda: np.abs(above - part),
            Combine.REPLACE: lambda: (1 - self.amount) * above + part,
        }
        return np.where(self.within(len(above)), ways[self.combine](), above)


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
        """All layers together, 0...1 on every frame, quantised.

        Parameters
        ----------
        measured : float arrays, shape (frames,), by spelling
        """
        first, *others = self.layers
        together = first.strength(measured[first.feature], rate)
        for layer in others:
            together = layer.meet(together, layer.strength(measured[layer.feature], rate))
        return shaping.quantise(np.clip(together, 0.0, 1.0), self.levels)

    def value(self, strength: np.ndarray) -> np.ndarray:
        """The parameter's value at a strength of 0...1; exactly ``low`` at 0 and ``high`` at 1."""
        value = self.low * (1 - strength) + self.high * strength
        return np.clip(value, min(self.low, self.high), max(self.low, self.high))

    def shape(self, measured: Mapping[str, np.ndarray], rate: FrameRate) -> np.ndarray:
        """The parameter's value on every frame.

        Parameters
        ----------
        measured : float arrays, shape (frames,), by spelling

        Returns
        -------
        float array, shape (frames,), between low and high
        """
        return self.value(self.strength(measured, rate))
