"""Every bend operator in words and numbers; the engine carries them out, the interface shows them."""

from __future__ import annotations

from ..errors import BendError, Code
from . import (
    channels,
    directions,
    frequency,
    morphology,
    pointwise,
    regions,
    scenes,
    spatial,
    statistics,
    stochastic,
    strip,
)
from .terms import Choice, Operator, Parameter, Region, Restoration, Unit

__all__ = [
    "EVERYWHERE",
    "MASK",
    "MIX",
    "OPERATORS",
    "REGIONS",
    "RESTORATIONS",
    "Choice",
    "Operator",
    "Parameter",
    "Region",
    "Restoration",
    "Unit",
    "scenes",
    "strip",
]

MIX = Parameter(
    "mix",
    label="Mix",
    summary="How much of the bend is applied: 0 leaves the picture unchanged, 1 bends fully",
    neutral=0.0,
    default=1.0,
    soft=(0.0, 1.0),
    minimum=0.0,
    maximum=1.0,
    unit=Unit.FACTOR,
)

OPERATORS: tuple[Operator, ...] = (
    *pointwise.OPERATORS,
    *channels.OPERATORS,
    *spatial.OPERATORS,
    *morphology.OPERATORS,
    *frequency.OPERATORS,
    *stochastic.OPERATORS,
    *statistics.OPERATORS,
    *directions.OPERATORS,
)

BY_NAME = {operator.name: operator for operator in OPERATORS}


def operator(name: str) -> Operator:
    """The operator of that name.

    Raises
    ------
    BendError(OPERATOR_UNKNOWN)
    """
    found = BY_NAME.get(name)
    if found is None:
        raise BendError(Code.OPERATOR_UNKNOWN, f"Operator '{name}' not found.", f"Choose one of: {', '.join(BY_NAME)}.")
    return found


REGIONS = regions.REGIONS
EVERYWHERE, MASK = regions.EVERYWHERE, regions.MASK

#: What is put back after a bend, with words for the tooltip.
RESTORATIONS: tuple[tuple[Restoration, str, str], ...] = (
    (Restoration.NOTHING, "Nothing", "Leave the result of the bend unchanged"),
    (
        Restoration.STATISTICS,
        "Mean and Deviation",
        "Restore the mean and standard deviation of every channel, which keeps strong bends within the range the "
        "network knows",
    ),
    (Restoration.ENERGY, "Energy", "Restore the overall strength, so the picture neither fades nor burns out"),
)


def region(name: str) -> Region:
    """The region of that name.

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    found = next((region for region in REGIONS if region.name == name), None)
    if found is None:
        known = ", ".join(region.name for region in REGIONS)
        raise BendError(Code.PARAMETER_INVALID, f"Region '{name}' not found.", f"Choose one of: {known}.")
    return found


def animated_parameters(operator_name: str, region_name: str = EVERYWHERE) -> tuple[Parameter, ...]:
    """The mix, the operator's own parameters and the region's: everything of a bend that has a curve."""
    return (MIX, *operator(operator_name).parameters, *region(region_name).parameters)


def animated_parameter(name: str, operator_name: str, region_name: str = EVERYWHERE) -> Parameter:
    """One of the animated parameters of a bend, by its name."""
    return next(parameter for parameter in animated_parameters(operator_name, region_name) if parameter.name == name)
