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
from bpy.types import Context, PropertyGroup, Scene, Strip

from ...core import catalogue
from ...core.catalogue import Parameter
from ...core.models import references
from ...core.samplers import schedulers
from . import enums, suggestions
from .bake_settings import BEND_PG_baking
from .beat_settings import BEND_PG_beats
from .bend_settings import BEND_PG_bend, change_parameters
from .condition_settings import BEND_PG_condition, BEND_PG_sound
from .parameters import SOURCE_HEADING, BEND_PG_parameter, Holder
from .route_layers import BEND_PG_layer


def _show_bend_route(settings: BEND_PG_settings, context: Context) -> None:
    settings.shows_own_route = False


class BEND_PG_lora(PropertyGroup):
    """A LoRA applied to this strip's model, and how strongly"""

    name: StringProperty(
        name="LoRA",
        description="The name of a LoRA file from the preferences",
        search=suggestions.loras,
        search_options={"SUGGESTION"},
    )
    strength: FloatProperty(
        name="Strength",
        description="How strongly the LoRA changes the model; 0 turns it off, negative values pull the other way. "
        "To let the sound move it, add a Multiply bend at the site lora:*",
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
    sound_mark: StringProperty(description="What a sound strip is known by to bend strips", options={"HIDDEN"})
    model: StringProperty(
        name="Model",
        description="mini, the name of a folder from the preferences, or a model of the Hugging Face hub (owner/name)",
        default=references.MINI,
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
        items=enums.items(enums.SOURCES),
        default="noise",
        update=change_parameters,
    )
    scene: EnumProperty(
        name="Scene",
        description="What is painted before the model paints over it",
        items=enums.items((name, label, "") for name, label in catalogue.scenes.SCENES),
        default=catalogue.scenes.DEFAULT_SCENE,
    )
    palette: EnumProperty(
        name="Palette",
        description="The colours of the painted scene",
        items=enums.items((name, label, "") for name, label in catalogue.scenes.PALETTES),
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
        items=enums.items((row.name, row.label, row.summary) for row in schedulers.SCHEDULERS),
        default="own",
    )
    spacing: EnumProperty(
        name="Spacing",
        description="Which timesteps the sampler visits; few-step models need Trailing",
        items=enums.items(schedulers.SPACINGS),
        default=schedulers.AUTO,
    )
    sigmas: EnumProperty(
        name="Sigmas",
        description="How the noise level falls from step to step",
        items=enums.items(schedulers.SIGMAS),
        default=schedulers.AUTO,
    )
    prediction: EnumProperty(
        name="Prediction",
        description="What the network predicts; choose it for a model file that doesn't say so",
        items=enums.items(schedulers.PREDICTIONS),
        default=schedulers.AUTO,
    )
    blending: EnumProperty(
        name="Blending",
        description="How two prompts are blended while the prompt travels",
        items=enums.items(enums.BLENDINGS),
        default="linear",
    )
    prompt_weights: BoolProperty(
        name="Prompt Weights",
        description="Read (word:1.3) and (word) as stronger, [word] as weaker, and BREAK as a new part of the prompt. "
        "Off: brackets are ordinary characters. \\( and \\) always are",
        default=True,
    )
    clip_skip: IntProperty(
        name="Clip Skip",
        description="Which layer of the text encoder the model reads, counted from the end as in other interfaces: "
        "1 is the model's own, 2 leaves out one more layer, as many anime models want",
        default=1,
        min=1,
        max=12,
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
    made: StringProperty(description="In which ways this strip's frames were computed", options={"HIDDEN"})
    former_folders: StringProperty(description="Where this strip's frames were kept before", options={"HIDDEN"})
    rate: StringProperty(description="The frame rate at which this strip's frames were counted", options={"HIDDEN"})
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
        enums.check(self)
        if self.condition.enabled:
            enums.check(self.condition)

    def holders(self) -> Iterator[Holder]:
        """Everything on the strip that has animated parameters."""
        yield self
        yield from self.bends

    def routed(self) -> list[tuple[BEND_PG_parameter, Parameter]]:
        """Every parameter of the bends and of the strip itself that a feature drives, with its description."""
        return [shown for holder in self.holders() for shown in holder.shown_parameters() if shown[0].routed]


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
    """Give every strip its settings, and every scene its own."""
    Strip.bend_settings = PointerProperty(type=BEND_PG_settings)
    Scene.bend_beside = BoolProperty(
        name="Keep Beside This File",
        description="Keep this file's frames in the folder bend_frames beside it, whatever Frame Folder the "
        "preferences name. Collect Project turns this on",
    )


def unregister() -> None:
    """Take the settings away; the data stays in the file."""
    del Strip.bend_settings
    del Scene.bend_beside
