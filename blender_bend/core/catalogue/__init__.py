"""Every bend operator in words and numbers; the engine carries them out, the interface shows them."""

from __future__ import annotations

from ..errors import BendError, Code
from . import channels, frequency, morphology, pointwise, spatial, statistics, stochastic
from .terms import Choice, Operator, Parameter, Region, Unit

__all__ = ["MIX", "OPERATORS", "Choice", "Operator", "Parameter", "Region", "Unit"]

MIX = Parameter(
    "mix",
    label="Mix",
    summary="How much of the bend is heard: 0 leaves the picture as it is, 1 bends fully",
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
)

_BY_NAME = {operator.name: operator for operator in OPERATORS}


def operator(name: str) -> Operator:
    """The operator of that name.

    Raises
    ------
    BendError(OPERATOR_UNKNOWN)
    """
    found = _BY_NAME.get(name)
    if found is None:
        raise BendError(
            Code.OPERATOR_UNKNOWN, f"There is no operator '{name}'.", f"Choose one of: {', '.join(_BY_NAME)}."
        )
    return found


def animated_parameter(operator_name: str, name: str) -> Parameter:
    """One of the animated parameters of an operator, by its name."""
    return next(parameter for parameter in animated_parameters(operator_name) if parameter.name == name)


def animated_parameters(name: str) -> tuple[Parameter, ...]:
    """The mix and the operator's own parameters: everything of a bend that has a curve."""
    return (MIX, *operator(name).parameters)
