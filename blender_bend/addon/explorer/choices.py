"""What the explorer is asked to compare, as Blender properties."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import ImageStrip, PropertyGroup, WindowManager

from ...core import catalogue
from ...core.presets.presets import Preset
from ...core.sheets.asked import Asked
from ...core.sheets.kinds import Kind
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
