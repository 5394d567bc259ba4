"""What an explorer is asked to compare, as Blender properties and as plain data, and the sheet that it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import ImageStrip, PropertyGroup, WindowManager

from ...core import catalogue
from ...core.errors import BendError, Code
from ...core.job.job import Job
from ...core.presets.presets import Preset
from ...core.sheets import axes
from ...core.sheets.sheet import OF_BEND, Axis, Kind, Sheet
from ..film.snapshot import time_in_scene
from ..gallery import library
from ..timeline.timing import Placement
from . import opened

_KINDS = (
    (Kind.PRESETS, "Presets", "Presets in place of the strip's bends"),
    (Kind.SOUND, "Sound", "How presets look from silence to loud sound"),
    (Kind.SITES, "Sites", "Places in the network where the active bend can act"),
    (Kind.OPERATORS, "Operators", "Other operators for the active bend"),
    (Kind.STEPS, "Steps", "Parts of the denoising during which the active bend acts"),
    (Kind.VALUES, "Values", "Values of a parameter of the active bend"),
    (Kind.SEEDS, "Seeds", "Seeds of the initial noise: other pictures of the same look"),
    (Kind.PROMPTS, "Prompts", "Prompts for the same look"),
)
#: Here, for in Python 3.11 what lies within an annotation does not see the names of its module.
_PRESETS = [(name, label, words) for name, label, words in library.KINDS if name != library.OPERATORS]
_ITEMS = [(str(kind), label, words, "", number) for number, (kind, label, words) in enumerate(_KINDS)]


@dataclass(frozen=True)
class Asked:
    """What is compared.

    Parameters
    ----------
    across, down : how many columns and rows at most
    parameter : whose values are compared; empty for the operator's first one
    prompts : with | between them
    presets : those that are compared
    finish : whether drafts are followed by pictures of full quality
    time : of a procedural scene on this frame
    """

    rows: Kind = Kind.SITES
    columns: Kind = Kind.VALUES
    down: int = 8
    across: int = 5
    parameter: str = ""
    prompts: str = ""
    presets: tuple[Preset, ...] = ()
    finish: bool = True
    time: float = 0.0

    def sheet(self, job: Job, place: int | None) -> Sheet:
        """The sheet of a job.

        Parameters
        ----------
        place : of the active bend among those of the job; None if there is none

        Raises
        ------
        BendError if something is asked for that there is not
        """
        if self.rows == self.columns:
            raise BendError(
                Code.PARAMETER_INVALID, "Rows and columns compare the same thing.", "Choose another one for either."
            )
        if Kind.SOUND in {self.rows, self.columns} and Kind.PRESETS not in {self.rows, self.columns}:
            raise BendError(
                Code.PARAMETER_INVALID,
                "Sound is compared for presets alone.",
                "Choose Presets for the rows, or something else than Sound.",
            )
        if Kind.PRESETS in {self.rows, self.columns} and {self.rows, self.columns} & set(OF_BEND):
            raise BendError(
                Code.PARAMETER_INVALID,
                "Presets have bends of their own, so the active bend cannot be compared.",
                "Choose Sound, Seeds or Prompts for the columns.",
            )
        if place is None and {self.rows, self.columns} & set(OF_BEND):
            raise BendError(
                Code.PARAMETER_INVALID,
                "The strip has no active bend to explore.",
                "Add a bend, or enable the active one.",
            )
        rows = self._axis(job, place, self.rows, self.down, self.columns)
        return Sheet(job, rows, self._axis(job, place, self.columns, self.across, self.rows))

    def _axis(self, job: Job, place: int | None, kind: Kind, most: int, other: Kind) -> Axis:
        if kind == Kind.PROMPTS:
            return axes.prompts(job, self.prompts.split("|"), most)
        if kind == Kind.PRESETS:
            return axes.presets(self.presets, most, self.time)
        if kind == Kind.SOUND:
            return axes.sound(self.presets, most, self.time)
        if kind == Kind.SEEDS:
            return axes.seeds(job, most)
        assert place is not None
        if kind == Kind.VALUES:
            bend = job.bends[place]
            names = [parameter.name for parameter in catalogue.animated_parameters(bend.operator, bend.region)]
            usual = axes.main_parameter(bend.operator, bend.region).name
            return axes.values(job, place, self.parameter if self.parameter in names else usual, most, other)
        found = {Kind.OPERATORS: axes.operators, Kind.SITES: axes.sites, Kind.STEPS: axes.steps}[kind]
        return found(job, place, most)


def place_of(strip: ImageStrip) -> int | None:
    """The place of the active bend among those that are enabled, which a job has; None if it is not among them."""
    settings = strip.bend_settings
    active = settings.bend
    if active is None or not active.enabled:
        return None
    return sum(1 for bend in settings.bends[: settings.active_bend] if bend.enabled)


def parameter_of(strip: ImageStrip) -> str:
    """The parameter of the active bend that the artist looks at; empty if there is none."""
    bend = strip.bend_settings.bend
    active = bend.active_route() if bend is not None else None
    return active[1].name if active is not None and active[1] != catalogue.MIX else ""


def _changed(self: Any, context: Any) -> None:
    opened.chosen = True


class BEND_PG_explorer(PropertyGroup):
    """What the explorer compares"""

    rows: EnumProperty(name="Rows", description="What the rows compare", items=_ITEMS, default=2, update=_changed)
    columns: EnumProperty(
        name="Columns", description="What the columns compare", items=_ITEMS, default=5, update=_changed
    )
    down: IntProperty(
        name="Rows", description="Largest number of rows", default=8, min=1, max=100, soft_max=12, update=_changed
    )
    across: IntProperty(
        name="Columns", description="Largest number of columns", default=5, min=1, max=30, soft_max=12, update=_changed
    )
    presets: EnumProperty(
        name="Presets",
        description="Which presets to compare",
        items=_PRESETS,
        update=_changed,
    )
    prompts: StringProperty(
        name="Prompts",
        description="Other prompts to compare, with | between them",
        default="golden desert dunes | violet city at night | dark green forest",
        update=_changed,
    )
    finish: BoolProperty(
        name="Full Quality",
        description="Once every cell has a draft, render them all as Preview Frame would",
        default=True,
        update=_changed,
    )

    def asked(self, strip: ImageStrip, number: int) -> Asked:
        """The same as plain data, for a frame of a strip."""
        return Asked(
            Kind(self.rows),
            Kind(self.columns),
            self.down,
            self.across,
            parameter_of(strip),
            self.prompts,
            self._presets() if Kind.PRESETS in {self.rows, self.columns} else (),
            self.finish,
            time_in_scene(strip.bend_settings, Placement.of(strip), number),
        )

    def _presets(self) -> tuple[Preset, ...]:
        """Those of the chosen kind that can be read."""
        entries = library.entries(self.presets)
        return tuple(library.preset_in(entry.path) for entry in entries if entry.path and not entry.problem)


def of_window_manager() -> BEND_PG_explorer:
    """What is chosen now."""
    window_manager: Any = bpy.context.window_manager
    chosen: BEND_PG_explorer = window_manager.bend_explorer
    return chosen


CLASSES = (BEND_PG_explorer,)


def register() -> None:
    """Keep the choices for as long as Blender runs."""
    WindowManager.bend_explorer = PointerProperty(type=BEND_PG_explorer, options={"SKIP_SAVE"})


def unregister() -> None:
    """Forget them."""
    del WindowManager.bend_explorer
