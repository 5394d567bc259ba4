"""What the sound gives a parameter on the frame under the playhead, as far as it has been measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from bpy.types import ImageStrip

from ...core.curves.routes import Route
from ...core.sound import features
from ...core.timebase import FrameRate
from ..settings.parameters import BEND_PG_parameter
from ..timeline.timing import Placement
from . import measured
from .measured import Measured


@dataclass(frozen=True)
class Numbers:
    """One frame's values: the first feature as measured, all features combined, the parameter.

    Parameters
    ----------
    raw : in ``unit``
    strength : 0...1
    value : in the parameter's unit
    """

    raw: float
    unit: str
    strength: float
    value: float


def numbers(strip: ImageStrip, parameter: BEND_PG_parameter, frame: int) -> Numbers | None:
    """The numbers of a frame of the timeline; None if nothing is measured, or the strip has no sound there."""
    found, placed, route = measured.of(strip), Placement.of(strip), parameter.route()
    if found is None or frame not in placed.sound_frames or not set(parameter.asked()) <= set(found.features):
        return None
    strengths = _strengths(found, route, placed.rate)
    index = frame - placed.sound_frames.start
    if index >= len(strengths):
        return None
    first = route.layers[0].feature
    return Numbers(
        float(found.features[first][index]),
        features.parse(first).feature.unit,
        float(strengths[index]),
        float(route.value(strengths[index])),
    )


# Panels are drawn with every step of the playhead; the whole curve is shaped only when the route or the sound changes.
@lru_cache(maxsize=4)
def _strengths(found: Measured, route: Route, rate: FrameRate) -> np.ndarray:
    return route.strength(found.features, rate)
