"""What a bend strip carries besides its custom properties: the settings and the structure of the stack."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import Context, PropertyGroup, Strip

from ..core import catalogue, features, models, sites
from ..core.routes import Route
from . import preferences

NO_FEATURE = "NONE"


def _search_sites(self: Any, context: Context, typed: str) -> list[tuple[str, str]]:
    return [(name, summary) for name, summary in sites.COMMON_SITES]


def _search_models(self: Any, context: Context, typed: str) -> list[tuple[str, str]]:
    named = [(name, "folder in the preferences") for name in preferences.model_folders()]
    return [(models.MINI, "ships with Bend"), *named]


def _plane_items() -> list[tuple[str, str, str]]:
    return [(plane, f"Channels {plane.replace('-', ' and ')}", "") for plane in catalogue.channels.PLANES]


def _rename(bend: BEND_PG_bend, name: str) -> None:
    from .stack import rename_bend

    rename_bend(bend.id_data, bend, name)


def _change_operator(bend: BEND_PG_bend, context: Context) -> None:
    from .stack import fit_parameters

    fit_parameters(bend.id_data, bend)


class BEND_PG_parameter(PropertyGroup):
    """One animated parameter of a bend: the custom property that holds it, and the route that drives it"""

    name: StringProperty()
    key: StringProperty(description="Name of the strip's custom property")
    feature: EnumProperty(
        name="Feature",
        description="What is heard in the sound and drives this parameter",
        items=[(NO_FEATURE, "None", "Not driven by sound"), *((f.name, f.label, f.summary) for f in features.FEATURES)],
    )
    low: FloatProperty(name="From", description="Value of the parameter when the feature is weakest", default=0.0)
    high: FloatProperty(name="To", description="Value of the parameter when the feature is strongest", default=1.0)
    gain: FloatProperty(
        name="Gain",
        description="Strengthens the feature before it meets the range: above 1 quiet passages reach further",
        default=1.0,
        min=0.0,
        soft_max=4.0,
    )
    attack: FloatProperty(
        name="Attack",
        description="How slowly the curve rises",
        default=0.0,
        min=0.0,
        soft_max=1.0,
        max=60.0,
        unit="TIME_ABSOLUTE",
    )
    release: FloatProperty(
        name="Release",
        description="How slowly the curve falls: longer lets a hit ring on",
        default=0.25,
        min=0.0,
        soft_max=2.0,
        max=60.0,
        unit="TIME_ABSOLUTE",
    )
    low_angle: FloatProperty(
        name="From",
        description="Angle when the feature is weakest",
        unit="ROTATION",
        get=lambda self: self.low,
        set=lambda self, value: setattr(self, "low", value),
    )
    high_angle: FloatProperty(
        name="To",
        description="Angle when the feature is strongest",
        unit="ROTATION",
        get=lambda self: self.high,
        set=lambda self, value: setattr(self, "high", value),
    )
    invert: BoolProperty(
        name="Invert", description="Silence gives the upper end of the range, the loudest moment the lower"
    )
    baked: StringProperty(
        description="What the last bake wrote, to tell a person's keys from its own", options={"HIDDEN"}
    )

    def route(self) -> Route:
        """The route as plain data."""
        return Route(**{setting.name: getattr(self, setting.name) for setting in fields(Route)})

    def set_route(self, route: Route) -> None:
        """Take over a route."""
        for setting in fields(Route):
            setattr(self, setting.name, getattr(route, setting.name))

    @property
    def routed(self) -> bool:
        """Whether a feature drives this parameter."""
        return self.feature != NO_FEATURE


class BEND_PG_bend(PropertyGroup):
    """One operator, at one site, over a window of denoising steps"""

    def _get_name(self) -> str:
        return self.title

    def _set_name(self, value: str) -> None:
        _rename(self, value)

    title: StringProperty(options={"HIDDEN"})
    name: StringProperty(
        name="Name", description="What the bend and its curves are called", get=_get_name, set=_set_name
    )
    operator: EnumProperty(
        name="Operator",
        description="What is done to the tensors",
        items=[(o.name, o.label, o.summary) for o in catalogue.OPERATORS],
        default="rotate_channels",
        update=_change_operator,
    )
    site: StringProperty(
        name="Site",
        description="Where the network is bent: latent, noise, or unet: and the path of a module, with * as a wildcard",
        default="latent",
        search=_search_sites,
        search_options={"SUGGESTION"},
    )
    start: FloatProperty(
        name="Steps",
        description="Where in the denoising the bend begins: 0 is the first step",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    end: FloatProperty(
        name="End",
        description="Where in the denoising the bend ends: early steps decide what is where, late ones colour",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    channels: StringProperty(
        name="Channels",
        description="The channels that are bent: all, or numbers and ranges such as 0-3, 7",
        default="all",
    )
    plane: EnumProperty(
        name="Plane",
        description="The two channels that are turned into each other; each pair changes other colours",
        items=_plane_items(),
        default="1-2",
    )
    enabled: BoolProperty(name="Enabled", description="Whether the bend acts; its curves stay either way", default=True)
    parameters: CollectionProperty(type=BEND_PG_parameter)
    active_parameter: IntProperty(default=0)

    def choices(self) -> dict[str, str]:
        """The operator's choices by name."""
        return {choice.name: getattr(self, choice.name) for choice in catalogue.operator(self.operator).choices}


