"""Moods: what is done to a finished picture, each with words for captions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[Any]

LUMA = np.array([0.30, 0.59, 0.11], np.float32)
WARM = np.array([1.10, 0.97, 0.76], np.float32)
COLD = np.array([0.76, 0.94, 1.10], np.float32)


@dataclass(frozen=True)
class Mood:
    """One way to finish a picture; the first word is the plain one."""

    name: str
    words: tuple[str, ...]
    finish: Callable[[Array], Array]


def blurred(picture: Array, amount: float) -> Array:
    """The picture out of focus; ``amount`` is a part of the shorter side. Works at a quarter of the size."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((0, -height % 4), (0, -width % 4), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // 4, padded.shape[1] // 4
    small = padded.reshape(rows, 4, columns, 4, 3).mean(axis=(1, 3))
    sigma = amount * min(height, width) / 4
    small = ndimage.gaussian_filter(small, (sigma, sigma, 0), mode="nearest", truncate=3.0)
    small = _widened(_widened(small, height, 0), width, 1)
    return small


def _widened(small: Array, size: int, axis: int) -> Array:
    """Linear interpolation along an axis to four times as many pixels, cut to ``size``."""
    place = np.clip((np.arange(size, dtype=np.float32) + 0.5) / 4 - 0.5, 0, small.shape[axis] - 1)
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, small.shape[axis] - 1)
    weight = (place - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    wide: Array = np.take(small, low, axis) * (1 - weight) + np.take(small, high, axis) * weight
    return wide


def _grey(picture: Array) -> Array:
    return (picture @ LUMA)[..., None]


def _screen(picture: Array, light: Array) -> Array:
    return 1 - (1 - picture) * (1 - np.clip(light, 0, 1))


def _border(picture: Array) -> Array:
    """0 in the middle to 1 in the corners."""
    height, width = picture.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    return np.clip((x * x + y * y) / 2, 0, 1)


def _misty(picture: Array) -> Array:
    """A veil in the picture's own light colour, thicker towards the ground."""
    veil = picture.reshape(-1, 3).mean(axis=0) * 0.45 + 0.5
    height = np.linspace(0, 1, picture.shape[0], dtype=np.float32)[:, None, None]
    return picture + (veil - picture) * (0.35 + 0.35 * height)


_ALL = (
    Mood("none", ("plain", "clear", "simple"), lambda picture: picture),
    Mood("bright", ("bright", "light", "luminous", "sunlit"), lambda picture: np.power(picture, 0.6) * 0.97 + 0.03),
    Mood("dark", ("dark", "dim", "shadowy", "gloomy"), lambda picture: np.power(picture, 1.45) * 0.62),
    Mood(
        "dreamy",
        ("dreamy", "soft focus", "hazy", "ethereal"),
        lambda picture: 0.6 * blurred(picture, 0.022) + 0.4 * _screen(picture, 0.4 * blurred(picture, 0.05)),
    ),
    Mood("misty", ("misty", "foggy", "in the mist", "in fog"), _misty),
    Mood(
        "contrast",
        ("high contrast", "dramatic", "bold", "stark"),
        lambda picture: np.clip(0.5 + 1.7 * (picture - 0.48), 0, 1),
    ),
    Mood(
        "glowing",
        ("glowing", "radiant", "shining", "luminescent"),
        lambda picture: _screen(picture, 0.75 * blurred(picture * picture, 0.045)),
    ),
    Mood("warm", ("warm", "warm light", "cosy"), lambda picture: picture * WARM + 0.02),
    Mood("cold", ("cold", "cool", "chilly", "cool light"), lambda picture: picture * COLD + 0.02),
    Mood(
        "muted",
        ("muted", "faded", "desaturated", "washed out"),
        lambda picture: 0.14 + 0.72 * (picture + (_grey(picture) - picture) * 0.55),
    ),
    Mood(
        "vivid",
        ("vivid", "saturated", "intense", "vibrant"),
        lambda picture: _grey(picture) + (picture - _grey(picture)) * 1.55,
    ),
    Mood(
        "vignette",
        ("vignette", "dark edges", "spotlit", "old photograph"),
        lambda picture: picture * (1 - 0.85 * _border(picture)),
    ),
)  # fmt: skip

MOODS: dict[str, Mood] = {mood.name: mood for mood in _ALL}
