"""What scenes draw on: coordinates, soft shapes, glows and small stamps, all as tones from dark 0 to light 1."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .noise import Cells, Noise, Profile

Array = NDArray[Any]
Option = TypeVar("Option")

# Takes old tones and coordinates around the middle of a stamp, gives the new tones.
Draw = Callable[[Array, Array, Array], Array]


class Canvas:
    """The plane of one picture, with its own randomness and moment.

    ``x`` (1, width) runs to the right and ``y`` (height, 1) upwards; the shorter side is -1..1. A scene draws all
    its random numbers in the same order whatever the time, so that time moves one composition.

    Parameters
    ----------
    name, seed : decide the composition
    height, width : in pixels
    time : in seconds
    """

    def __init__(self, name: str, seed: int, height: int, width: int, time: float) -> None:
        self.random = np.random.default_rng([zlib.crc32(name.encode()), seed & (2**63 - 1)])
        self.height, self.width, self.time = height, width, float(time)
        self.pixel = 2.0 / min(height, width)
        self.right, self.top = width / min(height, width), height / min(height, width)
        self.x: Array = (((np.arange(width) + 0.5) * self.pixel) - self.right).astype(np.float32)[None, :]
        self.y: Array = (self.top - ((np.arange(height) + 0.5) * self.pixel)).astype(np.float32)[:, None]

    # Randomness, as plain floats so that pictures stay float32.

    def uniform(self, low: float, high: float) -> float:
        """One random number."""
        return float(self.random.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """True as often as ``probability`` says."""
        return bool(self.random.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """One whole random number, both ends included."""
        return int(self.random.integers(low, high + 1))

    def sign(self) -> float:
        """-1 or 1."""
        return 1.0 if self.chance(0.5) else -1.0

    def choice(self, options: Sequence[Option]) -> Option:
        """One of the options."""
        return options[int(self.random.integers(len(options)))]

    def noise(self, speed: float = 0.3, *, slope: float = 2.0, lowest: float = 1.0, highest: float = 16.0) -> Noise:
        """A random field that moves with this picture's time."""
        return Noise(self.random, self.time * speed, slope=slope, lowest=lowest, highest=highest)

    def profile(
        self, speed: float = 0.0, *, frequency: float = 0.5, octaves: int = 4, gain: float = 0.5, ridged: bool = False
    ) -> Profile:
        """A random line that moves with this picture's time."""
        return Profile(self.random, self.time * speed, frequency=frequency, octaves=octaves, gain=gain, ridged=ridged)

    def cells(self, count: int, *, wander: float, pace: float) -> Cells:
        """About ``count`` cells in a square picture, more in a long one, whose middles wander in small circles."""
        columns = max(1, round(np.sqrt(count) * self.right * 1.1))
        rows = max(1, round(np.sqrt(count) * self.top * 1.1))
        place = self.random.uniform(0.1, 0.9, (rows, columns, 2))
        phase = self.random.uniform(0, 2 * np.pi, (rows, columns)) + pace * self.time
        x = ((np.arange(columns)[None, :] + place[..., 0]) / columns * 2 - 1) * self.right * 1.1
        y = ((np.arange(rows)[:, None] + place[..., 1]) / rows * 2 - 1) * self.top * 1.1
        points = np.stack((x + wander * np.sin(phase), y + wander * np.cos(phase)), axis=-1).reshape(-1, 2)
        return Cells(points.astype(np.float32), self.random.random(rows * columns, dtype=np.float32))

    # Shapes.

    def blank(self, tone: float = 0.0) -> Array:
        """A picture of one tone."""
        return np.full((self.height, self.width), tone, np.float32)

    def sky(self, top: float, bottom: float, horizon: float = -1.0, bend: float = 1.0) -> Array:
        """A vertical gradient from the upper border to the horizon."""
        height = np.clip((self.y - horizon) / (self.top - horizon), 0, 1) ** bend
        return self.blank() + (bottom + (top - bottom) * height)

    def polar(self, x: float = 0.0, y: float = 0.0) -> tuple[Array, Array]:
        """Distance from a point, and angle around it in radians."""
        dx, dy = self.x - x, self.y - y
        return np.hypot(dx, dy), np.arctan2(dy + 0 * dx, dx + 0 * dy)

    def turned(self, x: float, y: float, angle: float) -> tuple[Array, Array]:
        """Coordinates around a point, the axes turned by ``angle`` radians."""
        cosine, sine = float(np.cos(angle)), float(np.sin(angle))
        dx, dy = self.x - x, self.y - y
        return dx * cosine + dy * sine, dy * cosine - dx * sine

    def inside(self, distance: Array, softness: Array | float = 1.0) -> Array:
        """The mask of where a signed distance is below zero; its edge is ``softness`` + 1 pixels wide."""
        return np.clip(0.5 - distance / (self.pixel * (1.0 + softness)), 0, 1)

    def glow(self, x: float, y: float, radius: float) -> Array:
        """A round light, 1 in the middle, that falls off softly and far."""
        squared = np.square((self.x - x) / radius) + np.square((self.y - y) / radius)
        return 1.0 / np.square(1.0 + squared)

    def stamp(self, tone: Array, x: float, y: float, reach: float, draw: Draw) -> None:
        """Redraw only the square around a point.

        Parameters
        ----------
        tone : changed in place
        x, y, reach : middle and half side of the square
        draw : takes the old tones and the coordinates around the middle, returns the new tones
        """
        left = max(int((x - reach + self.right) / self.pixel), 0)
        right = min(int((x + reach + self.right) / self.pixel) + 2, self.width)
        upper = max(int((self.top - y - reach) / self.pixel), 0)
        lower = min(int((self.top - y + reach) / self.pixel) + 2, self.height)
        if left < right and upper < lower:
            part = tone[upper:lower, left:right]
            part[...] = draw(part, self.x[:, left:right] - x, self.y[upper:lower] - y)

    def lights(self, tone: Array, points: list[tuple[float, float, float, float]]) -> None:
        """Add small round lights, each ``(x, y, radius, strength)``, in place."""
        for x, y, radius, strength in points:
            reach = max(radius, self.pixel * 0.7)
            self.stamp(tone, x, y, 2.6 * reach, _light(reach, strength))

    def stars(self, tone: Array, count: int, lowest: float = -9.0) -> None:
        """Scatter twinkling stars in place, above a height."""
        points = []
        for _ in range(count):
            x, y = self.uniform(-self.right, self.right), self.uniform(-self.top, self.top)
            size, phase = self.uniform(0, 1) ** 3, self.uniform(0, 6.3)
            twinkle = 0.8 + 0.2 * float(np.sin(phase + 2 * self.time))
            if y > lowest:
                points.append((x, y, 0.010 + 0.016 * size, (0.35 + 0.6 * size) * twinkle))
        self.lights(tone, points)


def _light(radius: float, strength: float) -> Draw:
    def draw(tone: Array, x: Array, y: Array) -> Array:
        return tone + strength * np.exp(-np.square(x / radius)) * np.exp(-np.square(y / radius))

    return draw


def smooth(low: Array | float, high: Array | float, value: Array) -> Array:
    """0 below ``low``, 1 above ``high`` and an S between; ``low`` may be the greater one."""
    step: Array = np.clip((value - low) / (high - low), 0, 1)
    return step * step * (3.0 - 2.0 * step)


def mix(below: Array | float, above: Array | float, mask: Array) -> Array:
    """``above`` where the mask is 1, ``below`` where it is 0."""
    return below + (above - below) * mask


def lighten(tone: Array, light: Array) -> Array:
    """Add light as a screen does: it never leaves 1."""
    return 1.0 - (1.0 - np.clip(tone, 0, 1)) * (1.0 - np.clip(light, 0, 1))
