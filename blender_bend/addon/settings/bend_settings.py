"""What a bend knows besides its curves: operator, site, steps, channels, region."""

from __future__ import annotations

from typing import Any

from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty
from bpy.types import Context, PropertyGroup

from ...core import catalogue
from ...core.catalogue import Choice, Parameter
from ...core.job.job import Bend
from ...core.job.resolve import settle
from . import enums, stack, suggestions
from .parameters import Holder


def _rename(bend: BEND_PG_bend, name: str) -> None:
    stack.rename_bend(bend.id_data, bend, name)


def change_parameters(holder: Holder, context: Context) -> None:
    """Give a bend or a strip the parameters that its choices call for."""
    stack.fit_parameters(holder.id_data, holder)


def _change_site(bend: BEND_PG_bend, context: Context) -> None:
    stack.fit_ranges(bend.id_data, bend)


#: A Blender property for every choice of every operator of the catalogue.
_Choices: Any = type("_Choices", (), {"__annotations__": enums.choice_properties()})


class BEND_PG_bend(Holder, _Choices, PropertyGroup):
    """An operator applied at a site during part of the denoising"""

    def _get_name(self) -> str:
        return self.title

    def _set_name(self, value: str) -> None:
        _rename(self, value)

    title: StringProperty(options={"HIDDEN"})
    name: StringProperty(name="Name", description="Name of the bend and its curves", get=_get_name, set=_set_name)
    operator: EnumProperty(
        name="Operator",
        description="Operation applied to the tensors",
        items=enums.operator_items(),
        default="rotate_channels",
        update=change_parameters,
    )
    site: StringProperty(
        name="Site",
        description="Part of the network to bend: latent, noise, or unet: followed by a module path, with * as a "
        "wildcard",
        default="latent",
        update=_change_site,
        search=suggestions.sites,
        search_options={"SUGGESTION"},
    )
    start: FloatProperty(
        name="Steps",
        description="Start of the bend in the denoising; 0 is the first step",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    end: FloatProperty(
        name="End",
        description="End of the bend in the denoising; early steps decide the layout, late ones color",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    channels: StringProperty(
        name="Channels",
        description="Channels to bend: all, numbers and ranges (0-3, 7), random 25%, top 16, or a cluster of "
        "channels that act alike (cluster 2)",
        default="all",
        search=suggestions.channels,
        search_options={"SUGGESTION"},
    )
    region: EnumProperty(
        name="Region",
        description="Part of the picture to bend",
        items=enums.items((region.name, region.label, region.summary) for region in catalogue.REGIONS),
        default=catalogue.EVERYWHERE,
        update=change_parameters,
    )
    inverted: BoolProperty(name="Inverted", description="Bend everything except the region")
    mask_strip: StringProperty(
        name="Mask Strip",
        description="Sequencer strip used as the mask: its bright parts are bent. The strip can be muted",
    )
    restore: EnumProperty(
        name="Restore",
        description="What to restore after the bend, to keep strong bends within the range the network knows",
        items=enums.items(catalogue.RESTORATIONS),
        default=catalogue.RESTORATIONS[0][0],
    )
    enabled: BoolProperty(name="Enabled", description="Apply the bend; its curves are kept either way", default=True)

    def described(self) -> tuple[Parameter, ...]:
        known = self.operator and self.region  # empty if this version of Bend does not have them
        return catalogue.animated_parameters(self.operator, self.region) if known else ()

    def heading(self) -> str:
        return self.title

    def kind(self) -> str:
        return self.site.strip().partition(":")[0]

    def open_choices(self) -> list[tuple[Choice, str]]:
        """The operator's choices, each with the name of the property that holds it."""
        choices = catalogue.operator(self.operator).choices if self.operator else ()
        return [(choice, enums.choice_name(self.operator, choice.name)) for choice in choices]

    def choices(self) -> dict[str, str]:
        """The operator's choices by name."""
        return {choice.name: getattr(self, name) for choice, name in self.open_choices()}

    def check(self) -> None:
        """Refuse an operator, a region or a choice that this version of Bend does not have."""
        enums.check(self, ("operator", "region", "restore", *(name for _, name in self.open_choices())))

    def plain(self) -> Bend:
        """The bend without its animated values, as plain data."""
        start = settle(self.start)
        return Bend(
            name=self.title,
            operator=self.operator,
            site=self.site.strip(),
            start=start,
            end=max(start, settle(self.end)),
            channels=self.channels,
            choices=self.choices(),
            region=self.region,
            inverted=self.inverted,
            restore=self.restore,
        )

    def set_choice(self, name: str, value: str) -> None:
        """Choose; a job says what is wrong with a text that does not fit."""
        setattr(self, enums.choice_name(self.operator, name), value)
