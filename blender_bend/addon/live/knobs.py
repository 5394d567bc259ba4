"""Knobs that were moved on the playhead's frame without a keyframe: Live shows what they are set to, as Blender does.

A curve gives the value back on the next frame; until then the knob counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from bpy.types import ImageStrip

from ...core.catalogue import Parameter
from ...core.job.resolve import settle
from ..film import curve_values
from ..film.curve_values import Named, Track
from ..host.slices import Slices
from ..timeline import strips


class Knobs:
    """What the animated properties were, when a frame was looked at last."""

    def __init__(self) -> None:
        #: The frame, and by property what the curve said and what the property was when the frame was first looked at.
        self._frame: tuple[str, str, int] | None = None
        self._seen: dict[str, tuple[float, float]] = {}

    def tracks(
        self, scene_name: str, strip_name: str, holders: Sequence[Sequence[Named]], frames: Sequence[int]
    ) -> Slices[list[Track]]:
        """The same as ``curve_values.tracks`` for the playhead's frame, with the knobs that were moved."""
        found = yield from curve_values.tracks(scene_name, strip_name, holders, frames)
        if self._frame != (scene_name, strip_name, frames[0]):
            self._frame, self._seen = (scene_name, strip_name, frames[0]), {}
        strip = strips.called(scene_name, strip_name)
        for parameters, track in zip(holders, found, strict=True):
            for key, parameter in parameters:
                track[parameter.name] = [self._value(strip, key, parameter, track[parameter.name][0])]
        return found

    def _value(self, strip: ImageStrip, key: str, parameter: Parameter, curve: float) -> float:
        shown = settle(min(max(curve_values.value_of(strip, key), parameter.minimum), parameter.maximum))
        said, was = self._seen.get(key, (curve, shown))
        if said != curve:  # the curve has changed: it counts again
            was = shown
        self._seen[key] = (curve, was)
        return shown if shown != was else curve
