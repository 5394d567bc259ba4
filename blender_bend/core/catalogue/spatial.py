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
    summary="What shows where the picture ends: nothing (grey), its last cells, its mirror image, or its other side",
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
        summary="Turns the picture about its middle; between cells noise is averaged, so early it also washes out",
        parameters=(
            Parameter(
                "angle",
                label="Angle",
                summary="Counter-clockwise",
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
        summary="Magnifies about the middle: above 1 closer, below 1 further away; early it also washes out",
        parameters=(
            Parameter(
                "factor",
                label="Factor",
                summary="1 changes nothing, 2 doubles the size, below 0 it stands on its head",
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
        summary="Shifts the picture: things stand elsewhere; whole cells stay crisp, parts of cells wash out early",
        parameters=(
            _fraction("x", "X", "To the right, as a part of the width", default=0.125, reach=0.5),
            _fraction("y", "Y", "Upwards, as a part of the height", default=0.125, reach=0.5),
        ),
        choices=(AROUND,),
        family=FAMILY,
        source="Broad, Leymarie & Grierson 2021, translate; y upwards, as in Blender",
        spatial=True,
    ),
    Operator(
        "shear",
        label="Shear",
        summary="Slants the picture: the scene leans; early it also washes out",
        parameters=(
            _fraction("x", "X", "How far the top leans to the right, per height", default=0.25, reach=1.0),
            _fraction("y", "Y", "How far the right side is lifted, per width", default=0.125, reach=1.0),
        ),
        choices=(BORDER,),
        family=FAMILY,
        source="Bend",
        spatial=True,
    ),
    Operator(
        "flip",
        label="Flip",
        summary="Turns the picture over; at single layers the scene and its mirror image grow into each other",
        parameters=(),
        choices=(
            Choice(
                "axis",
                label="Axis",
                summary="Horizontal swaps left and right, vertical top and bottom",
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
        summary="Mirrors one half onto the other: early a symmetric scene, late a Rorschach picture",
        parameters=(),
        choices=(
            Choice(
                "side",
                label="Side",
                summary="The half that is kept and mirrored onto the other",
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
        summary="Repeats and mirrors one wedge around the middle: early one round thing, late a kaleidoscope",
        parameters=(
            Parameter(
                "segments",
                label="Segments",
                summary="How many wedges there are around the middle; whole numbers from 2 to 16",
                neutral=None,
                default=6.0,
                soft=(2.0, 16.0),
                minimum=2.0,
                maximum=16.0,
            ),
            Parameter(
                "angle",
                label="Angle",
                summary="Where in the picture the wedge is taken from",
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
        summary="Bends the picture in waves, like water: early it also washes out, late wavy edges",
        parameters=(
            Parameter(
                "amplitude",
                label="Amplitude",
                summary="How far the waves carry, in cells of the tensor (a latent cell is 8 pixels)",
                neutral=0.0,
                default=2.0,
                soft=(-8.0, 8.0),
                unit=Unit.CELL,
            ),
            Parameter(
                "wavelength",
                label="Wavelength",
                summary="From crest to crest, in cells of the tensor",
                neutral=None,
                default=16.0,
                soft=(2.0, 64.0),
                minimum=1.0,
                unit=Unit.CELL,
            ),
            Parameter(
                "phase",
                label="Phase",
                summary="Moves the waves along; animate it and they travel",
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
                summary="Rings around the middle, rows swaying sideways, or columns swaying up and down",
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
