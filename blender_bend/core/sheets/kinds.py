"""What the rows and columns of a sheet can differ in; it needs no package, for the command line names them first."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What the rows or columns of a sheet differ in, in the order in which they change a job."""

    PRESETS = "presets"
    SOUND = "sound"
    PROMPTS = "prompts"
    SEEDS = "seeds"
    OPERATORS = "operators"
    SITES = "sites"
    STEPS = "steps"
    VALUES = "values"


#: Of one bend; the others are of the whole look.
OF_BEND = (Kind.OPERATORS, Kind.SITES, Kind.STEPS, Kind.VALUES)
