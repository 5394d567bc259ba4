"""Operators that move the picture: turned, scaled, shifted, mirrored, rippled."""

from __future__ import annotations

import math
from dataclasses import replace

from .terms import Choice, Operator, Parameter, Unit

FAMILY = "Space"
TAU = math.tau

BORDER = Choice(
    "border",
    label="Border",
    summary="What to show beyond the picture's edge: nothing (gray), its last cells, its mirror image, or its "
    "other side",
    options=("empty", "repeat", "mirror", "wrap"),
    default="mirror",
)
#: What is shifted at every step leaves through one side; coming in again at the other it stays a picture.
AROUND = replace(BORDER, default="wrap")


def _fraction(name: str, label: str, summary: str, default: float, reach: float) -> Parameter:
    return Parameter(name, label, summary, neutral=0.0, default=default, soft=(-reach, reach), unit=Unit.FACTOR)


OPERATORS: tuple[Operator, ...] = (
    Operator(
        "rotate_picture",
        label="Rotate Picture",
        summary="Rotate the picture about its center; interpolation averages noise, so early it also washes out",
        parameters=(
            Parameter(
                "angle",
                label="Angle",
                summary="Rotation angle, counterclockwise",
                neutral=0.0,
                default=TAU / 24,
                soft=(-TAU / 2, TAU / 2),
                unit=Unit.RADIAN,
            ),
        ),
        choices=(BORDER,),
        family=FAMILY,
        source="Broad, Leymarie & Grierson 2021, rotate; bilinear about the middle",
        spatial=True,
    ),
    Operator(
        "zoom",
        label="Zoom",
        summary="Zoom about the center: above 1 closer, below 1 farther away; early it also washes out",
        parameters=(
            Parameter(
                "factor",
                label="Factor",
                summary="Zoom factor: 1 changes nothing, 2 doubles the size, negative values turn the picture "
                "upside down",
                neutral=1.0,
                default=1.25,
                soft=(0.25, 4.0),
                unit=Unit.FACTOR,
            ),
        ),
        choices=(BORDER,),
        family=FAMILY,
        source="Broad, Leymarie & Grierson 2021, scale; held away from 0",
        spatial=True,
    ),
    Operator(
        "translate",
        label="Translate",
        summary="Shift the picture; whole cells stay crisp, fractions of cells wash out early",
        parameters=(
            _fraction("x", "X", "Shift to the right as a fraction of the width", default=0.125, reach=0.5),
            _fraction("y", "Y", "Shift upward as a fraction of the height", default=0.125, reach=0.5),
        ),
        choices=(AROUND,),
        family=FAMILY,
        source="Broad, Leymarie & Grierson 2021, translate; y upward, as in Blender",
        spatial=True,
    ),
    Operator(
        "shear",
        label="Shear",
        summary="Slant the picture: the scene leans; early it also washes out",
        parameters=(
            _fraction("x", "X", "Lean of the top to the right, per height", default=0.25, reach=1.0),
            _fraction("y", "Y", "Lift of the right side, per width", default=0.125, reach=1.0),
        ),
        choices=(BORDER,),
        family=FAMILY,
        source="Bend",
        spatial=True,
    ),
    Operator(
        "flip",
        label="Flip",
        summary="Flip the picture; at single layers the scene and its mirror image merge",
        parameters=(),
        choices=(
            Choice(
                "axis",
                label="Axis",
                summary="Horizontal swaps left and right, vertical swaps top and bottom",
                options=("horizontal", "vertical", "both"),
                default="horizontal",
            ),
        ),
        family=FAMILY,
        source="Broad, Leymarie & Grierson 2021, flip-h and flip-v",
        spatial=True,
    ),
    Operator(
        "mirror",
        label="Mirror",
        summary="Mirror one half onto the other: early a symmetric scene, late a Rorschach picture",
        parameters=(),
        choices=(
            Choice(
                "side",
                label="Side",
                summary="The half to keep and mirror onto the other",
                options=("left", "right", "top", "bottom"),
                default="left",
            ),
        ),
        family=FAMILY,
        source="Bend",
        spatial=True,
    ),
    Operator(
        "kaleidoscope",
        label="Kaleidoscope",
        summary="Repeat and mirror a wedge around the center: early a single round object, late a kaleidoscope",
        parameters=(
            Parameter(
                "segments",
                label="Segments",
                summary="Number of wedges around the center; whole numbers from 2 to 16",
                neutral=None,
                default=6.0,
                soft=(2.0, 16.0),
                minimum=2.0,
                maximum=16.0,
            ),
            Parameter(
                "angle",
                label="Angle",
                summary="Angle at which the wedge is taken from the picture",
                neutral=None,
                default=0.0,
                soft=(-TAU / 2, TAU / 2),
                unit=Unit.RADIAN,
            ),
        ),
        choices=(BORDER,),
        family=FAMILY,
        source="Bend",
        spatial=True,
    ),
    Operator(
        "ripple",
        label="Ripple",
        summary="Distort the picture in waves, like water: early it also washes out, late wavy edges",
        parameters=(
            Parameter(
                "amplitude",
                label="Amplitude",
                summary="Displacement of the waves, in cells of the tensor (a latent cell is 8 pixels)",
                neutral=0.0,
                default=2.0,
                soft=(-8.0, 8.0),
                unit=Unit.CELL,
            ),
            Parameter(
                "wavelength",
                label="Wavelength",
                summary="Distance from crest to crest, in cells of the tensor",
                neutral=None,
                default=16.0,
                soft=(2.0, 64.0),
                minimum=1.0,
                unit=Unit.CELL,
            ),
            Parameter(
                "phase",
                label="Phase",
                summary="Position of the waves; animate it to make them travel",
                neutral=None,
                default=0.0,
                soft=(-TAU, TAU),
                unit=Unit.RADIAN,
            ),
        ),
        choices=(
            Choice(
                "direction",
                label="Direction",
                summary="Rings around the center, rows swaying sideways, or columns swaying up and down",
                options=("radial", "horizontal", "vertical"),
                default="radial",
            ),
            BORDER,
        ),
        family=FAMILY,
        source="Bend",
        spatial=True,
    ),
)
