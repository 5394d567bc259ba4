"""What a bend knows besides its curves: operator, site, steps, channels, region."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty
from bpy.types import Context, PropertyGroup

from ...core import catalogue
from ...core.catalogue import Choice, Parameter
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
_Choices = type("_Choices", (), {"__annotations__": enums.choice_properties()})


class BEND_PG_bend(Holder, _Choices, PropertyGroup):
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
        items=enums.operator_items(),
        default="rotate_channels",
        update=change_parameters,
    )
    site: StringProperty(
        name="Site",
        description="Where the network is bent: latent, noise, or unet: and the path of a module, with * as a wildcard",
        default="latent",
        update=_change_site,
        search=suggestions.sites,
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
        description="The channels that are bent: all, numbers and ranges (0-3, 7), random 25%, top 16, or a cluster "
        "of channels that act alike (cluster 2)",
        default="all",
        search=suggestions.channels,
        search_options={"SUGGESTION"},
    )
    region: EnumProperty(
        name="Region",
        description="The part of the picture that is bent",
        items=enums.items((region.name, region.label, region.summary) for region in catalogue.REGIONS),
        default=catalogue.EVERYWHERE,
        update=change_parameters,
    )
    inverted: BoolProperty(name="Inverted", description="Bend everything but the region")
    mask_strip: StringProperty(
        name="Mask Strip",
        description="The strip of the sequencer whose bright parts are bent; it may be muted in the film",
    )
    restore: EnumProperty(
        name="Restore",
        description="What the bend gives back afterwards, so that strong bends stay within what the network knows",
        items=enums.items(catalogue.RESTORATIONS),
        default=catalogue.RESTORATIONS[0][0],
    )
    enabled: BoolProperty(name="Enabled", description="Whether the bend acts; its curves stay either way", default=True)

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

    def set_choice(self, name: str, value: str) -> None:
        """Choose; a job says what is wrong with a text that does not fit."""
        setattr(self, enums.choice_name(self.operator, name), value)
