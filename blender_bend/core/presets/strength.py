"""A preset at a strength: what its routes set where every feature that they follow is so strong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .. import catalogue
from ..catalogue import Parameter
from ..curves.routes import Route
from ..job.job import Job
from .presets import Preset, PresetBend


def value_at(route: Route, strength: float) -> float:
    """What a route sets when its features have a strength of 0...1."""
    return route.low + (route.high - route.low) * (1 - strength if route.layers[0].invert else strength)


def values_at(part: PresetBend, strength: float) -> dict[str, float]:
    """The values of a bend at a strength, within the limits of its parameters."""
    parameters = catalogue.animated_parameters(part.bend.operator, part.bend.region)
    return {**part.values, **_routed(part.routes, parameters, strength)}


def strip_values_at(preset: Preset, strength: float) -> dict[str, float]:
    """The values of the strip's own parameters that a preset asks for."""
    if preset.strip is None:
        return {}
    parameters = catalogue.strip.BY_SOURCE[preset.strip.source]
    return {**preset.strip.values, **_routed(preset.strip.routes, parameters, strength)}


def _routed(routes: Mapping[str, Route], parameters: Sequence[Parameter], strength: float) -> dict[str, float]:
    return {
        parameter.name: min(max(value_at(routes[parameter.name], strength), parameter.minimum), parameter.maximum)
        for parameter in parameters
        if parameter.name in routes
    }


def job_with(job: Job, preset: Preset, strength: float = 1.0) -> Job:
    """The first frame of a job as a preset alone makes it; bends of the job are left out.

    Raises
    ------
    BendError if the preset does not go with the job's model or source
    """
    frame = job.frames[0]
    strip = preset.strip
    values = tuple(values_at(part, strength) for part in preset.bends)
    shown = replace(job, bends=tuple(part.bend for part in preset.bends))
    kept = frame.strip
    if strip is not None:
        shown = replace(
            shown, source=strip.source, scene=strip.scene or job.scene, palette=strip.palette or job.palette
        )
        kept = frame.strip if strip.source == job.source else {}
    own = {**kept, **strip_values_at(preset, strength)}
    shown = replace(shown, frames=(replace(frame, values=values, masks=(), strip=own),))
    shown.check()
    return shown
