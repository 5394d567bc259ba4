"""A bend strip as somebody may have made it by hand: properties with values that no interface would give."""

from __future__ import annotations

import contextlib

import bpy
from mutations import HOSTILE

#: Without what Blender itself takes in no property: half a character.
VALUES = [value for value in HOSTILE if value != "\ud800"]


def owners(group):
    """Every property group of a strip's settings, those in collections too."""
    yield group
    for described in group.bl_rna.properties:
        value = getattr(group, described.identifier, None)
        if described.type == "COLLECTION":
            for item in value or ():
                yield from owners(item)
        elif described.type == "POINTER" and isinstance(value, bpy.types.PropertyGroup):
            yield from owners(value)


def corrupt(strip, chance):
    """Give a few properties values that no interface would, as a file that somebody made by hand may hold."""
    for _ in range(chance.randint(1, 6)):
        owner = chance.choice(list(owners(strip.bend_settings)))
        name = chance.choice(owner.bl_rna.properties).identifier
        value = chance.choice(VALUES)
        mistyped = (TypeError, ValueError, OverflowError, AttributeError, KeyError, RuntimeError, RecursionError)
        with contextlib.suppress(*mistyped):
            if chance.random() < 0.5:
                setattr(owner, name, value)
            else:
                write_raw(owner, name, value)
    if chance.random() < 0.5:
        key = chance.choice([key for key in strip.keys() if "·" in key])  # noqa: SIM118  a strip is no dict
        with contextlib.suppress(TypeError, ValueError, OverflowError, RecursionError):
            strip[key] = chance.choice(VALUES)


def write_raw(owner, name, value):
    """Write into the file what Blender's interface would not."""
    raw = owner.bl_system_properties_get() if hasattr(owner, "bl_system_properties_get") else owner
    raw[name] = value
