"""Putting a preset onto a bend strip."""

from __future__ import annotations

from bpy.types import Strip

from ..core.presets import Preset
from . import stack


def add_preset(strip: Strip, preset: Preset) -> None:
    """Add a preset's bends, with their routes, at the end of the stack."""
    for part in preset.bends:
        item = stack.add_bend(strip, part.bend.operator, part.bend.site)
        item.name = part.bend.name
        item.start, item.end, item.channels = part.bend.start, part.bend.end, part.bend.channels
        for name, value in part.bend.choices.items():
            setattr(item, name, value)
        for name, value in part.values.items():
            strip[item.parameters[name].key] = value
        for name, route in part.routes.items():
            item.parameters[name].set_route(route)
