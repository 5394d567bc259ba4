"""What a sheet is asked to compare, in the explorer's window or on the command line, and the sheet that it means."""

from __future__ import annotations

from dataclasses import dataclass

from .. import catalogue
from ..errors import BendError, Code
from ..job.job import Job
from ..presets.presets import Preset
from . import axes
from .kinds import OF_BEND, Kind
from .sheet import Axis, Sheet


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
