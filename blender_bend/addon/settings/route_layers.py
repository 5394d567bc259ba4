"""The settings of one feature of a route, as Blender's properties; ``core.curves.routes`` has their defaults."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty
from bpy.types import PropertyGroup

from ...core.curves.routes import CHAINS, COMBINES, LIMITS, Layer, nearest
from ...core.curves.shaping import EASES, SCALES
from ...core.limits import brought_within
from ...core.sound import features
from ...core.sound.features import Asked
from .enums import feature_items, items

NO_FEATURE = "NONE"
HIGHEST_HZ = 24000.0

_SECONDS = {"unit": "TIME_ABSOLUTE"}
_SHARE = {"subtype": "FACTOR"}

#: The Blender property for every field of a layer but its feature.
_SETTINGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "gate": (
        FloatProperty,
        {"name": "Gate", "description": "What is weaker than this part of the feature's range does nothing", **_SHARE},
    ),
    "median": (
        FloatProperty,
        {
            "name": "Median",
            "description": "Takes out single stray frames shorter than this",
            "soft_max": 0.5,
            **_SECONDS,
        },
    ),
    "attack": (
        FloatProperty,
        {"name": "Attack", "description": "How slowly the curve rises", "soft_max": 1.0, **_SECONDS},
    ),
    "release": (
        FloatProperty,
        {
            "name": "Release",
            "description": "How slowly the curve falls: longer lets a hit ring on",
            "soft_max": 2.0,
            **_SECONDS,
        },
    ),
    "look_ahead": (
        FloatProperty,
        {
            "name": "Look-Ahead",
            "description": "Lets a rise begin before the sound, so that the picture is there on the hit",
            "soft_max": 0.5,
            **_SECONDS,
        },
    ),
    "scale": (
        EnumProperty,
        {"name": "Normalise", "description": "What counts as weakest and as strongest", "items": items(SCALES)},
    ),
    "bottom": (
        FloatProperty,
        {
            "name": "Bottom",
            "description": "This percentage of the frames counts as weakest",
            "subtype": "PERCENTAGE",
        },
    ),
    "top": (
        FloatProperty,
        {
            "name": "Top",
            "description": "Above this percentage of the frames everything counts as strongest",
            "subtype": "PERCENTAGE",
        },
    ),
    "least": (
        FloatProperty,
        {"name": "Least", "description": "The feature's value that counts as weakest, in the feature's unit"},
    ),
    "most": (
        FloatProperty,
        {"name": "Most", "description": "The feature's value that counts as strongest, in the feature's unit"},
    ),
    "gain": (
        FloatProperty,
        {
            "name": "Gain",
            "description": "Strengthens the feature before it meets the range: above 1 quiet passages reach further",
            "soft_max": 4.0,
        },
    ),
    "threshold": (
        FloatProperty,
        {"name": "Threshold", "description": "What is weaker does nothing; what is stronger uses the whole range"}
        | _SHARE,
    ),
    "gamma": (
        FloatProperty,
        {
            "name": "Gamma",
            "description": "Above 1 only loud passages act, below 1 quiet ones already do",
            "soft_min": 0.25,
            "soft_max": 4.0,
        },
    ),
    "ease": (EnumProperty, {"name": "Ease", "description": "The shape of the curve", "items": items(EASES)}),
    "invert": (
        BoolProperty,
        {
            "name": "Invert",
            "description": "Silence gives the upper end of the range, the loudest moment the lower",
        },
    ),
    "offset": (
        FloatProperty,
        {
            "name": "Offset",
            "description": "How much later than the sound the curve comes; below 0 it comes earlier",
            "soft_min": -1.0,
            "soft_max": 1.0,
            "unit": "TIME_ABSOLUTE",
        },
    ),
    "first": (
        IntProperty,
        {"name": "First", "description": "The frame, from 0 for the strip's first, from which on it acts"},
    ),
    "last": (
        IntProperty,
        {
            "name": "Last",
            "description": "The last frame on which it acts, from 0 for the strip's first; -1 is the strip's last",
        },
    ),
    "combine": (
        EnumProperty,
        {"name": "Combine", "description": "How it meets the features above", "items": items(COMBINES)},
    ),
    "amount": (
        FloatProperty,
        {"name": "Amount", "description": "How strongly it meets the features above", **_SHARE},
    ),
    "chain": (EnumProperty, {"name": "Chain", "description": "How the sound is smoothed", "items": items(CHAINS)}),
    "kernel": (
        IntProperty,
        {"name": "Kernel", "description": "Frames of the papers' median; an even number counts as the next odd one"},
    ),
    "keep": (
        FloatProperty,
        {
            "name": "Envelope",
            "description": "How much of the papers' envelope stays from frame to frame: 0 follows at once",
            **_SHARE,
        },
    ),
}
_STARTS_WITH = {field.name: field.default for field in fields(Layer) if field.name in _SETTINGS}
# A route that a person makes lets hits ring on: a picture that falls back within one frame flickers.
_STARTS_WITH["release"] = 0.25


def _property(name: str) -> Any:
    kind, described = _SETTINGS[name]
    limits = dict(zip(("min", "max"), LIMITS[name], strict=True)) if name in LIMITS else {}
    return kind(default=_STARTS_WITH[name], **described, **limits)


_Settings = type("_Settings", (), {"__annotations__": {name: _property(name) for name in _SETTINGS}})


class LayerSettings(_Settings):
    """A mixin for what follows one feature: a parameter with its first feature, and every further one."""

    feature: EnumProperty(
        name="Feature",
        description="What is heard in the sound and drives this parameter",
        items=[*items([(NO_FEATURE, "None", "Not driven by sound")]), *feature_items()],
        default=NO_FEATURE,
    )
    which: IntProperty(name="Number", description="Which one of its kind, such as a note or a band", default=1, min=0)
    low_hz: FloatProperty(
        name="From", description="Lower end of the band, in Hz", default=200.0, min=0.0, max=HIGHEST_HZ, step=1000
    )
    high_hz: FloatProperty(
        name="To", description="Upper end of the band, in Hz", default=800.0, min=1.0, max=HIGHEST_HZ, step=1000
    )
    part: EnumProperty(
        name="Part",
        description="What part of the sound is listened to",
        items=items(features.PARTS),
        default=features.PART_NAMES[0],
    )
    channel: EnumProperty(
        name="Channel",
        description="Which channel of the sound is listened to",
        items=items(features.CHANNELS),
        default=features.CHANNEL_NAMES[0],
    )

    @property
    def routed(self) -> bool:
        """Whether a feature is chosen."""
        return self.feature not in {NO_FEATURE, ""}

    def asked_feature(self) -> Asked:
        """The chosen feature; numbers that it does not have are brought to the nearest that it has."""
        feature = features.BY_NAME[self.feature]
        last = feature.first + feature.which - 1
        high = brought_within(self.high_hz, 1.0, HIGHEST_HZ)
        low = brought_within(self.low_hz, 0.0, high - 1.0)
        return Asked(
            feature.name,
            min(max(self.which, feature.first), last) if feature.which else 0,
            round(low, 3) if feature.hertz else 0.0,
            round(high, 3) if feature.hertz else 0.0,
            (self.part if feature.separable else "") or features.PART_NAMES[0],
            (self.channel if feature.of_channels else "") or features.CHANNEL_NAMES[0],
        )

    def layer(self) -> Layer:
        """The settings as plain data, with numbers that no layer has brought to the nearest.

        Without a feature it has the name of none.
        """
        spelled = str(self.asked_feature()) if self.routed else NO_FEATURE
        return Layer(spelled, **{name: self._setting(name) for name in _SETTINGS})

    def _setting(self, name: str) -> Any:
        value = getattr(self, name)
        if name in LIMITS:
            return nearest(name, value)
        return _STARTS_WITH[name] if value == "" else value

    def set_layer(self, layer: Layer) -> None:
        """Take over the settings of a layer."""
        if layer.feature == NO_FEATURE:
            self.feature = NO_FEATURE
        else:
            asked = features.parse(layer.feature)
            self.feature, self.part, self.channel = asked.name, asked.part, asked.channel
            if asked.feature.which:
                self.which = asked.which
            if asked.feature.hertz:
                self.low_hz, self.high_hz = asked.low, asked.high
        for name in _SETTINGS:
            setattr(self, name, getattr(layer, name))


class BEND_PG_layer(LayerSettings, PropertyGroup):
    """A further feature of a route, and how it meets those above it"""
