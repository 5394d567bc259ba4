"""Operators that mix the channels of a tensor."""

from __future__ import annotations

import math

from .terms import VARIATION, Choice, Operator, Parameter, Unit

FAMILY = "Channels"
TAU = math.tau
#: The six planes of four channels, and the two that the papers turn the other way.
PLANES = ("0-1", "0-2", "0-3", "1-2", "1-3", "2-3", "2-0", "3-0")
#: The planes of ``six_plane_rotation``, in the order in which their matrices are multiplied.
SIX_PLANES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_NUMBER = r"(0|[1-9]\d{0,3})"


def _angle(name: str, label: str, summary: str) -> Parameter:
    return Parameter(name, label, summary, neutral=0.0, default=TAU / 8, soft=(-TAU, TAU), unit=Unit.RADIAN)


OPERATORS: tuple[Operator, ...] = (
    Operator(
        "rotate_channels",
        label="Rotate Channels",
        summary="Rotate two channels into each other: early it changes the scene, late it turns the color wheel",
        parameters=(_angle("angle", "Angle", "Rotation angle in the plane of the two channels"),),
        choices=(
            Choice(
                "plane",
                label="Plane",
                summary="The two channels to rotate into each other; each pair changes different colors",
                options=PLANES,
                default="1-2",
                pattern=rf"{_NUMBER}-(?!\1$){_NUMBER}",
            ),
            Choice(
                "repeat",
                label="Repeat",
                summary="Rotate once, or in every group of four channels, for network layers with hundreds of channels",
                options=("once", "every four"),
                default="once",
            ),
        ),
        family=FAMILY,
        source="DAFx24, R1 (plane 1-2), R2 (2-0), R3 (3-0), R4 (0-1)",
    ),
    Operator(
        "six_plane_rotation",
        label="Six-Plane Rotation",
        summary="Rotate four channels in all six planes at once: early from scene to scene, late through all colors",
        parameters=tuple(
            _angle(f"angle_{a}{b}", f"Angle {a}-{b}", f"Rotation angle of channels {a} and {b}") for a, b in SIX_PLANES
        ),
        family=FAMILY,
        source="JAES25, six_plane_rotation: G01 G02 G03 G12 G13 G23; on every full group of four channels",
    ),
    Operator(
        "channel_matrix",
        label="Channel Matrix",
        summary="Mix all channels by a matrix: early it changes the scene, later materials, late colors",
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="Strength of the mixing; 0 changes nothing",
                neutral=0.0,
                default=0.5,
                soft=(-1.0, 1.0),
                unit=Unit.FACTOR,
            ),
        ),
        choices=(
            Choice(
                "form",
                label="Form",
                summary="Normalized adds the matrix with its gain set to 1; raw replaces the picture with its result",
                options=("normalised", "raw"),
                default="normalised",
            ),
            Choice(
                "matrix",
                label="Matrix",
                summary="Matrix elements row by row, channels × channels numbers. Empty: a random matrix from the seed",
                options=("",),
                default="",
                pattern=r"[-+0-9.eE,;\s]*",
            ),
            VARIATION,
        ),
        family=FAMILY,
        source="JAES25, tensor_multiply (raw, amount 1); normalized is Bend's: I + s A / (spectral norm of A)",
    ),
    Operator(
        "reflect",
        label="Reflect Channel",
        summary="Negate one channel: early a new object, later different light or colors, late grain",
        parameters=(),
        choices=(
            Choice(
                "channel",
                label="Channel",
                summary="Channel to negate: 0 swaps light and shade, 1 gives magenta and purple, 2 a cyan glow, "
                "3 dark orange",
                options=("0", "1", "2", "3"),
                default="0",
                pattern=_NUMBER,
            ),
        ),
        family=FAMILY,
        source="DAFx24, reflect: identity with M[i, i] = -1",
    ),
    Operator(
        "hadamard",
        label="Hadamard",
        summary="Mix all channels as sums and differences: early a different scene, late otherworldly colors",
        parameters=(),
        choices=(
            Choice(
                "form",
                label="Form",
                summary="Orthogonal preserves the strength, raw is stronger; raw rows mixes rows and tips the "
                "picture over",
                options=("orthogonal", "raw", "raw rows"),
                default="orthogonal",
            ),
        ),
        family=FAMILY,
        source="DAFx24, hadamard1 (raw), hadamard2 (raw rows); orthogonal is divided by the root of the size",
    ),
    Operator(
        "permute_channels",
        label="Permute Channels",
        summary="Shuffle the channels with the seed: early a new scene, late false colors",
        parameters=(),
        choices=(VARIATION,),
        family=FAMILY,
        source="Bend: one seeded cycle through all channels, so that none stays",
    ),
    Operator(
        "roll_channels",
        label="Roll Channels",
        summary="Shift every channel to the next: late, colors trade places; inside the network, features do",
        parameters=(
            Parameter(
                "shift",
                label="Shift",
                summary="Number of channels to shift by; fractions blend neighbors",
                neutral=0.0,
                default=1.0,
                soft=(-4.0, 4.0),
                inside=(-32.0, 32.0),
                tighter={"text": (-3.0, 3.0), "vae": (-8.0, 8.0)},
            ),
        ),
        family=FAMILY,
        source="Bend: y[c] = x[c - shift], round the end",
    ),
)
