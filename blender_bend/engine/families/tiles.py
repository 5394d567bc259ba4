"""The autoencoder at work: whole or in tiles, and what is said if memory runs out there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...core.job.resolved import Resolved
from ...core.job.tiling import TILED, tile_side
from ..host.memory import NoRoomForAutoencoder, is_out_of_memory

#: How much of a tile is blended with the next. AutoencoderTiny's eighth divides by zero in tiles of 64 pixels.
OVERLAP = 0.25


@contextmanager
def at_work(vae: Any, frame: Resolved) -> Iterator[None]:
    """Let an autoencoder work as a frame wants it while this lasts.

    Parameters
    ----------
    vae : an AutoencoderKL or AutoencoderTiny

    Raises
    ------
    NoRoomForAutoencoder if memory runs out meanwhile
    """
    try:
        with tiled(vae, frame["size"], frame.get("decode") == TILED):
            yield
    except (MemoryError, RuntimeError, OSError) as error:
        if is_out_of_memory(error):
            raise NoRoomForAutoencoder(str(error)) from error
        raise


@contextmanager
def tiled(vae: Any, size: tuple[int, int], wanted: bool = True) -> Iterator[None]:
    """Let an autoencoder encode and decode pictures of a size in tiles while this lasts.

    diffusers' own ``enable_tiling()`` does nothing up to the size of the published configuration, and keeps what it
    was told; here the tile fits the picture, and everything is as before afterwards.

    Parameters
    ----------
    size : width and height in pixels
    """
    side = tile_side(size) if wanted else None
    if side is None:
        yield
        return
    scale = getattr(vae, "spatial_scale_factor", 2 ** (len(vae.config.block_out_channels) - 1))
    new = {
        "use_tiling": True,
        "tile_sample_min_size": side,
        "tile_latent_min_size": side // scale,
        "tile_overlap_factor": OVERLAP,
    }
    before = {name: getattr(vae, name) for name in new}
    vars(vae).update(new)
    try:
        yield
    finally:
        vars(vae).update(before)
