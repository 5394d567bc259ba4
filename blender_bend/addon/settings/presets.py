"""Presets onto a bend strip, and off it: what a person has set there becomes a preset."""

from __future__ import annotations

from bpy.types import Strip

from ...core.curves.routes import Route
from ...core.presets.presets import Preset, PresetBend, PresetStrip
from . import stack
from .bend_settings import BEND_PG_bend
from .parameters import Holder


def add_preset(strip: Strip, preset: Preset) -> None:
    """Add a preset's bends, with their routes, at the end of the stack, and set what it asks of the strip itself."""
    for part in preset.bends:
        item = stack.add_bend(strip, part.bend.operator, part.bend.site)
        item.name = part.bend.name
        for name in ("start", "end", "channels", "region", "inverted", "restore"):
            setattr(item, name, getattr(part.bend, name))
        for name, value in part.bend.choices.items():
            item.set_choice(name, value)
        _apply(strip, item, part)
    if preset.strip is not None:
        settings = strip.bend_settings
        settings.source = preset.strip.source
        settings.scene = preset.strip.scene or settings.scene
        settings.palette = preset.strip.palette or settings.palette
        _apply(strip, settings, preset.strip)


def replace_by(strip: Strip, preset: Preset) -> None:
    """Put a preset in place of all bends of a strip, with their curves."""
    for index in reversed(range(len(strip.bend_settings.bends))):
        stack.remove_bend(strip.id_data, strip, index)
    add_preset(strip, preset)


def preset_of(strip: Strip, name: str, summary: str, with_source: bool) -> Preset:
    """The bends of a strip that are on, with their routes, as a preset.

    Keyframes stay with the strip: a preset makes its own of another song. Where nothing is routed, the value is that of
    the moment.

    Parameters
    ----------
    with_source : whether what the strip starts from belongs to it too
    """
    settings = strip.bend_settings
    bends = tuple(
        PresetBend(bend.plain(), *_values_and_routes(strip, bend, everything=False))
        for bend in settings.bends
        if bend.enabled
    )
    if not with_source:
        return Preset(name, summary, bends)
    painted = {"scene": settings.scene, "palette": settings.palette} if settings.source == "procedural" else {}
    own = PresetStrip(settings.source, *_values_and_routes(strip, settings, everything=True), **painted)
    return Preset(name, summary, bends, own)


def _values_and_routes(
    strip: Strip, holder: BEND_PG_bend | Holder, everything: bool
) -> tuple[dict[str, float], dict[str, Route]]:
    """What its parameters are set to.

    Parameters
    ----------
    everything : whether values are told that a new one would have anyway
    """
    values: dict[str, float] = {}
    routes: dict[str, Route] = {}
    for item, parameter in holder.shown_parameters():
        value = float(strip.get(item.key, parameter.default))
        if item.routed:
            routes[parameter.name] = item.route()
        elif everything or value != parameter.default_at(holder.kind()):
            values[parameter.name] = value
    return values, routes


def _apply(strip: Strip, holder: Holder, part: PresetBend | PresetStrip) -> None:
    for name, value in part.values.items():
        strip[holder.parameters[name].key] = value
    for name, route in part.routes.items():
        holder.parameters[name].set_route(route)
