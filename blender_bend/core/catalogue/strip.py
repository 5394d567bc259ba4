"""The animated parameters of the bend strip itself: the starting noise, the source picture, the feedback's camera."""

from __future__ import annotations

import math
from enum import StrEnum

from .terms import Parameter, Unit


class StartsFrom(StrEnum):
    """What every frame of a strip starts from."""

    NOISE = "noise"
    PROCEDURAL = "procedural"
    #: Those of the strips below.
    PICTURES = "pictures"
    PREVIOUS = "previous"


SEED_TRAVEL = Parameter(
    "seed_travel",
    "Seed Travel",
    "Interpolate the initial noise from seed to seed: 1 is the next seed's, 1.5 halfway to the one after",
    neutral=0.0,
    default=0.0,
    soft=(0.0, 8.0),
    minimum=-100_000.0,
    maximum=100_000.0,
)
STRENGTH = Parameter(
    "strength",
    "Strength",
    "How freely the source is painted over: 0 keeps it, 1 ignores it. Works in whole denoising steps",
    neutral=None,
    default=0.6,
    soft=(0.0, 1.0),
    minimum=0.0,
    maximum=1.0,
    unit=Unit.FACTOR,
)
ZOOM = Parameter(
    "zoom",
    "Zoom",
    "Zoom of the feedback per frame; above 1 it moves in",
    neutral=1.0,
    default=1.02,
    soft=(0.9, 1.1),
    minimum=0.1,
    maximum=10.0,
    unit=Unit.FACTOR,
)
TURN = Parameter(
    "turn",
    "Turn",
    "Rotation of the feedback per frame",
    neutral=0.0,
    default=0.0,
    soft=(-math.pi / 8, math.pi / 8),
    minimum=-math.pi,
    maximum=math.pi,
    unit=Unit.RADIAN,
)


def _shift(axis: str, summary: str) -> Parameter:
    return Parameter(
        f"shift_{axis}",
        f"Shift {axis.upper()}",
        summary,
        neutral=0.0,
        default=0.0,
        soft=(-0.1, 0.1),
        minimum=-1.0,
        maximum=1.0,
        unit=Unit.FACTOR,
    )


SHIFT_X = _shift("x", "Shift of the feedback per frame to the right, as a fraction of the picture's width")
SHIFT_Y = _shift("y", "Shift of the feedback per frame to the top, as a fraction of the picture's height")
COLOUR = Parameter(
    "colour_match",
    "Color Match",
    "Match the colors to the first frame; without it feedback drifts into a single color",
    neutral=0.0,
    default=0.8,
    soft=(0.0, 1.0),
    minimum=0.0,
    maximum=1.0,
    unit=Unit.FACTOR,
)
#: Strips of before, and jobs that don't name it, have no limit.
HUE_LIMIT = Parameter(
    "hue_limit",
    "Hue Limit",
    "Most that the hue may turn from one frame to the next; without it bends of the colors add up and strobe",
    neutral=math.pi,
    default=math.radians(8),
    soft=(0.0, math.pi),
    minimum=0.0,
    maximum=math.pi,
    unit=Unit.RADIAN,
)
SCENE_TIME = Parameter(
    "scene_time",
    "Scene Time",
    "Advance the procedural scene by this number of seconds, to let the beat push waves, flames or flight",
    neutral=0.0,
    default=0.0,
    soft=(0.0, 2.0),
    minimum=-100_000.0,
    maximum=100_000.0,
)

SOUND_SCALE = Parameter(
    "sound_scale",
    "Sound Scale",
    "Strength of the sound condition; 0 turns it off",
    neutral=0.0,
    default=1.0,
    soft=(0.0, 1.0),
    minimum=-4.0,
    maximum=4.0,
    unit=Unit.FACTOR,
)
SOUND_GUIDANCE = Parameter(
    "sound_guidance",
    "Sound Guidance",
    "Guidance scale of the sound, besides that of the prompt",
    neutral=None,
    default=7.5,
    soft=(0.0, 20.0),
    minimum=0.0,
    maximum=100.0,
)

KEPT_LAYOUT = Parameter(
    "kept_layout",
    "Kept Layout",
    "Fraction of the steps that keeps the source's layout; 0 is free, 1 keeps everything in place",
    neutral=None,
    default=0.8,
    soft=(0.0, 1.0),
    minimum=0.0,
    maximum=1.0,
    unit=Unit.FACTOR,
)
KEPT_SHAPES = Parameter(
    "kept_shapes",
    "Kept Shapes",
    "Fraction of the steps that keeps the source's shapes, such as outlines and likeness",
    neutral=None,
    default=0.8,
    soft=(0.0, 1.0),
    minimum=0.0,
    maximum=1.0,
    unit=Unit.FACTOR,
)

#: The parameters of a strip that edits its source, see ``engine.sonic.editing``.
OF_EDIT = (KEPT_LAYOUT, KEPT_SHAPES)
#: The parameters of a sound condition, whatever the strip starts from.
OF_SOUND = (SOUND_SCALE, SOUND_GUIDANCE)
#: Those that belong to the Sound Condition.
OF_CONDITION = (*OF_SOUND, *OF_EDIT)

#: The parameters by what the strip starts from.
BY_SOURCE: dict[str, tuple[Parameter, ...]] = {
    StartsFrom.NOISE: (SEED_TRAVEL,),
    StartsFrom.PROCEDURAL: (SEED_TRAVEL, STRENGTH, SCENE_TIME),
    StartsFrom.PICTURES: (SEED_TRAVEL, STRENGTH),
    StartsFrom.PREVIOUS: (SEED_TRAVEL, STRENGTH, ZOOM, TURN, SHIFT_X, SHIFT_Y, COLOUR, HUE_LIMIT),
}
