"""Every feature of a sound in words; the engine measures them, the interface offers them.

A measured feature is spelled ``[channel/][part/]name[:which]``: ``onset``, ``percussive/flux``, ``left/chroma:4``,
``side/harmonic/band:200-800``.
Moments are spelled ``times:beats`` and are seconds instead of a number per frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..choices import Name
from ..errors import BendError, Code
from .feature_table import FEATURES, Depends, Feature


class Part(Name):
    """What of the sound is measured."""

    ALL = "all"
    HARMONIC = "harmonic"
    PERCUSSIVE = "percussive"


class Channel(Name):
    """Which of the channels is measured."""

    HEARD = "heard"
    LEFT = "left"
    RIGHT = "right"
    MID = "mid"
    SIDE = "side"


#: What of the sound is measured: label and tooltip by name.
PARTS: tuple[tuple[Part, str, str], ...] = (
    (Part.ALL, "Everything", "The whole sound"),
    (
        Part.HARMONIC,
        "Harmonic",
        "Only sustained sounds: voices, chords, pads (harmonic-percussive separation; slow the first time)",
    ),
    (
        Part.PERCUSSIVE,
        "Percussive",
        "Only percussive sounds: drums, plucks, clicks (harmonic-percussive separation; slow the first time)",
    ),
)
#: Which of the channels is measured: label and tooltip by name. Of a mono sound all but the side are the same.
CHANNELS: tuple[tuple[Channel, str, str], ...] = (
    (Channel.HEARD, "All", "Energy of all channels, even where they cancel each other out"),
    (Channel.LEFT, "Left", "Only the left channel"),
    (Channel.RIGHT, "Right", "Only the right channel"),
    (Channel.MID, "Mid", "Only what left and right share: voice, kick, bass"),
    (
        Channel.SIDE,
        "Side",
        "Only what differs between left and right: width, reverb, wide synths; silent for mono sound",
    ),
)

NOTE_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")

#: Moments that the engine can name, in seconds from the start of the sound, and what besides it they are found from.
MOMENTS = {
    "beats": Depends.BEATS,
    "bars": Depends.BEATS,
    "onsets": Depends.NOTHING,
    "sections": Depends.NOTHING,
}
MOMENT_PREFIX = "times:"


NAMES = tuple(feature.name for feature in FEATURES)
#: What can be measured of any sound without a choice: no MIDI file, no model, no number and no range.
PLAIN = tuple(
    feature.name
    for feature in FEATURES
    if feature.depends in (Depends.NOTHING, Depends.BEATS) and not feature.which and not feature.hertz
)
BY_NAME = {feature.name: feature for feature in FEATURES}
_SPELLING = re.compile(
    rf"(?:(?P<channel>{'|'.join(Channel)})/)?(?:(?P<part>[a-z]+)/)?"
    r"(?P<name>[a-z_]+)(?::(?P<which>[0-9.]+(?:-[0-9.]+)?))?"
)


@dataclass(frozen=True)
class Asked:
    """One measured feature: which, of what part of the sound, and which of its kind.

    Parameters
    ----------
    name : a feature of the table
    which : the number of a feature that comes in many
    low, high : Hz, for a feature that is asked for with a range
    part : all, harmonic or percussive
    channel : heard, left, right, mid or side
    """

    name: str
    which: int = 0
    low: float = 0.0
    high: float = 0.0
    part: str = Part.ALL
    channel: str = Channel.HEARD

    def __str__(self) -> str:
        """How it is spelled."""
        feature = BY_NAME[self.name]
        suffix = f":{self.which}" if feature.which else f":{self.low:g}-{self.high:g}" if feature.hertz else ""
        return "".join(f"{prefix}/" for prefix in self._chosen()) + self.name + suffix

    @property
    def feature(self) -> Feature:
        """Its row of the table."""
        return BY_NAME[self.name]

    def label(self) -> str:
        """What the interface calls it: Pitch Class C♯, Any Band 200 to 800 Hz, Percussive Spectral Flux."""
        feature = self.feature
        if self.name == "chroma":
            suffix = f" {NOTE_NAMES[self.which - 1]}"
        elif feature.which:
            suffix = f" {self.which}"
        else:
            suffix = f" {self.low:g} to {self.high:g} Hz" if feature.hertz else ""
        return "".join(f"{prefix.title()} " for prefix in self._chosen()) + feature.label + suffix

    def _chosen(self) -> list[str]:
        """The channel and the part, if they are not everything."""
        usual = {Channel.HEARD, Part.ALL}
        return [chosen for chosen in (self.channel, self.part) if chosen not in usual]


def parse(text: str) -> Asked:
    """Read the spelling of a feature.

    Raises
    ------
    BendError(PARAMETER_INVALID) if there is no such feature
    """
    found = _SPELLING.fullmatch(text)
    feature = BY_NAME.get(found["name"]) if found else None
    if found is None or feature is None:
        raise BendError(Code.PARAMETER_INVALID, f"Feature '{text}' not found.", f"Choose from: {', '.join(NAMES)}.")
    part = found["part"] or Part.ALL
    if part not in tuple(Part) or (part != Part.ALL and not feature.separable):
        raise BendError(Code.PARAMETER_INVALID, f"'{text}' can't be measured on the part '{part}' of the sound.")
    channel = found["channel"] or Channel.HEARD
    if channel != Channel.HEARD and not feature.of_channels:
        raise BendError(
            Code.PARAMETER_INVALID, f"'{text}' isn't measured from sound, so it has no channel '{channel}'."
        )
    asked = _which(feature, found["which"] or "", text)
    return Asked(feature.name, *asked, part, channel)


def _which(feature: Feature, written: str, text: str) -> tuple[int, float, float]:
    """The number or the range in Hz behind the colon."""
    if feature.hertz:
        try:
            low, high = (float(number) for number in written.split("-"))
        except ValueError:
            low = high = 0.0
        if not 0 <= low < high:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"'{text}' needs two frequencies in Hz, the lower one first.",
                "For example band:200-800.",
            )
        return 0, low, high
    last = feature.first + feature.which - 1
    if feature.which:
        if not written.isdigit() or not feature.first <= int(written) <= last:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"'{text}' needs a number.",
                f"From {feature.name}:{feature.first} to {feature.name}:{last}.",
            )
        return int(written), 0.0, 0.0
    if written:
        raise BendError(Code.PARAMETER_INVALID, f"There is only one '{feature.name}'.", f"Write {feature.name}.")
    return 0, 0.0, 0.0


def expand(text: str) -> list[str]:
    """A spelling, or all of a kind if the number is left out: ``chroma`` is chroma:1 to chroma:12."""
    _, _, name = text.rpartition("/")
    feature = BY_NAME.get(name)
    if feature is None or not feature.which:
        return [text]
    return [f"{text}:{number}" for number in range(feature.first, feature.first + feature.which)]


def is_moments(text: str) -> bool:
    """Whether a spelling asks for moments in seconds instead of a number per frame."""
    return text.startswith(MOMENT_PREFIX) and text.removeprefix(MOMENT_PREFIX) in MOMENTS


def depends(text: str) -> Depends:
    """What besides the sound a spelling of a feature, or of moments, is measured from."""
    return MOMENTS[text.removeprefix(MOMENT_PREFIX)] if is_moments(text) else parse(text).feature.depends


def check_names(names: list[str]) -> list[str]:
    """The names, if every one is spelled as a feature or as moments.

    Raises
    ------
    BendError(PARAMETER_INVALID) naming the first that is not.
    """
    for name in names:
        if not is_moments(name):
            parse(name)
    return names
