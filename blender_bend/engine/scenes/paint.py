"""Paint one picture: a scene's tones, a palette's colours, a mood's finish."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BendError, Code
from .canvas import Canvas
from .moods import MOODS
from .palettes import PALETTES, STEPS
from .table import SCENES

Array = NDArray[Any]


def paint(
    scene: str,
    palette: str,
    *,
    height: int,
    width: int,
    seed: int,
    time: float = 0.0,
    mood: str = "none",
    jitter: float = 0.0,
) -> Array:
    """Paint a procedural picture.

    Parameters
    ----------
    scene, palette, mood : names in ``SCENES``, ``PALETTES`` and ``MOODS``
    height, width : in pixels; the composition follows the shorter side
    seed : decides the composition
    time : seconds, any real number; the picture moves smoothly with it
    jitter : 0..1, how much the palette's colours vary with the seed

    Returns
    -------
    float32 array, shape (height, width, 3), sRGB in 0..1; equal arguments give equal pictures

    Raises
    ------
    BendError(PARAMETER_INVALID) for an unknown name or a size below 8

    Examples
    --------
    >>> paint("sea", "teal", height=64, width=96, seed=1).shape
    (64, 96, 3)
    """
    _require("scene", scene, SCENES)
    _require("palette", palette, PALETTES)
    _require("mood", mood, MOODS)
    if min(height, width) < 8:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"A picture of {width} × {height} is too small to paint.",
            "Choose at least 8 × 8 pixels.",
        )
    tone = SCENES[scene].draw(Canvas(scene, seed, height, width, time))
    steps = np.clip(tone * (STEPS - 1) + 0.5, 0, STEPS - 1).astype(np.int32)
    picture = np.take(PALETTES[palette].ramp(jitter, seed), steps, axis=0)
    finished: Array = np.clip(MOODS[mood].finish(picture), 0, 1).astype(np.float32, copy=False)
    return finished


def _require(kind: str, name: str, names: Iterable[str]) -> None:
    """Raise unless the name is known."""
    if name not in names:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"{kind[:1].upper()}{kind[1:]} “{name}” not found.",
            f"Choose one of: {', '.join(sorted(names))}.",
        )
