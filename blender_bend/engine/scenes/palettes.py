"""Palettes: five colours from dark to light that give a picture's tones their colours."""

# ruff: noqa: E501 (a palette is a line)
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

STEPS = 1024


@dataclass(frozen=True)
class Palette:
    """Five sRGB colours from dark to light and the words for them; the first word is the plain one."""

    name: str
    words: tuple[str, ...]
    stops: tuple[str, str, str, str, str]

    @cached_property
    def colours(self) -> Array:
        """The stops as numbers 0..1, shape (5, 3)."""
        return np.array([[int(stop[k : k + 2], 16) / 255 for k in (0, 2, 4)] for stop in self.stops], np.float32)

    def ramp(self, jitter: float = 0.0, seed: int = 0) -> Array:
        """All colours from dark to light, shape (STEPS, 3); ``jitter`` turns hue, saturation and contrast a little."""
        colours = self.colours
        if jitter:
            random = np.random.default_rng([7, seed & (2**63 - 1)])
            hue, saturation, gamma = (jitter * random.uniform(-1, 1, 3) * (0.12, 0.15, 0.15)).tolist()
            grey = colours.mean(axis=1, keepdims=True)
            colours = grey + (colours - grey) @ _turn(hue) * (1 + saturation)
            colours = colours + jitter * 0.02 * random.standard_normal(colours.shape)
            colours = np.clip(colours, 0, 1) ** (1 + gamma)
        places = np.linspace(0, 4, STEPS)
        channels = [np.interp(places, np.arange(5), colours[:, channel]) for channel in range(3)]
        return np.stack(channels, axis=1).astype(np.float32)


def _turn(angle: float) -> Array:
    """The rotation of colours around grey."""
    cosine, sine = np.cos(angle), np.sin(angle) / np.sqrt(3)
    cross = np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]])
    return (cosine * np.eye(3) + sine * cross + (1 - cosine) / 3).astype(np.float32)


_ALL = (
    Palette("red", ("red", "crimson", "scarlet", "ruby red"), ("1a0204", "6b0a12", "c8202a", "f26a5e", "ffd9cf")),
    Palette("orange", ("orange", "tangerine", "amber"), ("1f0a02", "7a2c04", "e06a0c", "ffa544", "ffeccc")),
    Palette("golden", ("golden", "gold", "gilded", "bronze and gold"), ("140d02", "5c3f08", "b8860f", "f0c23c", "fff3b8")),
    Palette("yellow", ("yellow", "lemon yellow", "sunny yellow"), ("3a3204", "8f7d06", "dcc60c", "f9ec52", "fffde0")),
    Palette("lime", ("lime", "lime green", "spring green"), ("0d1a02", "3d6306", "86bf12", "c3f04a", "f4ffd2")),
    Palette("green", ("green", "emerald", "emerald green"), ("03150a", "0c4a24", "1f9148", "6fd08a", "e0fae6")),
    Palette("olive", ("olive", "khaki", "moss green", "earthy green"), ("10160a", "37451e", "6f8038", "abb972", "e7ecc8")),
    Palette("mint", ("mint", "pale green", "mint green", "soft green"), ("2c6e50", "6bc094", "a3e2bf", "cff6de", "f4fff8")),
    Palette("teal", ("teal", "turquoise", "blue-green"), ("02161a", "06474f", "0f8a90", "55c9c4", "dcf9f2")),
    Palette("cyan", ("cyan", "sky blue", "azure", "electric blue"), ("001522", "005c86", "00b4e6", "6ee6ff", "effdff")),
    Palette("blue", ("blue", "cobalt", "sapphire", "royal blue"), ("020a24", "0c2c7a", "1f5fd8", "6fa8ff", "e2efff")),
    Palette("midnight", ("midnight", "navy", "dark blue", "midnight blue"), ("01030c", "06102c", "12275a", "35548f", "a8c0e8")),
    Palette("purple", ("purple", "violet", "amethyst"), ("10041f", "3f1273", "8033c9", "bb84f2", "f1e4ff")),
    Palette("lavender", ("lavender", "lilac", "pale purple"), ("54487a", "8d7fbb", "bdb0e0", "ddd5f3", "faf7ff")),
    Palette("magenta", ("magenta", "fuchsia", "hot pink"), ("1c0218", "6b0a5c", "cc1aa6", "ff6fd6", "ffe3f7")),
    Palette("pink", ("pink", "rose", "rosy", "soft pink"), ("4a1830", "a8456e", "ee86ab", "ffbccf", "fff0f3")),
    Palette("sepia", ("sepia", "brown", "vintage brown", "coffee"), ("1a110a", "4c3623", "8c6a48", "c6a57c", "f3e6cf")),
    Palette("monochrome", ("monochrome", "black and white", "grey", "greyscale"), ("050505", "3a3a3a", "808080", "c4c4c4", "fafafa")),
    Palette("ice", ("ice", "icy", "frosty", "pale blue"), ("264a74", "6b9ecb", "a8cdec", "d5e9fa", "fafdff")),
    Palette("pastel", ("pastel", "pastel colours", "soft pastel"), ("7f7bc4", "b9a2e4", "f7afcd", "fdd3ae", "fdf8d6")),
    Palette("neon", ("neon", "neon lights", "synthwave", "neon pink and cyan"), ("08021c", "4b0fa8", "f0149c", "1fd6f5", "eaffff")),
    Palette("dusk", ("dusk", "twilight", "purple and orange"), ("150a33", "5b1f6e", "d2445f", "ff9a4a", "ffe9a0")),
    Palette("fiery", ("fiery", "burning", "red hot", "ember"), ("0a0000", "7d0a00", "f03a00", "ffb000", "fff6c8")),
    Palette("tropical", ("tropical", "teal and coral", "summer colours"), ("0a2f4f", "0c8f94", "4fd0a8", "ff8a66", "ffe27a")),
    Palette("rainbow", ("rainbow", "multicoloured", "colourful", "all colours"), ("7a0b3a", "5a3be8", "12b8a0", "ffd21f", "fff0ea")),
    Palette("candy", ("candy", "bubblegum", "cotton candy", "pink and sky blue"), ("6a2c91", "f25fa6", "ff9ecb", "8fe3f7", "f4fdff")),
    Palette("acid", ("acid", "toxic", "poison green", "radioactive"), ("10021f", "43106b", "2f9a3a", "a8f01a", "f6ffc0")),
    Palette("royal", ("royal", "purple and gold", "regal"), ("120326", "431070", "8a3a8c", "e6ad2c", "fff0b5")),
    Palette("cinematic", ("cinematic", "teal and orange", "blue and orange"), ("03161f", "0a4f63", "2f93a3", "f59a45", "ffe8c4")),
)  # fmt: skip

PALETTES: dict[str, Palette] = {palette.name: palette for palette in _ALL}
