"""Operators that grow, shrink, blur and outline what is there."""

from __future__ import annotations

from .terms import Operator, Parameter, Unit

FAMILY = "Shape"

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
        "dilate",
        label="Dilate",
        summary="Grows the strong parts: soft focus, bloom and blobs",
        parameters=(_RADIUS,),
        family=FAMILY,
        source="DAFx24, dilation; window of side 2r + 1",
        spatial=True,
    ),
    Operator(
        "erode",
        label="Erode",
        summary="Grows the weak parts: outlines and painted patches",
        parameters=(_RADIUS,),
        family=FAMILY,
        source="DAFx24, erosion; window of side 2r + 1",
        spatial=True,
    ),
)
