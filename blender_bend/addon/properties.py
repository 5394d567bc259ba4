"""What a bend strip carries besides its custom properties: the settings and the structure of the stack."""

from __future__ import annotations

from collections.abc import Iterator

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

from ..core import catalogue, models, schedulers
from ..core.catalogue import Choice, Parameter
from . import suggestions, tables
from .bake_settings import BEND_PG_baking
from .beat_settings import BEND_PG_beats
from .condition_settings import BEND_PG_condition, BEND_PG_sound
from .layers import BEND_PG_layer
from .parameters import BEND_PG_parameter, Holder

#: What the strip's own parameters are called before the dot.
SOURCE_HEADING = "Source"


def _rename(bend: BEND_PG_bend, name: str) -> None:
    from .stack import rename_bend

    rename_bend(bend.id_data, bend, name)


def _change_parameters(holder: Holder, context: Context) -> None:
    from .stack import fit_parameters

    fit_parameters(holder.id_data, holder)


def _change_site(bend: BEND_PG_bend, context: Context) -> None:
    from .stack import fit_ranges

    fit_ranges(bend.id_data, bend)


def _show_bend_route(settings: BEND_PG_settings, context: Context) -> None:
    settings.shows_own_route = False


#: A Blender property for every choice of every operator of the catalogue.
_Choices = type("_Choices", (), {"__annotations__": tables.choice_properties()})


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
        items=tables.operator_items(),
        default="rotate_channels",
        update=_change_parameters,
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
        items=tables.items((region.name, region.label, region.summary) for region in catalogue.REGIONS),
        default=catalogue.EVERYWHERE,
        update=_change_parameters,
    )
    inverted: BoolProperty(name="Inverted", description="Bend everything but the region")
    mask_strip: StringProperty(
        name="Mask Strip",
        description="The strip of the sequencer whose bright parts are bent; it may be muted in the film",
    )
    restore: EnumProperty(
        name="Restore",
        description="What the bend gives back afterwards, so that strong bends stay within what the network knows",
        items=tables.items(catalogue.RESTORATIONS),
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
        return [(choice, tables.choice_name(self.operator, choice.name)) for choice in choices]

    def choices(self) -> dict[str, str]:
        """The operator's choices by name."""
        return {choice.name: getattr(self, name) for choice, name in self.open_choices()}

    def check(self) -> None:
        """Refuse an operator, a region or a choice that this version of Bend does not have."""
        tables.check(self, ("operator", "region", "restore", *(name for _, name in self.open_choices())))

    def set_choice(self, name: str, value: str) -> None:
        """Choose; a job says what is wrong with a text that does not fit."""
        setattr(self, tables.choice_name(self.operator, name), value)


class BEND_PG_lora(PropertyGroup):
    """A LoRA that the strip's model wears, and how strongly"""

    name: StringProperty(
        name="LoRA",
        description="The name of a LoRA file from the preferences",
        search=suggestions.loras,
        search_options={"SUGGESTION"},
    )
    strength: FloatProperty(
        name="Strength",
        description="How strongly the LoRA acts; to let the sound move it, add a Multiply bend at the site lora:*",
        default=1.0,
        soft_min=0.0,
        soft_max=2.0,
        min=-10.0,
        max=10.0,
    )


class BEND_PG_settings(Holder, PropertyGroup):
    """Everything that a bend strip knows besides its curves"""

    is_bend: BoolProperty(description="Whether this strip is a bend strip", options={"HIDDEN"})
    sounds: CollectionProperty(type=BEND_PG_sound)
    model: StringProperty(
        name="Model",
        description="mini, the name of a folder from the preferences, or a model of the Hugging Face hub (owner/name)",
        default=models.MINI,
        search=suggestions.models,
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
    source: EnumProperty(
        name="Starts From",
        description="What every frame is painted over",
        items=tables.items(tables.SOURCES),
        default="noise",
        update=_change_parameters,
    )
    scene: EnumProperty(
        name="Scene",
        description="What is painted before the model paints over it",
        items=tables.items((name, label, "") for name, label in catalogue.scenes.SCENES),
        default=catalogue.scenes.DEFAULT_SCENE,
    )
    palette: EnumProperty(
        name="Palette",
        description="The colours of the painted scene",
        items=tables.items((name, label, "") for name, label in catalogue.scenes.PALETTES),
        default=catalogue.scenes.DEFAULT_PALETTE,
    )
    scene_seed: IntProperty(
        name="Scene Seed", description="Another number composes the scene anew", default=0, min=0, max=2**31 - 1
    )
    scene_speed: FloatProperty(
        name="Speed",
        description="How fast the scene moves by itself: 1 is natural, 0 stands still",
        default=1.0,
        soft_min=0.0,
        soft_max=4.0,
        min=-100.0,
        max=100.0,
    )
    scheduler: EnumProperty(
        name="Sampler",
        description="The way from noise to picture",
        items=tables.items(schedulers.SCHEDULERS),
        default="own",
    )
    blending: EnumProperty(
        name="Blending",
        description="How two prompts are blended while the prompt travels",
        items=tables.items(tables.BLENDINGS),
        default="linear",
    )
    decoder: StringProperty(
        name="Decoder",
        description="The name of a decoder folder from the preferences, such as TAESD for quick looks. "
        "Empty: the model's own",
        search=suggestions.decoders,
        search_options={"SUGGESTION"},
    )
    loras: CollectionProperty(type=BEND_PG_lora)
    condition: PointerProperty(type=BEND_PG_condition)
    baking: PointerProperty(type=BEND_PG_baking)
    beats: PointerProperty(type=BEND_PG_beats)
    midi_file: StringProperty(
        name="MIDI File", description="A MIDI file whose notes and controllers are features too", subtype="FILE_PATH"
    )
    midi_start: IntProperty(
        name="MIDI Start", description="How many frames after the start of the strip the MIDI file begins", default=0
    )
    bends: CollectionProperty(type=BEND_PG_bend)
    active_bend: IntProperty(name="Active Bend", default=0, update=_show_bend_route)
    shows_own_route: BoolProperty(
        description="Whether the Route panel shows the strip's own parameter", options={"HIDDEN"}
    )
    fitted_size: IntVectorProperty(size=2, options={"HIDDEN"})

    @property
    def bend(self) -> BEND_PG_bend | None:
        """The active bend."""
        return self.bends[self.active_bend] if 0 <= self.active_bend < len(self.bends) else None

    @property
    def edits(self) -> bool:
        """Whether the pictures that the strip starts from keep their layout."""
        return self.condition.enabled and self.condition.keep_layout and self.source != "noise"

    @property
    def routed_holder(self) -> Holder | None:
        """Whose route is shown: the strip's own settings, or the active bend."""
        return self if self.shows_own_route else self.bend

    def described(self) -> tuple[Parameter, ...]:
        own = catalogue.strip.BY_SOURCE.get(self.source, ())
        if self.edits:
            # What begins with its picture's own noise knows no other, and is not painted over.
            unused = (catalogue.strip.SEED_TRAVEL, catalogue.strip.STRENGTH)
            own = (*(parameter for parameter in own if parameter not in unused), *catalogue.strip.OF_EDIT)
        return (*own, *self.condition.described())

    def heading(self) -> str:
        return SOURCE_HEADING

    def check(self) -> None:
        """Refuse choices that this version of Bend does not have."""
        tables.check(self)
        if self.condition.enabled:
            tables.check(self.condition)

    def holders(self) -> Iterator[Holder]:
        """Everything on the strip that has animated parameters."""
        yield self
        yield from self.bends


CLASSES = (
    BEND_PG_layer,
    BEND_PG_parameter,
    BEND_PG_bend,
    BEND_PG_sound,
    BEND_PG_condition,
    BEND_PG_lora,
    BEND_PG_baking,
    BEND_PG_beats,
    BEND_PG_settings,
)


def register() -> None:
    """Give every strip its settings."""
    Strip.bend_settings = PointerProperty(type=BEND_PG_settings)


def unregister() -> None:
    """Take the settings away; the data stays in the file."""
    del Strip.bend_settings
