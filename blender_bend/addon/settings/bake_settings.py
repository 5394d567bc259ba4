"""How keys are written: the options of a bake as plain data, and as properties of strips and Blender operators."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup

from ...core.curves.event_keys import SHAPES
from ...core.curves.keys import TOLERANCE
from ...core.files import foreign_json
from ...core.sound import features
from .enums import items

DENSE, SIMPLIFIED, EVENTS = "DENSE", "SIMPLIFIED", "EVENTS"
MODES = (
    (DENSE, "Every Frame", "A keyframe on every frame, following the sound exactly"),
    (SIMPLIFIED, "Simplified", "Few Bézier keyframes within a tolerance, easy to edit by hand"),
    (
        EVENTS,
        "Events",
        "Keyframes only on onsets, beats, bars or sections, each with a rise and a fall",
    ),
)
_MOMENT_TOOLTIPS = {
    "onsets": "On every onset",
    "beats": "On every beat",
    "bars": "On the first beat of every bar",
    "sections": "The start of each part of the song",
}
EXTRAPOLATIONS = (
    ("CONSTANT", "Constant", "Hold the value before the first and after the last keyframe"),
    ("LINEAR", "Linear", "Continue in a straight line before the first and after the last keyframe"),
)
_CHOICES = {
    name: [row[0] for row in rows]
    for name, rows in (("mode", MODES), ("shape", SHAPES), ("extrapolation", EXTRAPOLATIONS))
} | {"events": list(features.MOMENTS)}


#: More characters than options take as text.
_LONGEST = 4096


@dataclass(frozen=True)
class Options:
    """How keys are written.

    Parameters
    ----------
    mode : DENSE, SIMPLIFIED or EVENTS
    tolerance : largest error of simplified keys, as a share of the route's range
    events : moments that get keys: onsets, beats, bars or sections
    attack, decay : seconds of the rise to an event and of the fall after it
    shape : one of ``core.curves.event_keys.SHAPES``
    accent : 0...1; 0 gives every event the full range, 1 as much of it as the feature has there
    add : add the sound to the existing curve, where silence adds nothing; what the last bake added is taken back first
    use_range : write only frames first...last of the timeline
    extrapolation : CONSTANT or LINEAR
    cyclic : repeat the curve before and after; the frame after the strip's last is the first again
    keep_hand_keys : leave keys that a person moved, added or deleted as they are
    """

    mode: str = DENSE
    tolerance: float = TOLERANCE
    events: str = "onsets"
    attack: float = 0.0
    decay: float = 0.4
    shape: str = SHAPES[0][0].value
    accent: float = 1.0
    add: bool = False
    use_range: bool = False
    first: int = 1
    last: int = 250
    extrapolation: Literal["CONSTANT", "LINEAR"] = "CONSTANT"
    cyclic: bool = False
    keep_hand_keys: bool = True

    def within(self, frames: range) -> range:
        """The frames that are written, of those that the strip has sound for."""
        return range(max(self.first, frames.start), min(self.last + 1, frames.stop)) if self.use_range else frames

    def moments(self) -> list[str]:
        """What must be asked of the engine besides features."""
        return [features.MOMENT_PREFIX + self.events] if self.mode == EVENTS else []

    def as_text(self, before: str, start: int) -> str:
        """To be remembered at a curve: frames counted from the strip's first element, with the frames baked before."""
        kept = replace(self, first=self.first - start, last=self.last - start)
        if before and self.use_range:
            past = Options.from_text(before, 0)
            kept = replace(
                kept, use_range=past.use_range, first=min(kept.first, past.first), last=max(kept.last, past.last)
            )
        return json.dumps(asdict(kept))

    def _possible(self) -> bool:
        """Whether these are options that a person can choose."""
        usual = Options()
        return all(
            (type(value) is int and abs(value) < 2**31)  # a bool is no number of a frame
            if type(getattr(usual, name)) is int
            else isinstance(value, type(getattr(usual, name)))
            and (name not in _CHOICES or value in _CHOICES[name])
            and (not isinstance(value, float) or 0.0 <= value <= 60.0)
            for name, value in vars(self).items()
        )

    @classmethod
    def from_text(cls, text: str, start: int) -> Options:
        """What ``as_text`` wrote; the usual options from anything else."""
        try:
            options = cls(**foreign_json.parse(text, _LONGEST))
        except (foreign_json.Unreadable, TypeError):
            return cls()
        if not options._possible():
            return cls()
        return replace(options, first=options.first + start, last=options.last + start)


