"""Editing the bend stack: bends and parameters come and go, with their own custom properties and curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bpy.types import Scene, Strip

from ...core import catalogue, site_kinds
from ...core.catalogue import Parameter, Unit
from ..host import compat
from ..timeline import copies, drivers, strips
from .parameters import SOURCE_HEADING, BEND_PG_parameter, Holder

if TYPE_CHECKING:
    from .bend_settings import BEND_PG_bend
    from .strip_settings import BEND_PG_settings

LONGEST_TITLE = 40
#: Between the heading and the parameter in the name of a property.
_BETWEEN = " · "

#: What a copy of a bend, and of a parameter, has for itself.
_OWN_OF_BEND = ("title", "name", "parameters", "active_parameter")
_OWN_OF_PARAMETER = ("name", "key")


def add_bend(strip: Strip, operator: str = "rotate_channels", site: str = "latent") -> BEND_PG_bend:
    """Put a bend at the end of the stack, with its parameters as custom properties of the strip."""
    settings = strip.bend_settings
    bend = settings.bends.add()
    bend.title = unique_title(strip, catalogue.operator(operator).label)
    bend.site = site
    if bend.operator == operator:
        fit_parameters(strip.id_data, bend)
    else:
        bend.operator = operator
    fit_parameters(strip.id_data, settings)
    settings.active_bend = len(settings.bends) - 1
    return bend


def unique_title(strip: Strip, wanted: str) -> str:
    """The wanted title, with a number if the stack or another custom property already has it."""
    taken = {bend.title for bend in strip.bend_settings.bends} | {SOURCE_HEADING}
    taken |= {key.partition(_BETWEEN)[0] for key in list(strip.keys())}
    candidates = (wanted if number == 1 else f"{wanted} {number}" for number in range(1, len(taken) + 2))
    return next(title for title in candidates if title not in taken)


def owner(scene: Scene, holder: Holder) -> Strip:
    """The strip that a bend or the settings belong to (a property group knows its scene, not its strip)."""
    return next(
        strip for strip in strips.bend_strips(scene) if any(other == holder for other in strip.bend_settings.holders())
    )


def fit_parameters(scene: Scene, holder: Holder) -> None:
    """Give a holder the parameters that it is described with.

    A bend loses those of another operator or region, the mix stays. The strip's own wait, with their curves, for their
    source to come back.
    """
    strip = owner(scene, holder)
    wanted = {parameter.name: parameter for parameter in holder.described()}
    if holder != strip.bend_settings:
        for index in reversed(range(len(holder.parameters))):
            if holder.parameters[index].name not in wanted:
                remove_property(scene, strip, holder.parameters[index].key)
                holder.parameters.remove(index)
    for name, parameter in wanted.items():
        if name not in holder.parameters:
            item = holder.parameters.add()
            item.name = name
            item.low, item.high = _route_range(parameter, holder.kind())
            item.key = _key(holder, parameter)
        describe_property(strip, holder.parameters[name].key, parameter, holder.kind())
    holder.active_parameter = min(max(holder.active_parameter, 1), len(holder.parameters) - 1)


def fit_strip(scene: Scene, wanted: Callable[[BEND_PG_settings], bool]) -> None:
    """Give the strip whose settings are wanted its own parameters; a group within them does not know its strip."""
    for strip in strips.bend_strips(scene):
        if wanted(strip.bend_settings):
            fit_parameters(scene, strip.bend_settings)


def fit_ranges(scene: Scene, bend: BEND_PG_bend) -> None:
    """Take over the usual ranges of a bend's site: for the sliders, and for values and routes that are not used yet."""
    strip = owner(scene, bend)
    for item, parameter in bend.shown_parameters():
        _fit_value(strip, item.key, parameter, bend.kind())
        describe_property(strip, item.key, parameter, bend.kind())
        if not item.routed:
            item.low, item.high = _route_range(parameter, bend.kind())


def _fit_value(strip: Strip, key: str, parameter: Parameter, kind: str) -> None:
    """Give a new bend's value that was never changed the one for a new bend at this kind of site."""
    fresh = {parameter.default_at(kind) for kind in site_kinds.KINDS}
    if strip.get(key) in fresh and strips.find_curve(strip, key) is None:
        strip[key] = parameter.default_at(kind)


