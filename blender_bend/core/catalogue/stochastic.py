"""Operators with seeded chance."""

from __future__ import annotations

from .terms import VARIATION, Choice, Operator, Parameter, Unit, in_sigma

FAMILY = "Chance"

_STRENGTH = in_sigma(
    "amount",
    "Amount",
    "Number to add; a latent has a standard deviation of about 1",
    neutral=0.0,
    default=1.0,
    soft=(-4.0, 4.0),
)


def _part(
    name: str,
    label: str,
    summary: str,
    *,
    neutral: float | None,
    default: float,
    most: float = 1.0,
    decoder: float | None = None,
) -> Parameter:
    return Parameter(
        name,
        label,
        summary,
        neutral=neutral,
        default=default,
        soft=(0.0, most),
        minimum=0.0,
        maximum=1.0,
        unit=Unit.FACTOR,
        tighter={} if decoder is None else {"vae": (0.0, decoder)},
    )


OPERATORS: tuple[Operator, ...] = (
    Operator(
        "add_noise",
        label="Add Noise",
        summary="Add seeded noise, the same on every frame: early a new scene, late grain",
        parameters=(
            in_sigma(
                "amount",
                "Amount",
                "Strength of the noise; a latent has a standard deviation of about 1",
                neutral=0.0,
                default=0.3,
                soft=(0.0, 1.5),
                minimum=0.0,
            ),
        ),
        choices=(
            Choice(
                "distribution",
                label="Distribution",
                summary="Distribution of the noise: normal has a few strong grains, uniform none beyond the amount",
                options=("normal", "uniform"),
                default="normal",
            ),
            VARIATION,
        ),
        family=FAMILY,
        source="DAFx24, add_noise, with the seed drawn from (seed, step, site)",
    ),
    Operator(
        "add_sparse",
        label="Add Sparse",
        summary="Add a number at a few random places: early it changes the overall color, late sparks and confetti",
        parameters=(
            _STRENGTH,
            _part("density", "Density", "Fraction of the cells to change", neutral=None, default=0.05, most=0.5),
        ),
        choices=(VARIATION,),
        family=FAMILY,
        source="DAFx24, add_sparse: 5 % in its code, 25 % in its text",
    ),
    Operator(
        "dropout",
        label="Dropout",
        summary="Silence random cells: early, shapes break up and recover; late holes and dust",
        parameters=(
            _part(
                "fraction",
                "Fraction",
                "Fraction of the cells to silence; raising it only adds cells",
                neutral=0.0,
                default=0.25,
                decoder=0.75,
            ),
        ),
        choices=(VARIATION,),
        family=FAMILY,
        source="Bend; DAFx24, apply_sparse of multiply by 0",
    ),
    Operator(
        "random_rows",
        label="Random Rows",
        summary="Add a number to random rows: early stripes of scenery, late horizontal colored bars",
        parameters=(
            _STRENGTH,
            _part(
                "fraction", "Fraction", "Fraction of the rows; raising it only adds rows", neutral=None, default=0.25
            ),
        ),
        choices=(VARIATION,),
        family=FAMILY,
        source="DAFx24, add_rand_rows; there counted by the other axis",
        spatial=True,
    ),
    Operator(
        "random_columns",
        label="Random Columns",
        summary="Add a number to random columns: early pillars and curtains, late vertical colored bars",
        parameters=(
            _STRENGTH,
            _part(
                "fraction",
                "Fraction",
                "Fraction of the columns; raising it only adds columns",
                neutral=None,
                default=0.25,
            ),
        ),
        choices=(VARIATION,),
        family=FAMILY,
        source="DAFx24, add_rand_cols; there counted by the other axis",
        spatial=True,
    ),
    Operator(
        "blend_noise",
        label="Blend Noise",
        summary="Overlay seeded noise with a blend mode, as in photo editors: early a new scene, late grain",
        parameters=(_part("amount", "Amount", "Strength of the layer", neutral=0.0, default=0.3),),
        choices=(
            Choice(
                "form",
                label="Form",
                summary="Blend mode of the layer; screen and overlay are meant for 0 to 1 and are harsh on a latent",
                options=("normal", "add", "multiply", "screen", "overlay"),
                default="normal",
            ),
            VARIATION,
        ),
        family=FAMILY,
        source="ComfyUI_RyanOnTheInside, FlexLatentBlend, with seeded noise as the other latent",
    ),
    Operator(
        "add_bump",
        label="Add Bump",
        summary="Add a soft round spot: early something appears there, late a glow or a stain",
        parameters=(
            _STRENGTH,
            _part("x", "X", "Center of the spot: 0 is left, 1 right", neutral=None, default=0.5),
            _part("y", "Y", "Center of the spot: 0 is the bottom, 1 the top", neutral=None, default=0.5),
            Parameter(
                "size",
                label="Size",
                summary="Width of the spot (twice its sigma) as a fraction of the picture's shorter side",
                neutral=None,
                default=0.3,
                soft=(0.05, 1.0),
                minimum=0.001,
                unit=Unit.FACTOR,
            ),
        ),
        family=FAMILY,
        source="DAFx24, add_normal(r): amount 0.0707 r, in the middle, size 0.3",
        spatial=True,
    ),
)
