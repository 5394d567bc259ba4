"""The animation of a scene's properties: it decides a value over time, and stays while the playhead moves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from bpy.types import AnimData, DriverTarget, FCurve, Scene

from ..host import compat, typed
from ..timeline import curve_changes, drivers
from .rna_values import value, values

#: How layers of animation and their curves look, and what is read by itself.
_LOOKS = ("lock", "active", "is_valid", "strips", "fcurves", "action", "action_slot", "action_suitable_slots")
#: How an action lies over the layers below it.
_MIXING = ("action_blend_type", "action_extrapolation", "action_influence", "use_nla")


def over_time(scene: Scene, thing: Any, names: Iterable[str], first: int) -> tuple[Any, ...]:
    """The values of some properties of a thing in a scene; of one that is animated, its animation.

    Parameters
    ----------
    first : frame of the timeline that times are taken relative to
    """
    path = "" if thing == scene else f"{thing.path_from_id()}."
    return tuple(_over_time(scene, thing, name, path + name, first) for name in names)


def moving(scene: Scene, path: str) -> list[FCurve]:
    """The curves and drivers of a property of a scene."""
    return [*_curves(scene, path), *drivers.of(scene, path)]


def _over_time(scene: Scene, thing: Any, name: str, path: str, first: int) -> Any:
    curves, driven = list(_curves(scene, path)), drivers.of(scene, path)
    if not curves and not driven:
        return value(getattr(thing, name))
    moved = [_digest(*around_keys(curve), curve_print(curve, first)) for curve in curves]
    if driven:
        moved.append(_digest(first, *(_driver(driver, first) for driver in driven)))
    still = all(curve.mute for curve in [*curves, *driven])
    return (*moved, _layers(typed.animation(scene)), value(getattr(thing, name)) if still else None)


def _curves(scene: Scene, path: str) -> Iterator[FCurve]:
    """The curves of a property in the scene's action, and in those of its NLA strips."""
    own = compat.fcurves(scene)
    layers = scene.animation_data.nla_tracks if scene.animation_data else ()
    stacked = (compat.fcurves_of(strip.action, strip.action_slot) for track in layers for strip in track.strips)
    for curves in (own, *stacked):
        yield from (curve for curve in [curves.find(path) if curves else None] if curve is not None)


def _layers(animation: AnimData) -> tuple[Any, ...]:
    """How the layers of a scene's animation are mixed."""
    mixing = [value(getattr(animation, name)) for name in _MIXING]
    if not animation.nla_tracks:
        return ()  # an action by itself is mixed with nothing
    strips = [[values(strip, _LOOKS) for strip in track.strips] for track in animation.nla_tracks]
    return (*mixing, *(values(track, _LOOKS) for track in animation.nla_tracks), strips)


def around_keys(curve: FCurve) -> tuple[Any, ...]:
    """What decides a curve besides its keys."""
    muted = curve.mute or bool(curve.group and curve.group.mute)
    return muted, curve.extrapolation, [values(modifier) for modifier in curve.modifiers]


def curve_print(curve: FCurve, first: int) -> str:
    """The keys of a curve in short, with times relative to a frame."""
    return curve_changes.remembered(curve, ("sound", first), lambda: hashlib.sha256(keys_of(curve, first)).hexdigest())


def keys_of(curve: FCurve, first: int) -> bytes:
    points, columns = curve.keyframe_points, []
    for name in ("co", "handle_left", "handle_right"):
        column = np.empty(2 * len(points), np.float32)
        points.foreach_get(name, column)
        column[0::2] -= first
        columns.append(np.round(column, 3))
    for name in ("interpolation", "easing"):
        column = np.empty(len(points), np.int32)
        points.foreach_get(name, column)
        columns.append(column)
    for name in ("amplitude", "back", "period"):
        column = np.empty(len(points), np.float32)
        points.foreach_get(name, column)
        columns.append(column)
    return b"".join(column.tobytes() for column in columns)


def _driver(driver: FCurve, first: int) -> tuple[Any, ...]:
    """What a driver computes, and from what."""
    targets = (target for variable in driver.driver.variables for target in variable.targets)
    read = [_target(target, first) for target in targets]
    return values(driver.driver, ("is_valid", "active")), *around_keys(driver), curve_print(driver, 0), read


def _target(target: DriverTarget, first: int) -> Any:
    """What a driver reads of another property: its animation in a scene, or else its value."""
    try:
        found = target.id.path_resolve(target.data_path) if target.id else None
    except (AttributeError, ValueError):  # no data-block, or no such property
        return None
    curves = list(_curves(target.id, target.data_path)) if isinstance(target.id, Scene) else []
    return [curve_print(curve, first) for curve in curves] or value(found)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
