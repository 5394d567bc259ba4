"""Operators that follow what a network has learned."""

from __future__ import annotations

from .terms import Choice, Operator, Parameter

FAMILY = "Learned"

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "add_direction",
        label="Follow Direction",
        summary=(
            "Moves the picture along one of the ten ways in which the network's own pictures differ most. "
            "Bend studies the model once for it"
        ),
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="How far: 1 is as far as pictures usually differ along this direction",
                neutral=0.0,
                default=2.0,
                soft=(-5.0, 5.0),
            ),
        ),
        choices=(
            Choice(
                "direction",
                label="Direction",
                summary="1 is the direction in which pictures differ most",
                options=tuple(str(number) for number in range(1, 11)),
                default="1",
            ),
        ),
        family=FAMILY,
        source="h-space PCA, after ComfyUI-Model-Bending: there one scale of about 2000, here standard deviations",
    ),
)
