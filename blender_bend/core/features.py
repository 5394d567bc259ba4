"""Every feature of a sound in words; the engine measures them, the interface offers them."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import BendError, Code


@dataclass(frozen=True)
class Feature:
    """A number per video frame, measured from sound."""

    name: str
    label: str
    unit: str
    summary: str


FEATURES: tuple[Feature, ...] = (
    Feature("rms", "Loudness", "full scale", "How loud the sound is: swells and fades"),
    Feature("onset", "Onset Strength", "dB", "How strongly something new begins: every drum hit and plucked note"),
    Feature("centroid", "Brightness", "Hz", "Where the sound lies between dark and bright (spectral centroid)"),
    Feature("flux", "Spectral Flux", "full scale", "How much new sound comes in: textures and noisy hits"),
    Feature("low", "Low Band", "full scale", "Strength from 20 to 250 Hz: kick drum and bass"),
    Feature("mid", "Mid Band", "full scale", "Strength from 250 to 4000 Hz: voices, chords, snare"),
    Feature("high", "High Band", "full scale", "Strength from 4 to 20 kHz: cymbals, hi-hats, consonants"),
    Feature("beat", "Beat Pulse", "0 to 1", "1 on every beat of the music, fading until the next"),
)

NAMES = tuple(feature.name for feature in FEATURES)


def check_names(names: list[str]) -> list[str]:
    """The names, if every one is a feature.

    Raises
    ------
    BendError(PARAMETER_INVALID) naming the first that is not.
    """
    for name in names:
        if name not in NAMES:
            raise BendError(
                Code.PARAMETER_INVALID, f"There is no feature '{name}'.", f"Choose from: {', '.join(NAMES)}."
            )
    return names
