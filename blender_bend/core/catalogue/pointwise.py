"""Operators on every number by itself."""

from __future__ import annotations

import math

from .terms import Operator, Parameter, Unit, in_sigma

FAMILY = "Pointwise"

#: The limits of ``clamp``: at them nothing is held back at all.
UNCLAMPED = (-1000.0, 1000.0)

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "add",
        label="Add",
        summary="Add a number everywhere: early it changes the scene, late it tints",
        parameters=(
            in_sigma(
                "amount",
                "Amount",
                "Number to add; a latent has a standard deviation of about 1",
                neutral=0.0,
                default=0.5,
                soft=(-2.0, 2.0),
            ),
        ),
        family=FAMILY,
        source="DAFx24, add_full",
    ),
    Operator(
        "subtract",
        label="Subtract",
        summary="Subtract a number everywhere: early a different scene, late the opposite tint of Add",
        parameters=(
            in_sigma(
                "amount",
                "Amount",
                "Number to subtract; a latent has a standard deviation of about 1",
                neutral=0.0,
                default=0.5,
                soft=(-2.0, 2.0),
            ),
        ),
        family=FAMILY,
        source="DAFx24, subtract_full",
    ),
    Operator(
        "multiply",
        label="Multiply",
        summary="Strengthen or weaken the signal: above 1 more contrast and detail, 0 silences the site",
        parameters=(
            Parameter(
                "factor",
                label="Factor",
                summary="Factor to multiply by: 1 changes nothing, 0 silences, 2 doubles",
                neutral=1.0,
                default=1.5,
                soft=(0.0, 3.0),
                unit=Unit.FACTOR,
                tighter={"vae": (0.25, 3.0)},
            ),
        ),
        family=FAMILY,
        source="JAES25, multiply",
    ),
    Operator(
        "invert_offset",
        label="Invert and Offset",
        summary="Invert the picture and shift it: early a different scene, late opposite colors",
        parameters=(
            in_sigma(
                "offset",
                "Offset",
                "Number the values are subtracted from; 0 is the plain negative",
                neutral=None,
                default=1.0,
                soft=(-2.0, 2.0),
                decoder=(0.25, 1.0),
            ),
        ),
        family=FAMILY,
        source="DAFx24, inversion: 1/r - x, so the offset is 1/r; of StyleGAN bending, invert: 1 - x",
    ),
    Operator(
        "invert_sign",
        label="Invert Sign",
        summary="Negate the picture: early a different object, late light and dark and all colors trade places",
        parameters=(),
        family=FAMILY,
        source="DAFx24, inversion2: -x",
    ),
    Operator(
        "threshold",
        label="Threshold",
        summary="Silence everything weaker than a level: early the scene collapses to bold shapes, late it speckles",
        parameters=(
            in_sigma(
                "level",
                "Level",
                "Values closer to zero than this become zero",
                neutral=0.0,
                default=0.5,
                soft=(0.0, 1.5),
                minimum=0.0,
            ),
        ),
        family=FAMILY,
        source="DAFx24, threshold: x where |x| >= r, else 0",
    ),
    Operator(
        "binary_threshold",
        label="Binary Threshold",
        summary="Reduce everything to 1 and 0: hard cutout patches; use a low mix, a full one replaces everything",
        parameters=(
            in_sigma(
                "level",
                "Level",
                "Values above this become 1, all others 0",
                neutral=None,
                default=0.0,
                soft=(-1.5, 1.5),
                decoder=(0.0, 0.2),
            ),
        ),
        family=FAMILY,
        source="Broad, Leymarie & Grierson 2021, binary-thresh: 1 if x > t else 0",
    ),
    Operator(
        "soft_threshold",
        label="Soft Threshold",
        summary="Pull every value toward zero: fine texture goes first, bold shapes stay, the picture grows calm",
        parameters=(
            in_sigma(
                "level",
                "Level",
                "Distance toward zero; negative values grow the values instead",
                neutral=0.0,
                default=0.5,
                soft=(0.0, 1.5),
            ),
        ),
        family=FAMILY,
        source="DAFx24, soft_threshold: sign(x) max(|x| - r, 0); there NaN at zeros, here 0",
    ),
    Operator(
        "shrink_threshold",
        label="Shrink Threshold",
        summary="Silence weak values and weaken strong ones: at 1 all is silent, above 1 the rest turns negative",
        parameters=(
            in_sigma(
                "level",
                "Level",
                "Values closer to zero than this become zero, the others are multiplied by 1 minus this",
                neutral=0.0,
                default=0.5,
                soft=(0.0, 2.0),
            ),
        ),
        family=FAMILY,
        source="DAFx24, soft_threshold2: 0 where |x| < r, else (1 - r) x",
    ),
    Operator(
        "power",
        label="Power",
        summary="Change contrast: above 1 the strong parts stand out and texture fades, below 1 texture and grain rise",
        parameters=(
            Parameter(
                "exponent",
                label="Exponent",
                summary="Exponent of the power: 1 changes nothing, 2 squares (keeping the sign), 0.5 takes the "
                "root, 0 keeps only the sign",
                neutral=1.0,
                default=1.5,
                soft=(0.25, 1.75),
                minimum=-4.0,
                maximum=16.0,
            ),
        ),
        family=FAMILY,
        source="DAFx24, power: x^r; there NaN for negative x, here sign(x) |x|^r",
    ),
    Operator(
        "absolute",
        label="Absolute",
        summary="Fold the negative half over the positive: early a different scene, late solarized colors",
        parameters=(),
        family=FAMILY,
        source="DAFx24, absolute: |x|",
    ),
    Operator(
        "log",
        label="Logarithm",
        summary="Take the logarithm of the strength: values near zero become deep holes; rough, so use a low mix",
        parameters=(
            Parameter(
                "base",
                label="Base",
                summary="Base of the logarithm: large is gentle, near 1 explosive, below 1 the negative",
                neutral=None,
                default=math.e,
                soft=(1.25, 10.0),
                minimum=0.01,
            ),
        ),
        family=FAMILY,
        source="DAFx24, log: ln|x| / ln r; there infinite at zeros and for r = 1, here guarded",
    ),
    Operator(
        "clamp",
        label="Clamp",
        summary="Cut off low and high values, giving flat areas; a narrow window erases most of the picture",
        parameters=(
            in_sigma(
                "low",
                "Low",
                "Lower limit; -1000 disables it",
                neutral=UNCLAMPED[0],
                default=-1.0,
                soft=(-4.0, 0.0),
            ),
            in_sigma(
                "high",
                "High",
                "Upper limit; 1000 disables it",
                neutral=UNCLAMPED[1],
                default=1.0,
                soft=(0.0, 4.0),
                decoder=(0.2, 0.5),
            ),
        ),
        family=FAMILY,
        source="DAFx24, clamp: min(max(x, low), high)",
    ),
    Operator(
        "rescale",
        label="Rescale",
        summary="Stretch or squeeze all values into a range: narrow is flat and gray, wide is harsh",
        parameters=(
            in_sigma(
                "low",
                "Low",
                "New lowest value",
                neutral=None,
                default=-2.0,
                soft=(-6.0, 0.0),
                decoder=(-0.5, 0.0),
            ),
            in_sigma(
                "high",
                "High",
                "New highest value",
                neutral=None,
                default=2.0,
                soft=(0.0, 6.0),
                decoder=(1.0, 1.5),
            ),
        ),
        family=FAMILY,
        source="DAFx24, scale: the extremes of the tensor go to low and high; a constant tensor, NaN there, to low",
    ),
    Operator(
        "sine",
        label="Sine Fold",
        summary="Fold strong values back like a wavefolder: early the scene grows flat, late colors shift and fade",
        parameters=(
            Parameter(
                "frequency",
                label="Frequency",
                summary="Number of folds: 1 only the extremes, 4 many rings, near 0 hardly any",
                neutral=0.0,
                default=2.0,
                soft=(0.0, 6.0),
            ),
        ),
        family=FAMILY,
        source="Bend: sin(f x) / f, which is x for small f",
    ),
    Operator(
        "quantise",
        label="Quantize",
        summary="Round values to steps: early the scene simplifies, late terraces and posterized patches",
        parameters=(
            in_sigma(
                "interval",
                "Interval",
                "Size of the steps; above twice the largest value everything becomes 0",
                neutral=0.0,
                default=0.5,
                soft=(0.0, 2.0),
                minimum=0.0,
            ),
        ),
        family=FAMILY,
        source="Bend: round(x / interval) interval",
    ),
)
