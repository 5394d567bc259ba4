"""Pictures of pictures: tiles in rows, for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

GAP = 4


def as_picture(tensor: Tensor) -> np.ndarray:
    """A (3, H, W) tensor in 0 … 1 as uint8 (H, W, 3)."""
    return (tensor.detach().float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


def grid(tiles: Sequence[np.ndarray], columns: int, size: int = 0) -> Image.Image:
    """Tiles of one size in rows, scaled to ``size`` pixels if it is given."""
    pictures = [Image.fromarray(tile) for tile in tiles]
    if size:
        pictures = [picture.resize((size, size), Image.Resampling.LANCZOS) for picture in pictures]
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % columns * (width + GAP), number // columns * (height + GAP)))
    return sheet


def save(tiles: Sequence[np.ndarray], path: Path, columns: int, size: int = 0, most: int = 500_000) -> None:
    """Write a grid; a JPEG with as much quality as fits into ``most`` bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = grid(tiles, columns, size)
    if path.suffix == ".png":
        sheet.save(path)
        return
    for quality in (90, 80, 70, 60, 50, 40):
        sheet.save(path, quality=quality, optimize=True)
        if path.stat().st_size <= most:
            return
