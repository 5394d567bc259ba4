"""Setting a strip to what a cell shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from bpy.types import ImageStrip

from ...core.catalogue import MIX, Parameter
from ...core.catalogue.strip import SCENE_TIME
from ...core.errors import BendError, Code
from ...core.job.job import Job
from ...core.job.resolve import settle
from ...core.presets.presets import Preset
from ...core.sheets import axes
from ...core.sheets.kinds import OF_BEND, Kind
from ...core.sheets.sheet import Sheet
from ..film.snapshot import time_in_scene
from ..host import changes
from ..settings.bend_settings import BEND_PG_bend
from ..settings.presets import replace_by
from ..timeline import drivers, keys, strips
from ..timeline.timing import Placement


def apply(
    strip: ImageStrip, sheet: Sheet, job: Job, place: int | None, number: int, presets: Sequence[Preset] = ()
) -> str:
    """Set a strip to a cell of a sheet, in what the sheet compares and nothing else.

    Parameters
    ----------
    job : of the cell
    place : of the bend among those that are enabled; None if the sheet compares none
    number : of the frame; a parameter with a curve gets a keyframe there
    presets : those that the sheet compares

    Returns
    -------
    what an artist should know of it, in words; empty if all is plain

    Raises
    ------
    BendError, before anything is changed, if the bend is gone or a parameter is driven
    """
    kinds = {sheet.rows.kind, sheet.columns.kind}
    settings = strip.bend_settings
    bend = _bend(strip, place) if kinds & set(OF_BEND) and place is not None else None
    if bend is not None:
        _refuse_driven(strip, bend, kinds)
    said = _apply_preset(strip, job, presets) if Kind.PRESETS in kinds else ""
    if Kind.PROMPTS in kinds:
        if settings.travel != "NONE":
            raise BendError(
                Code.PARAMETER_INVALID, "This strip's prompts travel.", "Turn Prompt Travel off to set one prompt."
            )
        settings.prompt = job.frames[0].prompt[0][0]
    if Kind.SEEDS in kinds:
        settings.seed = job.seed
    if bend is not None and place is not None:
        said = _apply_to_bend(strip, bend, sheet, job, place, number)
    changes.mark_changed()
    return said


def _apply_preset(strip: ImageStrip, job: Job, presets: Sequence[Preset]) -> str:
    """Put a preset in place of the bends, with its parameters as the cell shows them until they are baked."""
    preset = axes.preset_of(presets, job)
    if preset is None:
        return "This is the look from before; Undo brings it back"
    replace_by(strip, preset)
    (frame,) = job.frames
    settings = strip.bend_settings
    time = time_in_scene(settings, Placement.of(strip), frame.number)
    for holder, values in ((settings, frame.strip), *zip(settings.bends, frame.values, strict=True)):
        for item, parameter in holder.shown_parameters():
            if parameter.name in values and not strips.is_animated(strip, item.key):
                strip[item.key] = values[parameter.name] - (time if parameter == SCENE_TIME else 0.0)
    return f"{preset.name}: bake to make it follow the sound; Undo brings the former bends back"


def _bend(strip: ImageStrip, place: int) -> BEND_PG_bend:
    enabled = [bend for bend in strip.bend_settings.bends if bend.enabled]
    if place >= len(enabled):
        raise BendError(Code.PARAMETER_INVALID, "The bend of this sheet is gone.", "Explore again.")
    return enabled[place]


def _refuse_driven(strip: ImageStrip, bend: BEND_PG_bend, kinds: Iterable[Kind]) -> None:
    if not {Kind.VALUES, Kind.OPERATORS} & set(kinds):
        return
    for item, parameter in bend.shown_parameters():
        if drivers.of(strip.id_data, strips.data_path(strip, item.key)):
            raise BendError(
                Code.PARAMETER_INVALID, f"{parameter.label} is driven.", "Delete its driver to set it from here."
            )


def _apply_to_bend(strip: ImageStrip, bend: BEND_PG_bend, sheet: Sheet, job: Job, place: int, number: int) -> str:
    kinds, wanted = {sheet.rows.kind, sheet.columns.kind}, job.bends[place]
    said = ""
    if Kind.OPERATORS in kinds and bend.operator != wanted.operator:
        if any(strips.is_animated(strip, item.key) or item.routed for item, _ in _lost(bend)):
            said = "The former operator's curves and routes are gone; Undo brings them back"
        bend.operator = wanted.operator
    if Kind.OPERATORS in kinds:
        for name, value in wanted.choices.items():
            bend.set_choice(name, value)
    if Kind.SITES in kinds and bend.site != wanted.site:
        bend.site = wanted.site
    if Kind.STEPS in kinds:
        bend.start, bend.end = wanted.start, wanted.end
    keyed = _set_values(strip, bend, job.frames[0].values[place], _compared(sheet, place), number)
    return said or keyed


def _lost(bend: BEND_PG_bend) -> list[tuple[Any, Parameter]]:
    """The operator's own parameters, which another one does not have."""
    return [(item, parameter) for item, parameter in bend.shown_parameters() if parameter != MIX]


def _compared(sheet: Sheet, place: int) -> set[str] | None:
    """The parameters in which the cells differ; None for all of them."""
    kinds = {sheet.rows.kind, sheet.columns.kind}
    if kinds & {Kind.OPERATORS, Kind.SITES}:
        return None
    if Kind.VALUES not in kinds:
        return set()
    base = sheet.job.frames[0].values[place]
    lines = (sheet.rows if sheet.rows.kind == Kind.VALUES else sheet.columns).lines
    found = [line.change(sheet.job).frames[0].values[place] for line in lines]
    return {name for values in found for name in values if values[name] != base.get(name)}


def _set_values(
    strip: ImageStrip, bend: BEND_PG_bend, values: dict[str, float], names: set[str] | None, number: int
) -> str:
    """Set parameters: with a keyframe where there is a curve."""
    keyed = []
    for item, parameter in bend.shown_parameters():
        if parameter.name not in values or (names is not None and parameter.name not in names):
            continue
        value, curve = values[parameter.name], strips.find_curve(strip, item.key)
        if curve is None or curve.mute or curve.is_empty:
            strip[item.key] = value
        elif settle(curve.evaluate(number)) != value:
            keys.set_hand_keys(curve, np.array([float(number)]), np.array([value]))
            strip[item.key] = value
            keyed.append(parameter.label)
    return f"Inserted a keyframe on frame {number}: {', '.join(keyed)}" if keyed else ""
