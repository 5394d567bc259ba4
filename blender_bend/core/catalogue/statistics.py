"""Operators that set the strength and the means of a tensor, and the matrix exponential."""

from __future__ import annotations

from .terms import Choice, Operator, Parameter

FAMILY = "Statistics"

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "normalise",
        label="Normalise",
        summary="Brings what another bend threw far off back into reach; put it after dilate, gradient or a raw matrix",
        parameters=(),
        choices=(
            Choice(
                "form",
                label="Form",
                summary="Peak sets the largest value to 1, unit the strength of each cell; centre takes the mean away",
                options=("peak", "unit", "centre", "centre channels", "centre rows", "centre columns"),
                default="peak",
            ),
        ),
        family=FAMILY,
        source="DAFx24, normalize: peak; normalize2: unit; normalize3: centre; normalize4: channels, rows, columns",
    ),
    Operator(
        "matrix_exponential",
        label="Matrix Exponential",
        summary="Takes each channel as a matrix to its exponential: a bright diagonal with echoes of the picture",
        parameters=(
            Parameter(
                "scale",
                label="Scale",
                summary="What the picture is multiplied by before; above 0.5 it explodes",
                neutral=None,
                default=0.05,
                soft=(0.0, 0.3),
            ),
        ),
        family=FAMILY,
        source="DAFx24, tensor_exp (scale 1)",
        spatial=True,
    ),
)
