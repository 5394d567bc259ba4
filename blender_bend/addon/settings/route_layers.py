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
        {"name": "Gate", "description": "Values below this fraction of the feature's range are ignored", **_SHARE},
    ),
    "median": (
        FloatProperty,
        {
            "name": "Median",
            "description": "Remove outliers shorter than this",
            "soft_max": 0.5,
            **_SECONDS,
        },
    ),
    "attack": (
        FloatProperty,
        {"name": "Attack", "description": "Rise time of the curve", "soft_max": 1.0, **_SECONDS},
    ),
    "release": (
        FloatProperty,
        {
            "name": "Release",
            "description": "Fall time of the curve; longer times let hits ring out",
            "soft_max": 2.0,
            **_SECONDS,
        },
    ),
    "look_ahead": (
        FloatProperty,
        {
            "name": "Look-Ahead",
            "description": "Start rises before the sound, so the picture arrives on the hit",
            "soft_max": 0.5,
            **_SECONDS,
        },
    ),
    "scale": (
        EnumProperty,
        {"name": "Normalize", "description": "Feature values mapped to the ends of the range", "items": items(SCALES)},
    ),
    "bottom": (
        FloatProperty,
        {
            "name": "Bottom",
            "description": "Percentile mapped to the low end of the range",
            "subtype": "PERCENTAGE",
        },
    ),
    "top": (
        FloatProperty,
        {
            "name": "Top",
            "description": "Percentile mapped to the high end of the range",
            "subtype": "PERCENTAGE",
        },
    ),
    "least": (
        FloatProperty,
        {"name": "Minimum", "description": "Feature value mapped to the low end of the range, in the feature's unit"},
    ),
    "most": (
        FloatProperty,
        {"name": "Maximum", "description": "Feature value mapped to the high end of the range, in the feature's unit"},
    ),
    "gain": (
        FloatProperty,
        {
            "name": "Gain",
            "description": "Amplify the feature before it is mapped to the range: above 1, quiet passages reach "
            "further",
            "soft_max": 4.0,
        },
    ),
    "threshold": (
        FloatProperty,
        {"name": "Threshold", "description": "Values below this are ignored; values above it use the whole range"}
        | _SHARE,
    ),
    "gamma": (
        FloatProperty,
        {
            "name": "Gamma",
            "description": "Above 1 emphasizes loud passages, below 1 quiet ones",
            "soft_min": 0.25,
            "soft_max": 4.0,
        },
    ),
    "ease": (EnumProperty, {"name": "Ease", "description": "Shape of the curve", "items": items(EASES)}),
    "invert": (
        BoolProperty,
        {
            "name": "Invert",
            "description": "Map silence to the high end of the range and the loudest moment to the low end",
        },
    ),
    "offset": (
        FloatProperty,
        {
            "name": "Offset",
            "description": "Delay of the curve after the sound; negative values move it earlier",
            "soft_min": -1.0,
            "soft_max": 1.0,
            "unit": "TIME_ABSOLUTE",
        },
    ),
    "first": (
        IntProperty,
        {"name": "First", "description": "First frame on which the feature acts, counted from the start of the strip"},
    ),
    "last": (
        IntProperty,
        {
            "name": "Last",
            "description": "Last frame on which the feature acts, counted from the start of the strip. -1: the "
            "end of the strip",
        },
    ),
    "combine": (
        EnumProperty,
        {"name": "Combine", "description": "How to combine it with the features above", "items": items(COMBINES)},
    ),
    "amount": (
        FloatProperty,
        {"name": "Amount", "description": "Strength of the combination with the features above", **_SHARE},
    ),
    "chain": (EnumProperty, {"name": "Chain", "description": "How the feature is smoothed", "items": items(CHAINS)}),
    "kernel": (
        IntProperty,
        {
            "name": "Kernel",
            "description": "Length of the median filter from the papers, in frames; even numbers are rounded up to odd",
        },
    ),
    "keep": (
        FloatProperty,
        {
            "name": "Envelope",
            "description": "Decay of the envelope from the papers, per frame; 0 follows immediately",
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


_Settings: Any = type("_Settings", (), {"__annotations__": {name: _property(name) for name in _SETTINGS}})


class LayerSettings(_Settings):
    """A mixin for what follows one feature: a parameter with its first feature, and every further one."""

    feature: EnumProperty(
        name="Feature",
        description="Sound feature that drives this parameter",
        items=[*items([(NO_FEATURE, "None", "Not driven by sound")]), *feature_items()],
        default=NO_FEATURE,
    )
    which: IntProperty(name="Number", description="Index of the feature, such as a note or a band", default=1, min=0)
    low_hz: FloatProperty(
        name="From", description="Lower end of the band, in Hz", default=200.0, min=0.0, max=HIGHEST_HZ, step=1000
    )
    high_hz: FloatProperty(
        name="To", description="Upper end of the band, in Hz", default=800.0, min=1.0, max=HIGHEST_HZ, step=1000
    )
    part: EnumProperty(
        name="Part",
        description="Part of the sound to measure",
        items=items(features.PARTS),
        default=features.Part.ALL,
    )
    channel: EnumProperty(
        name="Channel",
        description="Channel of the sound to measure",
        items=items(features.CHANNELS),
        default=features.Channel.HEARD,
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
            (self.part if feature.separable else "") or features.Part.ALL,
            (self.channel if feature.of_channels else "") or features.Channel.HEARD,
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
    """Additional feature of a route and how it combines with those above"""
