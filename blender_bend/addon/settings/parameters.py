"""The animated parameters of a bend or of the strip itself: custom properties, each with the route that drives it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from bpy.props import CollectionProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup

from ...core.catalogue import Parameter
from ...core.curves.routes import LARGEST, LEVELS, Route
from ...core.limits import brought_within
from ...core.site_kinds import SiteKind
from ..host import typed
from . import enums
from .route_layers import BEND_PG_layer, LayerSettings

#: What the strip's own parameters are called before the dot.
SOURCE_HEADING = "Source"


class BEND_PG_parameter(LayerSettings, PropertyGroup):
    """An animated parameter: its custom property and the route that drives it"""

    name: StringProperty()
    key: StringProperty(description="Name of the strip's custom property")
    low: FloatProperty(name="From", description="Parameter value when the feature is weakest", default=0.0)
    high: FloatProperty(name="To", description="Parameter value when the feature is strongest", default=1.0)
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
    levels: IntProperty(
        name="Levels",
        description="Quantize the curve to this number of levels; identical frames are only rendered once. 0: smooth",
        default=0,
        min=LEVELS[0],
        max=LEVELS[1],
        soft_max=16,
    )
    layers: CollectionProperty(name="More Features", description="Additional features", type=BEND_PG_layer)
    baked: StringProperty(description="Keyframes of the last bake, to detect manual edits", options={"HIDDEN"})
    baked_from: StringProperty(description="Sound of the last bake, to detect changes", options={"HIDDEN"})
    baked_route: StringProperty(description="Route of the last bake, to detect changes", options={"HIDDEN"})
    baked_rate: StringProperty(description="Frame rate of the last bake", options={"HIDDEN"})
    baked_as: StringProperty(description="Settings of the last bake, to repeat it", options={"HIDDEN"})

    def route(self) -> Route:
        """The route as plain data."""
        further = tuple(item.layer() for item in self.layers if item.routed)
        low, high = (brought_within(value, -LARGEST, LARGEST) for value in (self.low, self.high))
        return Route((self.layer(), *further), low, high, int(brought_within(self.levels, *LEVELS)))

    def set_route(self, route: Route) -> None:
        """Take over a route."""
        first, *further = route.layers
        self.set_layer(first)
        self.layers.clear()
        for layer in further:
            self.layers.add().set_layer(layer)
        self.low, self.high, self.levels = route.low, route.high, route.levels

    def asked(self) -> list[str]:
        """The features that must be measured, as ``core.sound.features`` spells them."""
        return self.route().asked()

    def check(self) -> None:
        """Refuse what this version of Bend does not have: features, ways to shape them, numbers beyond their limits."""
        for layer in (self, *self.layers):
            enums.check(layer)

    def route_text(self) -> str:
        """The route as text, to notice that it has changed."""
        return json.dumps(asdict(self.route()), sort_keys=True)


class Holder(typed.GroupMixin):
    """A mixin for what has animated parameters: a bend, and the settings for the strip's own."""

    parameters: CollectionProperty(type=BEND_PG_parameter)
    active_parameter: IntProperty(default=0)
    captured: StringProperty(description="Pictures captured from the sequencer", options={"HIDDEN"})
    captured_from: StringProperty(description="What was captured, to detect changes", options={"HIDDEN"})

    def described(self) -> tuple[Parameter, ...]:
        """The catalog's parameters of this holder with its current settings."""
        raise NotImplementedError

    def heading(self) -> str:
        """What stands before the parameter in the name of its custom property."""
        raise NotImplementedError

    def kind(self) -> str:
        """The kind of the site on which the parameters act."""
        return SiteKind.LATENT

    def shown_parameters(self) -> list[tuple[Any, Parameter]]:
        """The parameters that count now, each with its description; others may wait for their source to come back."""
        return [(self.parameters[p.name], p) for p in self.described() if p.name in self.parameters]

    def active_route(self) -> tuple[Any, Parameter] | None:
        """The parameter whose route is shown, with its description."""
        if not 0 <= self.active_parameter < len(self.parameters):
            return None
        active = self.parameters[self.active_parameter]
        return next((shown for shown in self.shown_parameters() if shown[0] == active), None)
