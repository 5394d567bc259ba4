"""Operators with seeded chance."""

from __future__ import annotations

from .terms import Operator, Parameter, Unit

FAMILY = "Chance"

OPERATORS: tuple[Operator, ...] = (
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
        family=FAMILY,
        source="DAFx24, add_noise, with the seed drawn from (seed, step, site)",
    ),
)
