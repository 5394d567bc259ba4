"""Tiles: when memory does not suffice for a whole picture, the autoencoder works on overlapping parts of it.

The published autoencoders tile only what is larger than the size they were trained at, which for SDXL is 1024 pixels:
the very size at which memory is short. So the tile is chosen by the picture. Tiles are blended where they overlap, but
each is normalized by its own statistics: the picture differs a little from the whole one, and has another key.
"""

from __future__ import annotations

from ..choices import Name


class Decoding(Name):
    """How a picture is decoded."""

    WHOLE = "whole"
    TILED = "tiled"


WHOLE, TILED = Decoding.WHOLE, Decoding.TILED

#: Tiles are at most so many pixels wide, as in Stable Diffusion 1.5's own autoencoder.
LARGEST = 512
#: The side of a tile is a multiple of this: eight cells of a latent, a quarter of which overlaps.
UNIT = 64


def tile_side(size: tuple[int, int]) -> int | None:
    """The side of the square tiles for a picture, in pixels; None if it is too small to be cut.

    Half of the longer side, rounded up to ``UNIT`` and at most ``LARGEST``.

    Parameters
    ----------
    size : width and height of the picture
    """
    longer = max(size)
    side = min(LARGEST, -(-longer // 2 // UNIT) * UNIT)
    return side if 0 < side < longer else None
