"""What a catalogue entry is made of: units, animated parameters, choices, operators, regions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..choices import Name
from ..site_kinds import MODULE_KINDS, SiteKind


class Restoration(Name):
    """What is put back after a bend."""

    NOTHING = "none"
    STATISTICS = "statistics"
    ENERGY = "energy"


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
    neutral : the value at which the operator leaves its input as it is; None if no value does (the mix still can)
    default : the value of a new bend
    minimum, maximum : hard limits
    soft : the range that an artist usually wants on a latent; sliders and new routes take it
    inside : the same on the layers of the network, whose numbers are larger; None means ``soft``
    tighter : by kind of site, a part of that range, where the rest of it would leave no picture
    """

    name: str
    label: str
    summary: str
    neutral: float | None
    default: float
    soft: tuple[float, float]
    minimum: float = -1000.0
    maximum: float = 1000.0
    unit: Unit = Unit.NUMBER
    inside: tuple[float, float] | None = None
    tighter: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)

    def soft_at(self, kind: str) -> tuple[float, float]:
        """The usual range at a kind of site (``latent``, ``unet`` ...)."""
        if kind in self.tighter:
            return self.tighter[kind]
        inside = kind in MODULE_KINDS
        return self.inside if inside and self.inside else self.soft

    def default_at(self, kind: str) -> float:
        """The value of a new bend at a kind of site, within its usual range."""
        low, high = self.soft_at(kind)
        return min(max(self.default, low), high)


def in_sigma(
    name: str,
    label: str,
    summary: str,
    *,
    neutral: float | None,
    default: float,
    soft: tuple[float, float],
    minimum: float = -1000.0,
    decoder: tuple[float, float] | None = None,
) -> Parameter:
    """A parameter measured in spreads of a latent; inside the network numbers are larger, and so is its range.

    Its usual range begins at 0 or below, so that each of these ranges holds the smaller ones.
    In mini's decoder, as in other tiny ones, they have a spread of 1/8, and no later step mends the picture.
    """
    low, high = soft
    return Parameter(
        name,
        label,
        summary,
        neutral=neutral,
        default=default,
        soft=soft,
        minimum=minimum,
        unit=Unit.SIGMA,
        inside=(4 * low, 4 * high),
        tighter={SiteKind.VAE: decoder or (low / 8, high / 8)},
    )


@dataclass(frozen=True)
class Choice:
    """A setting that is chosen once and not animated.

    Parameters
    ----------
    options : what the interface offers
    pattern : a regular expression if other text is allowed as well; empty if only the options are
    """

    name: str
    label: str
    summary: str
    options: tuple[str, ...]
    default: str
    pattern: str = ""

    def allows(self, value: object) -> bool:
        """Whether a value is an option, or fits the pattern."""
        if not isinstance(value, str):
            return False
        return value in self.options or bool(self.pattern and re.fullmatch(self.pattern, value))


#: Operators with chance have it, so that two of them at one place can differ.
VARIATION = Choice(
    "variation",
    label="Variation",
    summary="A different random variation for the same seed",
    options=("0",),
    default="0",
    pattern=r"\d{1,9}",
)


@dataclass(frozen=True)
class Operator:
    """One function on a tensor, described.

    Parameters
    ----------
    family : the heading under which the interface lists it
    spatial : needs rows and columns; tokens are laid out as the picture they stand for
    source : the paper and equation, or whose idea it is
    """

    name: str
    label: str
    summary: str
    parameters: tuple[Parameter, ...]
    source: str
    family: str
    choices: tuple[Choice, ...] = ()
    spatial: bool = False

    def is_neutral(self, values: dict[str, float]) -> bool:
        """Whether the operator at these values returns its input."""
        deciding = [p for p in self.parameters if p.neutral is not None]
        return bool(deciding) and all(values.get(p.name, p.default) == p.neutral for p in deciding)


@dataclass(frozen=True)
class Region:
    """A part of the picture that a bend can be kept to, described; its parameters are animated like a bend's own."""

    name: str
    label: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
