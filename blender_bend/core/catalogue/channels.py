"""Operators that mix the channels of a tensor."""

from __future__ import annotations

import math

from .terms import Choice, Operator, Parameter, Unit

FAMILY = "Channels"
TAU = math.tau
PLANES = ("0-1", "0-2", "0-3", "1-2", "1-3", "2-3")

OPERATORS: tuple[Operator, ...] = (
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
        family=FAMILY,
        source="DAFx24, R1 (plane 1-2), R2 (0-2), R3 (0-3), R4 (0-1); R2 and R3 turn the other way there",
    ),
)