_SHARE = {"min": 0.0, "max": 1.0, "subtype": "FACTOR"}
_SECONDS = {"min": 0.0, "max": 60.0, "unit": "TIME_ABSOLUTE"}
_PROPERTIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "mode": (EnumProperty, {"name": "Keys", "description": "Where to insert keyframes", "items": items(MODES)}),
    "tolerance": (
        FloatProperty,
        {
            "name": "Tolerance",
            "description": "Maximum error of simplified curves, as a fraction of the route's range",
            "min": 0.001,
            "max": 0.5,
            "subtype": "FACTOR",
        },
    ),
    "events": (
        EnumProperty,
        {
            "name": "On",
            "description": "Events that get a keyframe",
            "items": items((name, name.title(), _MOMENT_TOOLTIPS[name]) for name in reversed(features.MOMENTS)),
        },
    ),
    "attack": (FloatProperty, {"name": "Attack", "description": "Duration of the rise to the event", **_SECONDS}),
    "decay": (FloatProperty, {"name": "Decay", "description": "Duration of the fall after the event", **_SECONDS}),
    "shape": (
        EnumProperty,
        {"name": "Shape", "description": "Shape of the rise and fall", "items": items(SHAPES)},
    ),
    "accent": (
        FloatProperty,
        {
            "name": "Accent",
            "description": "How much the height of an event follows the feature; at 0 every event reaches the "
            "full range",
            **_SHARE,
        },
    ),
    "add": (
        BoolProperty,
        {
            "name": "Add to Existing Curve",
            "description": "Add the sound to the existing curve, such as a slow rise drawn by hand. Baking again "
            "replaces the previous addition and keeps manual edits",
        },
    ),
    "use_range": (
        BoolProperty,
        {"name": "Limit Range", "description": "Bake only a range of frames, leaving keyframes outside it unchanged"},
    ),
    "first": (IntProperty, {"name": "First", "description": "First frame of the timeline to bake"}),
    "last": (IntProperty, {"name": "Last", "description": "Last frame of the timeline to bake"}),
    "extrapolation": (
        EnumProperty,
        {
            "name": "Extrapolation",
            "description": "How the curve continues outside its keyframes",
            "items": items(EXTRAPOLATIONS),
        },
    ),
    "cyclic": (
        BoolProperty,
        {
            "name": "Cyclic",
            "description": "Repeat the curve so that the frame after the last equals the first, for loops",
        },
    ),
    "keep_hand_keys": (
        BoolProperty,
        {"name": "Keep Manual Keys", "description": "Preserve keyframes you moved, added or deleted"},
    ),
}
_DEFAULTS = asdict(Options())


def options_of(holder: Any) -> Options:
    """What a strip's settings or a Blender operator are set to."""
    return Options(**{field.name: getattr(holder, field.name) for field in fields(Options)})


def _mixin(name: str, **more: Any) -> Any:
    """The options as properties; an operator's are not carried over from strip to strip by Blender."""
    described = {
        key: kind(default=_DEFAULTS[key], **described, **more) for key, (kind, described) in _PROPERTIES.items()
    }
    return type(name, (), {"__annotations__": described})


OperatorOptions: Any = _mixin("OperatorOptions", options={"SKIP_SAVE"})
_StripOptions: Any = _mixin("StripOptions")


class BEND_PG_baking(_StripOptions, PropertyGroup):
    """How sound is baked to keyframes on this strip"""

    report: StringProperty(description="Result of the last bake", options={"HIDDEN"})

    def chosen_options(self) -> Options:
        """The settings as plain data."""
        return options_of(self)
