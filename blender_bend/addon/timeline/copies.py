"""Copies that leave nothing out: of groups of properties, and of curves with all that they have besides their keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bpy.types import FCurve, FModifier, PropertyGroup

from ..host import typed
from .keys import read_keys, write_keys

_NESTED = ("POINTER", "COLLECTION")
#: What a curve is known by, and what Blender finds out about it.
_OF_ITS_PLACE = ("data_path", "array_index", "is_valid")


def copy_group(source: PropertyGroup, target: PropertyGroup, leave: Collection[str] = ()) -> None:
    """Give a group every value of another one, and its lists; enumerations of another version of Bend stay behind.

    Parameters
    ----------
    leave : names of properties that the target has for itself
    """
    _copy_values(source, target, leave)
    for name in (
        p.identifier for p in source.bl_rna.properties if p.type == "COLLECTION" and p.identifier not in leave
    ):
        items = getattr(target, name)
        items.clear()
        for item in getattr(source, name):
            copy_group(item, items.add())


def copy_curve(source: FCurve, target: FCurve) -> None:
    """Give a curve the keys, the look and the modifiers of another one."""
    write_keys(target, read_keys(source))
    _copy_values(source, target, _OF_ITS_PLACE)
    for modifier in list(target.modifiers):
        target.modifiers.remove(modifier)
    for modifier in source.modifiers:
        _copy_modifier(modifier, target.modifiers.new(modifier.type))
    target.update()


def _copy_modifier(source: FModifier, target: FModifier) -> None:
    # Twice: the start of a range is kept before its end, and the number of coefficients follows from the order.
    for _ in range(2):
        _copy_values(source, target)
    for point in typed.control_points(source) if source.type == "ENVELOPE" else ():
        _copy_values(point, typed.control_points(target).add(point.frame))


def _copy_values(source: Any, target: Any, leave: Collection[str] = ()) -> None:
    for item in source.bl_rna.properties:
        if item.is_readonly or item.type in _NESTED or item.identifier in leave:
            continue
        value = getattr(source, item.identifier)
        if item.type != "ENUM" or value:
            setattr(target, item.identifier, value)
