"""The animated parameters of a bend or of the strip itself: custom properties, each with the route that drives it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup

from ..core import features
from ..core.catalogue import Parameter
from ..core.routes import Route
from .tables import items

NO_FEATURE = "NONE"


class BEND_PG_parameter(PropertyGroup):
    """One animated parameter: the custom property that holds it, and the route that drives it"""

    name: StringProperty()
    key: StringProperty(description="Name of the strip's custom property")
    feature: EnumProperty(
        name="Feature",
        description="What is heard in the sound and drives this parameter",
        items=items(
            [(NO_FEATURE, "None", "Not driven by sound"), *((f.name, f.label, f.summary) for f in features.FEATURES)]
        ),
        default=NO_FEATURE,
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


class Holder:
    """A mixin for what has animated parameters: a bend, and the settings for the strip's own."""

    parameters: CollectionProperty(type=BEND_PG_parameter)
    active_parameter: IntProperty(default=0)
    captured: StringProperty(description="The pictures captured from the sequencer", options={"HIDDEN"})
    captured_from: StringProperty(description="What was captured, to notice changes", options={"HIDDEN"})

    def described(self) -> tuple[Parameter, ...]:
        """The catalogue's parameters of this holder, as it is set now."""
        raise NotImplementedError

    def heading(self) -> str:
        """What stands before the parameter in the name of its custom property."""
        raise NotImplementedError

    def kind(self) -> str:
        """The kind of the site on which the parameters act."""
        return "latent"

    def shown_parameters(self) -> list[tuple[Any, Parameter]]:
        """The parameters that count now, each with its description; others may wait for their source to come back."""
        return [(self.parameters[p.name], p) for p in self.described() if p.name in self.parameters]

    def active_route(self) -> tuple[Any, Parameter] | None:
        """The parameter whose route is shown, with its description."""
        if not 0 <= self.active_parameter < len(self.parameters):
            return None
        active = self.parameters[self.active_parameter]
        return next((shown for shown in self.shown_parameters() if shown[0] == active), None)
