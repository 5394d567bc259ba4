"""Operators on the waves that a picture is made of: coarse ones are layout, fine ones are texture."""

from __future__ import annotations

import math

from .terms import VARIATION, Choice, Operator, Parameter, Unit

FAMILY = "Frequency"
TAU = math.tau

_GAIN = Parameter(
    "gain",
    label="Gain",
    summary="1 changes nothing, 0 takes these waves away, 2 doubles them",
    neutral=1.0,
    default=1.5,
    soft=(0.0, 3.0),
    unit=Unit.FACTOR,
    tighter={"vae": (0.25, 3.0)},
)


def _cutoff(name: str, label: str, summary: str, default: float) -> Parameter:
    return Parameter(
        name,
        label,
        f"{summary}; 0 is the whole picture, 1 the finest texture",
        neutral=None,
        default=default,
        soft=(0.0, 1.0),
        minimum=0.0,
        maximum=1.5,
        unit=Unit.FACTOR,
    )


OPERATORS: tuple[Operator, ...] = (
    Operator(
        "low_gain",
        label="Low Frequencies",
        summary="Strengthens or weakens the coarse: early the layout grows bolder or dissolves, late light and tint",
        parameters=(_GAIN, _cutoff("cutoff", "Cutoff", "Waves coarser than this are changed", 0.25)),
        family=FAMILY,
        source="Bend: gain below a radius of the spectrum, with a smooth edge",
        spatial=True,
    ),
    Operator(
        "high_gain",
        label="High Frequencies",
        summary="Strengthens or weakens the fine: in the middle more or less texture, late grain or softness",
        parameters=(_GAIN, _cutoff("cutoff", "Cutoff", "Waves finer than this are changed", 0.5)),
        family=FAMILY,
        source="Bend: gain above a radius of the spectrum, with a smooth edge",
        spatial=True,
    ),
    Operator(
        "band_gain",
        label="Band of Frequencies",
        summary="Strengthens or weakens one size of detail: an equaliser for shapes",
        parameters=(
            _GAIN,
            _cutoff("low", "Low", "Where the band begins", 0.2),
            _cutoff("high", "High", "Where the band ends", 0.5),
        ),
        family=FAMILY,
        source="Bend: gain in a ring of the spectrum, with smooth edges",
        spatial=True,
    ),
    Operator(
        "phase_shift",
        label="Phase Shift",
        summary="Turns every wave in its place: a quarter turn makes a relief, half a turn the negative",
        parameters=(
            Parameter(
                "angle",
                label="Angle",
                summary="How far every wave is turned; the mean stays",
                neutral=0.0,
                default=TAU / 8,
                soft=(-TAU, TAU),
                unit=Unit.RADIAN,
            ),
        ),
        family=FAMILY,
        source="Bend: fractional Hilbert transform",
        spatial=True,
    ),
    Operator(
        "spectrum_swap",
        label="Spectrum Swap",
        summary="Gives the picture's layout or its texture to seeded noise: this texture elsewhere, or here another",
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="How far the other half goes over to the noise's",
                neutral=0.0,
                default=0.5,
                soft=(0.0, 1.0),
                minimum=0.0,
                maximum=1.0,
                unit=Unit.FACTOR,
            ),
        ),
        choices=(
            Choice(
                "keep",
                label="Keep",
                summary="Amplitude keeps the strength of each wave (texture), phase its place (layout)",
                options=("amplitude", "phase"),
                default="amplitude",
            ),
            VARIATION,
        ),
        family=FAMILY,
        source="Bend",
        spatial=True,
    ),
    Operator(
        "spectral_noise",
        label="Spectral Noise",
        summary="Adds noise that has the picture's own texture: early another scene, late grain that fits in",
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="Strength of the noise; at 1 it is as strong as the picture",
                neutral=0.0,
                default=0.3,
                soft=(0.0, 1.5),
                minimum=0.0,
                unit=Unit.FACTOR,
            ),
        ),
        choices=(VARIATION,),
        family=FAMILY,
        source="Bend: the amplitudes of x with the phases of white noise",
        spatial=True,
    ),
)
