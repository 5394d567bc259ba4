"""The animated parameters of the bend strip itself: the starting noise, the source picture, the feedback's camera."""

from __future__ import annotations

import math

from .terms import Parameter, Unit

SEED_TRAVEL = Parameter(
    "seed_travel",
    "Seed Travel",
    "Wanders from the starting noise of one seed to the next: 1 is the next seed's, 1.5 half-way to the one after",
    neutral=0.0,
    default=0.0,
    soft=(0.0, 8.0),
    minimum=-100_000.0,
    maximum=100_000.0,
)
STRENGTH = Parameter(
    "strength",
    "Strength",
    "How freely the source is painted over: 0 keeps it, 1 forgets it. It acts in whole denoising steps",
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
    "The camera of the feedback: above 1 it moves in, a little on every frame",
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
    "The camera of the feedback turns by this angle on every frame",
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


SHIFT_X = _shift("x", "The picture moves by this part of its width on every frame, to the right")
SHIFT_Y = _shift("y", "The picture moves by this part of its height on every frame, to the top")
COLOUR = Parameter(
    "colour_match",
    "Colour Match",
    "Holds the colours of the first frame: without it feedback drifts into one colour",
    neutral=0.0,
    default=0.8,
    soft=(0.0, 1.0),
    minimum=0.0,
    maximum=1.0,
    unit=Unit.FACTOR,
)
SCENE_TIME = Parameter(
    "scene_time",
    "Scene Time",
    "Moves the painted scene ahead by so many seconds: let the beat push the waves, the flames, the flight",
    neutral=0.0,
    default=0.0,
    soft=(0.0, 2.0),
    minimum=-100_000.0,
    maximum=100_000.0,
)

SOUND_SCALE = Parameter(
    "sound_scale",
    "Sound Scale",
    "How strongly the picture hears the sound: 0 is the model as it is without it",
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
    "How strongly the sound pulls, beside the guidance of the prompt",
    neutral=None,
    default=7.5,
    soft=(0.0, 20.0),
    minimum=0.0,
    maximum=100.0,
)

KEPT_LAYOUT = Parameter(
    "kept_layout",
    "Kept Layout",
    "For which first part of the steps what is where stays as in the source: 0 is free, 1 keeps every place",
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
    "For which first part of the steps the parts of the source stay together as they are: outlines, likeness",
    neutral=None,
    default=0.8,
    soft=(0.0, 1.0),
    minimum=0.0,
    maximum=1.0,
    unit=Unit.FACTOR,
)

#: The parameters of a strip that edits its source, see ``engine.sonic.editing``.
OF_EDIT = (KEPT_LAYOUT, KEPT_SHAPES)
#: The parameters of a strip that hears, whatever it starts from.
OF_SOUND = (SOUND_SCALE, SOUND_GUIDANCE)
#: Those that belong to the Sound Condition.
OF_CONDITION = (*OF_SOUND, *OF_EDIT)

#: The parameters by what the strip starts from.
BY_SOURCE: dict[str, tuple[Parameter, ...]] = {
    "noise": (SEED_TRAVEL,),
    "procedural": (SEED_TRAVEL, STRENGTH, SCENE_TIME),
    "pictures": (SEED_TRAVEL, STRENGTH),
    "previous": (SEED_TRAVEL, STRENGTH, ZOOM, TURN, SHIFT_X, SHIFT_Y, COLOUR),
}
