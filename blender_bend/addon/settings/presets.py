"""Putting a preset onto a bend strip."""

from __future__ import annotations

from bpy.types import Strip

from ...core.job.presets import Preset, PresetBend, PresetStrip
from . import stack
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


def _apply(strip: Strip, holder: Holder, part: PresetBend | PresetStrip) -> None:
    for name, value in part.values.items():
        strip[holder.parameters[name].key] = value
    for name, route in part.routes.items():
        holder.parameters[name].set_route(route)
