"""Operators on every number by itself."""

from __future__ import annotations

import math

from .terms import Operator, Parameter, Unit, in_sigma

FAMILY = "Point-wise"

#: The limits of ``clamp``: at them nothing is held back at all.
UNCLAMPED = (-1000.0, 1000.0)

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "add",
        label="Add",
        summary="Adds a number everywhere: early it changes the scene, late it tints",
        parameters=(
            in_sigma(
                "amount",
                "Amount",
                "What is added; a latent has a spread of about 1",
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
        summary="Takes a number away everywhere: early another scene, late the opposite tint of Add",
        parameters=(
            in_sigma(
                "amount",
                "Amount",
                "What is taken away; a latent has a spread of about 1",
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
        summary="Strengthens or weakens the signal: above 1 more contrast and detail, 0 silences the site",
        parameters=(
            Parameter(
                "factor",
                label="Factor",
                summary="1 changes nothing, 0 silences, 2 doubles",
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
        summary="Turns the picture to its negative and shifts it: early another scene, late opposite colours",
        parameters=(
            in_sigma(
                "offset",
                "Offset",
                "What the values are taken from; 0 is the plain negative",
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
        summary="The negative: early another object, late light and dark and all colours trade places",
        parameters=(),
        family=FAMILY,
        source="DAFx24, inversion2: -x",
    ),
    Operator(
        "threshold",
        label="Threshold",
        summary="Silences everything weaker than a level: early the scene collapses to bold shapes, late it speckles",
        parameters=(
            in_sigma(
                "level",
                "Level",
                "Values nearer to zero than this become zero",
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
        summary="Leaves only 1 and 0: hard cut-out patches; mix it in, fully it replaces all that is there",
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
        summary="Draws every value towards zero: fine texture goes first, bold shapes stay, the picture grows calm",
        parameters=(
            in_sigma(
                "level",
                "Level",
                "How far towards zero; below 0 the values grow instead",
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
        summary="Silences the weak and weakens the strong: at 1 all is silent, above 1 what is left turns negative",
        parameters=(
            in_sigma(
                "level",
                "Level",
                "Values nearer to zero than this become zero, the others are multiplied by 1 minus this",
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
        summary="Bends contrast: above 1 the strong parts stand out and texture fades, below 1 texture and grain rise",
        parameters=(
            Parameter(
                "exponent",
                label="Exponent",
                summary="1 changes nothing, 2 squares (and keeps the sign), 0.5 takes the root, 0 keeps only the sign",
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
        summary="Folds the negative half over the positive: early another scene, late solarised colours",
        parameters=(),
        family=FAMILY,
        source="DAFx24, absolute: |x|",
    ),
    Operator(
        "log",
        label="Logarithm",
        summary="Turns strength into its logarithm: values near zero become deep holes; rough, so mix it in",
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
        summary="Cuts off what is too low and too high: flat areas; a narrow window erases most of the picture",
        parameters=(
            in_sigma(
                "low",
                "Low",
                "Values below this become this; at -1000 none",
                neutral=UNCLAMPED[0],
                default=-1.0,
                soft=(-4.0, 0.0),
            ),
            in_sigma(
                "high",
                "High",
                "Values above this become this; at 1000 none",
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
        summary="Stretches or squeezes all values into a range: narrow is flat and grey, wide is harsh",
        parameters=(
            in_sigma(
                "low",
                "Low",
                "What the lowest value becomes",
                neutral=None,
                default=-2.0,
                soft=(-6.0, 0.0),
                decoder=(-0.5, 0.0),
            ),
            in_sigma(
                "high",
                "High",
                "What the highest value becomes",
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
        summary="Folds strong values back like a wave folder: early the scene grows flat, late muted turned colours",
        parameters=(
            Parameter(
                "frequency",
                label="Frequency",
                summary="How often values are folded: 1 only the extremes, 4 many rings; near 0 hardly anything",
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
        label="Quantise",
        summary="Rounds values to steps: early the scene simplifies, late terraces and posterised patches",
        parameters=(
            in_sigma(
                "interval",
                "Interval",
                "Distance of the steps; above twice the largest value all becomes 0",
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
