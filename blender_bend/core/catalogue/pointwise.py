"""Operators on every number by itself."""

from __future__ import annotations

from .terms import Operator, Parameter, Unit

FAMILY = "Point-wise"

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
        family=FAMILY,
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
        family=FAMILY,
        source="JAES25, multiply",
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
        family=FAMILY,
        source="DAFx24, threshold: x where |x| >= r, else 0",
    ),
)