class BEND_PG_sound(PropertyGroup):
    """The name of a sound strip that the bend strip listens to"""

    name: StringProperty()


class BEND_PG_settings(PropertyGroup):
    """Everything that a bend strip knows besides its curves"""

    is_bend: BoolProperty(description="Whether this strip is a bend strip", options={"HIDDEN"})
    sounds: CollectionProperty(type=BEND_PG_sound)
    model: StringProperty(
        name="Model",
        description="mini, the name of a folder from the preferences, or a model of the Hugging Face hub (owner/name)",
        default=models.MINI,
        search=_search_models,
        search_options={"SUGGESTION"},
    )
    prompt: StringProperty(name="Prompt", description="What the picture shows", default="teal ocean waves")
    negative: StringProperty(name="Negative", description="What the picture should not show")
    seed: IntProperty(
        name="Seed",
        description="Another number gives another picture of the same kind; it stays the same on every frame",
        default=3,
        min=0,
        max=2**31 - 1,
    )
    width: IntProperty(
        name="Width", description="In pixels, a multiple of 8", default=256, min=64, max=4096, step=8, subtype="PIXEL"
    )
    height: IntProperty(
        name="Height", description="In pixels, a multiple of 8", default=256, min=64, max=4096, step=8, subtype="PIXEL"
    )
    steps: IntProperty(
        name="Steps",
        description="Denoising steps: more takes longer and looks finer; mini is at its best with 8",
        default=8,
        min=1,
        max=1000,
        soft_max=50,
    )
    guidance: FloatProperty(
        name="Guidance",
        description="How strictly the picture follows the prompt; 1 or less turns guidance off",
        default=5.0,
        min=0.0,
        max=100.0,
        soft_max=15.0,
    )
    walk_amount: FloatProperty(
        name="Noise Walk",
        description="Lets the picture drift: how much of the starting noise moves on a circle. 0 stands still",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    walk_turns: FloatProperty(
        name="Turns",
        description="How many times the walk goes round over the strip; whole numbers make a loop",
        default=1.0,
        min=0.0,
        soft_max=16.0,
    )
    travel: EnumProperty(
        name="Prompt Travel",
        description="Whether the prompt changes along the strip",
        items=(
            ("NONE", "Off", "One prompt for the whole strip"),
            ("MARKERS", "Markers", "Timeline markers named 'prompt: a calm sea' set the prompt from their frame on"),
            ("TEXT", "Text", "Lines of a text: '120: a burning forest'"),
        ),
    )
    travel_text: PointerProperty(
        name="Text", description="Lines of 'frame: prompt', with frames of the timeline", type=bpy.types.Text
    )
    bends: CollectionProperty(type=BEND_PG_bend)
    active_bend: IntProperty(name="Active Bend", default=0)
    fitted_size: IntVectorProperty(size=2, options={"HIDDEN"})

    @property
    def bend(self) -> BEND_PG_bend | None:
        """The active bend."""
        return self.bends[self.active_bend] if 0 <= self.active_bend < len(self.bends) else None


CLASSES = (BEND_PG_parameter, BEND_PG_bend, BEND_PG_sound, BEND_PG_settings)


def register() -> None:
    """Give every strip its settings."""
    Strip.bend_settings = PointerProperty(type=BEND_PG_settings)


def unregister() -> None:
    """Take the settings away; the data stays in the file."""
    del Strip.bend_settings