def _route_range(parameter: Parameter, kind: str) -> tuple[float, float]:
    """A new route begins at the neutral value and goes twice as far as the value of a new bend.

    Where the usual range differs, as on network layers, it takes the same share of that range.
    """
    usual = parameter.soft_at(kind)
    if parameter.neutral is None or parameter.default == parameter.neutral:
        return usual[0] if parameter.neutral is None else parameter.neutral, usual[1]
    side = 1 if parameter.default > parameter.neutral else 0
    span = parameter.soft[side] - parameter.neutral
    share = min(2 * (parameter.default - parameter.neutral) / span, 1.0) if span else 1.0
    return parameter.neutral, parameter.neutral + share * (usual[side] - parameter.neutral)


def _key(holder: Holder, parameter: Parameter) -> str:
    return f"{holder.heading()}{_BETWEEN}{parameter.label.lower()}"


def describe_property(strip: Strip, key: str, parameter: Parameter, kind: str) -> None:
    """Tell Blender the limits, unit and tooltip of a custom property, with the usual range at a kind of site.

    One that a person has deleted, or made a text of, comes back with its default.
    """
    value = strip.get(key)
    if not isinstance(value, float):
        strip[key] = float(value) if isinstance(value, int) else parameter.default_at(kind)
    soft = parameter.soft_at(kind)
    strip.id_properties_ui(key).update(
        min=parameter.minimum,
        max=parameter.maximum,
        soft_min=soft[0],
        soft_max=soft[1],
        default=parameter.default_at(kind),
        description=parameter.summary,
        subtype="ANGLE" if parameter.unit == Unit.RADIAN else "NONE",
    )


def remove_property(scene: Scene, strip: Strip, key: str) -> None:
    """Take a custom property away with its curve and its drivers."""
    curve = strips.find_curve(strip, key)
    if curve:
        compat.fcurves(scene).remove(curve)
    drivers.remove(scene, strips.data_path(strip, key))
    if key in strip:
        del strip[key]


def remove_bend(scene: Scene, strip: Strip, index: int) -> None:
    """Remove one bend with its own curves; the others keep theirs."""
    settings = strip.bend_settings
    for parameter in settings.bends[index].parameters:
        remove_property(scene, strip, parameter.key)
    settings.bends.remove(index)
    settings.active_bend = min(index, len(settings.bends) - 1)


def duplicate_bend(scene: Scene, strip: Strip, index: int) -> BEND_PG_bend:
    """Put a copy of a bend right after it, with its routes, curves and drivers, and with how those were baked."""
    settings = strip.bend_settings
    settings.bends[index].check()
    fit_parameters(scene, settings.bends[index])  # whatever a person has deleted
    copy = add_bend(strip, settings.bends[index].operator)
    source = settings.bends[index]
    copies.copy_group(source, copy, _OWN_OF_BEND)
    for parameter in source.parameters:
        _copy_parameter(scene, strip, parameter, copy.parameters[parameter.name])
    settings.bends.move(len(settings.bends) - 1, index + 1)
    settings.active_bend = index + 1
    return settings.bends[index + 1]


def _copy_parameter(scene: Scene, strip: Strip, source: BEND_PG_parameter, target: BEND_PG_parameter) -> None:
    copies.copy_group(source, target, _OWN_OF_PARAMETER)
    strip[target.key] = strip.get(source.key, strip[target.key])
    path, copied = strips.data_path(strip, source.key), strips.data_path(strip, target.key)
    drivers.copy(scene, path, copied)
    if curve := strips.find_curve(strip, source.key):
        copies.copy_curve(curve, compat.ensure_fcurve(scene, copied, strip.name))


def move_bend(strip: Strip, index: int, step: int) -> None:
    """Move a bend up (-1) or down (+1); curves are named, so they stay with their bend."""
    settings = strip.bend_settings
    target = index + step
    if 0 <= target < len(settings.bends):
        settings.bends.move(index, target)
        settings.active_bend = target


def rename_bend(scene: Scene, bend: BEND_PG_bend, title: str) -> None:
    """Call a bend otherwise, and its custom properties, curves and drivers with it."""
    # Blender keeps 63 bytes of a property's name; the parameter and a number must fit behind the title.
    title = title.encode()[:LONGEST_TITLE].decode(errors="ignore").strip()
    if not title or title == bend.title:
        return
    strip = owner(scene, bend)
    bend.title = unique_title(strip, title)
    for item, parameter in bend.shown_parameters():
        _rename_property(scene, strip, item.key, _key(bend, parameter))
        item.key = _key(bend, parameter)
        describe_property(strip, item.key, parameter, bend.kind())


def _rename_property(scene: Scene, strip: Strip, old: str, new: str) -> None:
    path, curve = strips.data_path(strip, new), strips.find_curve(strip, old)
    if curve:
        curve.data_path = path
    drivers.move(scene, strips.data_path(strip, old), path)
    if old in strip:
        strip[new] = strip.pop(old)
