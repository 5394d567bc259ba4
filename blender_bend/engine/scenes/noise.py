"""Smooth random fields that move in time: periodic tiles and lines made of waves with random phases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TILE = 128


class Noise:
    """A periodic random picture, mean 0 and standard deviation 0.5, that boils smoothly with time.

    It is a sum of all waves between two frequencies with random phases, each turning at its own rate; so it is
    continuous in space and time, has no lattice to be seen, and time needs no third axis.

    Parameters
    ----------
    random : where the phases come from
    time : seconds times speed
    slope : how fast amplitudes fall with the frequency; 1 is rough, 3 is soft
    lowest, highest : frequencies, in waves a tile
    """

    def __init__(
        self,
        random: np.random.Generator,
        time: float = 0.0,
        *,
        slope: float = 2.0,
        lowest: float = 1.0,
        highest: float = 16.0,
    ) -> None:
        rows = np.fft.fftfreq(TILE, 1 / TILE).astype(np.float32)[:, None]
        columns = np.arange(TILE // 2 + 1, dtype=np.float32)[None, :]
        frequency = np.hypot(rows, columns)
        amplitude = np.where(
            (frequency >= lowest) & (frequency <= highest), np.maximum(frequency, 1.0) ** -(slope + 0.5), 0.0
        )
        amplitude[:, 0] *= 0.7
        amplitude *= 0.5 * TILE * TILE / np.sqrt(2.0 * np.square(amplitude).sum())
        phase = random.random(frequency.shape, dtype=np.float32) * np.float32(2 * np.pi)
        rate = random.random(frequency.shape, dtype=np.float32) - np.float32(0.5)
        phase = phase + rate * np.sqrt(frequency) * np.float32(2.0 * time)
        spectrum = amplitude * np.exp(1j * phase)
        tile: Array = np.fft.irfft2(spectrum, s=(TILE, TILE)).astype(np.float32)
        self._tile = tile.ravel()

    def __call__(self, u: Array, v: Array) -> Array:
        """The field at the points ``(u, v)``, which broadcast; 1 is the length of the tile."""
        u0, u1, across = _cells(u)
        v0, v1, down = _cells(v)
        v0, v1 = v0 * TILE, v1 * TILE
        tile = self._tile
        first = tile[v0 + u0]
        first += (tile[v0 + u1] - first) * across
        second = tile[v1 + u0]
        second += (tile[v1 + u1] - second) * across
        second -= first
        second *= down
        first += second
        return first


def _cells(coordinate: Array) -> tuple[NDArray[np.int32], NDArray[np.int32], Array]:
    """The two neighbours in the tile and the smooth weight of the second."""
    place = np.asarray(coordinate, dtype=np.float32) * np.float32(TILE)
    whole = np.floor(place)
    low = whole.astype(np.int32) & (TILE - 1)
    return low, (low + 1) & (TILE - 1), place - whole


class Profile:
    """A random line, about -1..1, that moves smoothly: a ridge, a shore, a curtain.

    Parameters
    ----------
    random : where the phases come from
    time : seconds times speed
    frequency : waves of the first octave in one unit of length
    octaves : how many, each twice as fine
    gain : amplitude of an octave against the one before
    ridged : sharp peaks instead of round hills
    """

    def __init__(
        self,
        random: np.random.Generator,
        time: float = 0.0,
        *,
        frequency: float = 0.5,
        octaves: int = 4,
        gain: float = 0.5,
        ridged: bool = False,
    ) -> None:
        self._waves: list[tuple[float, float, float]] = []
        for octave in range(octaves):
            stretch, phase, rate = (float(value) for value in random.random(3))
            scale = 2 * np.pi * frequency * 2.0**octave * (0.8 + 0.4 * stretch)
            self._waves.append((scale, 2 * np.pi * phase + (rate - 0.5) * 2.0 * time, gain**octave))
        self._total = sum(amplitude for *_, amplitude in self._waves)
        self._ridged = ridged

    def __call__(self, x: Array) -> Array:
        """The height of the line at ``x``."""
        total = np.zeros_like(x)
        for scale, phase, amplitude in self._waves:
            wave = np.sin(x * scale + phase)
            if self._ridged:
                wave = 1.0 - np.arccos(np.clip(wave, -1, 1)) * (2 / np.pi)
            total = total + amplitude * wave
        line: Array = (total / self._total).astype(np.float32)
        return line


class Cells:
    """Cells around wandering points.

    Parameters
    ----------
    points : shape (count, 2)
    values : shape (count,), one random number a cell
    """

    def __init__(self, points: Array, values: Array) -> None:
        self._points, self._values = points, values

    def __call__(self, x: Array, y: Array) -> tuple[Array, Array]:
        """How far the points ``(x, y)`` are from their cell's border, and their cell's value."""
        shape = np.broadcast_shapes(x.shape, y.shape)
        first, second, value = (
            np.full(shape, 99, np.float32),
            np.full(shape, 99, np.float32),
            np.zeros(shape, np.float32),
        )
        for (px, py), own in zip(self._points, self._values, strict=True):
            distance = np.square(x - px) + np.square(y - py)
            closer = distance < first
            second = np.minimum(second, np.maximum(distance, first))
            first = np.minimum(first, distance)
            value[closer] = own
        return np.sqrt(second) - np.sqrt(first), value
