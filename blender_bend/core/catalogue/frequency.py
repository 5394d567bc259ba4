"""Operators on the waves that a picture is made of: coarse ones are layout, fine ones are texture."""

from __future__ import annotations

import math

from .terms import VARIATION, Choice, Operator, Parameter, Unit

FAMILY = "Frequency"
TAU = math.tau

_GAIN = Parameter(
    "gain",
    label="Gain",
    summary="Gain of these frequencies: 1 changes nothing, 0 removes them, 2 doubles them",
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
        summary="Strengthen or weaken low frequencies: early the layout grows bolder or dissolves, late light "
        "and tint change",
        parameters=(_GAIN, _cutoff("cutoff", "Cutoff", "Frequencies below this are changed", 0.25)),
        family=FAMILY,
        source="Bend: gain below a radius of the spectrum, with a smooth edge",
        spatial=True,
    ),
    Operator(
        "high_gain",
        label="High Frequencies",
        summary="Strengthen or weaken high frequencies: midway more or less texture, late grain or softness",
        parameters=(_GAIN, _cutoff("cutoff", "Cutoff", "Frequencies above this are changed", 0.5)),
        family=FAMILY,
        source="Bend: gain above a radius of the spectrum, with a smooth edge",
        spatial=True,
    ),
    Operator(
        "band_gain",
        label="Band of Frequencies",
        summary="Strengthen or weaken one size of detail: an equalizer for shapes",
        parameters=(
            _GAIN,
            _cutoff("low", "Low", "Lower end of the band", 0.2),
            _cutoff("high", "High", "Upper end of the band", 0.5),
        ),
        family=FAMILY,
        source="Bend: gain in a ring of the spectrum, with smooth edges",
        spatial=True,
    ),
    Operator(
        "phase_shift",
        label="Phase Shift",
        summary="Shift the phase of every wave: a quarter turn gives a relief, half a turn the negative",
        parameters=(
            Parameter(
                "angle",
                label="Angle",
                summary="Phase shift of every wave; the mean is preserved",
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
        summary="Combine the layout or the texture of the picture with seeded noise: same texture elsewhere, or "
        "a different one here",
        parameters=(
            Parameter(
                "amount",
                label="Amount",
                summary="How much of the other half is replaced by the noise's",
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
                summary="Amplitude keeps the strength of each wave (texture), phase its position (layout)",
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
        summary="Add noise with the picture's own texture: early a different scene, late matching grain",
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
