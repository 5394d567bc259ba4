"""Operators that follow what a network has learned."""

from __future__ import annotations

from .terms import Choice, Operator, Parameter

FAMILY = "Learned"

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "add_direction",
        label="Follow Direction",
        summary=(
            "Move the picture along one of the ten main directions in which the model's pictures differ. "
            "Requires a one-time study of the model"
        ),
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="Distance along the direction; 1 is the usual variation between pictures",
                neutral=0.0,
                default=2.0,
                soft=(-5.0, 5.0),
            ),
        ),
        choices=(
            Choice(
                "direction",
                label="Direction",
                summary="Number of the direction; 1 is the one in which pictures differ most",
                options=tuple(str(number) for number in range(1, 11)),
                default="1",
            ),
        ),
        family=FAMILY,
        source="h-space PCA, after ComfyUI-Model-Bending: there one scale of about 2000, here standard deviations",
    ),
)
