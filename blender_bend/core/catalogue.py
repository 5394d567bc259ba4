"""Every bend operator in words and numbers; the engine carries them out, the interface shows them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from .errors import BendError, Code

TAU = math.tau
PLANES = ("0-1", "0-2", "0-3", "1-2", "1-3", "2-3")


class Unit(StrEnum):
    """How a parameter is measured, and so how the interface shows it."""

    NUMBER = "number"
    FACTOR = "factor"
    RADIAN = "radian"
    CELL = "cell"
    SIGMA = "sigma"


@dataclass(frozen=True)
class Parameter:
    """A number that can be animated and routed.

    Parameters
    ----------
    neutral : the value at which the operator leaves its input as it is
    default : the value of a new bend
    minimum, maximum : hard limits
    soft : the range that an artist usually wants; sliders and new routes take it
    """

    name: str
    label: str
    summary: str
    neutral: float
    default: float
    soft: tuple[float, float]
    minimum: float = -1000.0
    maximum: float = 1000.0
    unit: Unit = Unit.NUMBER


@dataclass(frozen=True)
class Choice:
    """A setting of an operator that is chosen once and not animated."""

    name: str
    label: str
    summary: str
    options: tuple[str, ...]
    default: str


@dataclass(frozen=True)
class Operator:
    """One function on a tensor, described.

    Parameters
    ----------
    spatial : needs rows and columns, so it works on ``[B, C, H, W]`` only
    source : the paper and equation, or whose idea it is
    """

    name: str
    label: str
    summary: str
    parameters: tuple[Parameter, ...]
    source: str
    choices: tuple[Choice, ...] = ()
    spatial: bool = False

    def is_neutral(self, values: dict[str, float]) -> bool:
        """Whether the operator at these values returns its input."""
        return all(values.get(p.name, p.default) == p.neutral for p in self.parameters)


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

_RADIUS = Parameter(
    "radius",
    label="Radius",
    summary="Reach in cells of the tensor (a latent cell is 8 pixels); values between whole numbers blend",
    neutral=0.0,
    default=1.0,
    soft=(0.0, 3.0),
    minimum=0.0,
    maximum=16.0,
    unit=Unit.CELL,
)

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "add",
        label="Add",
        summary="Adds a number everywhere: early it changes the scene, late it tints",
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="What is added; a latent has a spread of about 1",
                neutral=0.0,
                default=0.5,
                soft=(-2.0, 2.0),
                unit=Unit.SIGMA,
            ),
        ),
        source="DAFx24, add_full",
    ),
    Operator(
        "multiply",
        label="Multiply",
        summary="Strengthens or weakens the signal: above 1 more contrast and detail, 0 silences the site",
        parameters=(
            Parameter(
                "factor",
                label="Factor",
                summary="1 changes nothing, 0 silences, 2 doubles",
                neutral=1.0,
                default=1.5,
                soft=(0.0, 3.0),
                unit=Unit.FACTOR,
            ),
        ),
        source="JAES25, multiply",
    ),
    Operator(
        "rotate_channels",
        label="Rotate Channels",
        summary="Turns two channels into each other: early it changes the scene, late it turns the colour wheel",
        parameters=(
            Parameter(
                "angle",
                label="Angle",
                summary="How far the plane of the two channels is turned",
                neutral=0.0,
                default=TAU / 8,
                soft=(-TAU, TAU),
                unit=Unit.RADIAN,
            ),
        ),
        choices=(
            Choice(
                "plane",
                label="Plane",
                summary="The two channels that are turned into each other; each pair changes other colours",
                options=PLANES,
                default="1-2",
            ),
        ),
        source="DAFx24, R1 (plane 1-2), R2 (0-2), R3 (0-3), R4 (0-1); R2 and R3 turn the other way there",
    ),
    Operator(
        "threshold",
        label="Threshold",
        summary="Silences everything weaker than a level: early the scene collapses to bold shapes, late it speckles",
        parameters=(
            Parameter(
                "level",
                label="Level",
                summary="Values nearer to zero than this become zero",
                neutral=0.0,
                default=0.5,
                soft=(0.0, 1.5),
                minimum=0.0,
                unit=Unit.SIGMA,
            ),
        ),
        source="DAFx24, threshold: x where |x| >= r, else 0",
    ),
    Operator(
        "dilate",
        label="Dilate",
        summary="Grows the strong parts: soft focus, bloom and blobs",
        parameters=(_RADIUS,),
        source="DAFx24, dilation; window of side 2r + 1",
        spatial=True,
    ),
    Operator(
        "erode",
        label="Erode",
        summary="Grows the weak parts: outlines and painted patches",
        parameters=(_RADIUS,),
        source="DAFx24, erosion; window of side 2r + 1",
        spatial=True,
    ),
    Operator(
        "add_noise",
        label="Add Noise",
        summary="Adds seeded noise, the same on every frame: early a new scene, late grain",
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="Strength of the noise; a latent has a spread of about 1",
                neutral=0.0,
                default=0.3,
                soft=(0.0, 1.5),
                minimum=0.0,
                unit=Unit.SIGMA,
            ),
        ),
        source="DAFx24, add_noise, with the seed drawn from (seed, step, site)",
    ),
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
