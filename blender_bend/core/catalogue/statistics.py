"""Operators that set the strength and the means of a tensor, and the matrix exponential."""

from __future__ import annotations

from ..site_kinds import MODULE_KINDS
from .terms import Choice, Operator, Parameter

FAMILY = "Statistics"

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "normalise",
        label="Normalize",
        summary="Bring values back into range after another bend, such as dilate, erode, gradient or a raw matrix",
        parameters=(),
        choices=(
            Choice(
                "form",
                label="Form",
                summary="Center subtracts the mean; peak scales the largest value to 1, unit scales each cell to "
                "strength 1",
                options=("centre", "centre channels", "centre rows", "centre columns", "peak", "unit"),
                default="centre",
            ),
        ),
        family=FAMILY,
        source="DAFx24, normalize: peak; normalize2: unit; normalize3: center; normalize4: channels, rows, columns",
    ),
    Operator(
        "matrix_exponential",
        label="Matrix Exponential",
        summary="Take the matrix exponential of each channel: a diagonal line on a flat background; use a low mix",
        parameters=(
            Parameter(
                "scale",
                label="Scale",
                summary="Factor applied beforehand; large pictures and inner layers explode sooner",
                neutral=None,
                default=0.02,
                soft=(0.0, 0.05),
                tighter=dict.fromkeys(MODULE_KINDS, (0.0, 0.002)),
            ),
        ),
        family=FAMILY,
        source="DAFx24, tensor_exp (scale 1)",
        spatial=True,
    ),
)
