"""What a bend strip carries besides its custom properties: the settings and the structure of the stack."""

from __future__ import annotations

from collections.abc import Iterator
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
from bpy.types import Context, PropertyGroup, Scene, Strip

from ...core import catalogue
from ...core.catalogue import Parameter
from ...core.limits import SIDE
from ...core.models import references
from ...core.prompts.schedule import Blending
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
    """A LoRA applied to this strip's model"""

    name: StringProperty(
        name="LoRA",
        description="Name of a LoRA file from the preferences",
        search=suggestions.loras,
        search_options={"SUGGESTION"},
    )
    strength: FloatProperty(
        name="Strength",
        description="Strength of the LoRA; 0 turns it off, negative values reverse it. To animate it with sound, "
        "add a Multiply bend at the site lora:*",
        default=1.0,
        soft_min=0.0,
        soft_max=2.0,
        min=-10.0,
        max=10.0,
    )


def _side(name: str) -> Any:
    return IntProperty(
        name=name,
        description="Size of the picture in pixels, a multiple of 8",
        default=256,
        min=64,
        max=4096,
        step=8,
        subtype="PIXEL",
    )


class BEND_PG_settings(Holder, PropertyGroup):
    """Settings of a bend strip"""

    is_bend: BoolProperty(description="Whether this strip is a bend strip", options={"HIDDEN"})
    sounds: CollectionProperty(type=BEND_PG_sound)
    sound_mark: StringProperty(description="Identifier of a sound strip", options={"HIDDEN"})
    model: StringProperty(
        name="Model",
        description="Diffusion model: mini, a name from the preferences, or a Hugging Face model ID (owner/name)",
        default=references.MINI,
        search=suggestions.models,
        search_options={"SUGGESTION"},
    )
    prompt: StringProperty(name="Prompt", description="Text that describes the picture", default="teal ocean waves")
    negative: StringProperty(name="Negative", description="What the picture should not show")
    seed: IntProperty(
        name="Seed",
        description="Seed of the initial noise, the same on every frame. Changing it gives a different picture",
        default=3,
        min=0,
        max=2**31 - 1,
    )
    width: _side("Width")
    height: _side("Height")
    steps: IntProperty(
        name="Steps",
        description="Number of denoising steps: more take longer and give finer detail; mini works best with 8",
        default=8,
        min=1,
        max=1000,
        soft_max=50,
    )
    guidance: FloatProperty(
        name="Guidance",
        description="How closely the picture follows the prompt; 1 or less turns guidance off",
        default=5.0,
        min=0.0,
        max=100.0,
        soft_max=15.0,
    )
    walk_amount: FloatProperty(
        name="Noise Walk",
        description="How much of the initial noise moves on a circle, making the picture drift. 0: still",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    walk_turns: FloatProperty(
        name="Turns",
        description="Number of times the noise walk circles over the strip; whole numbers make a loop",
        default=1.0,
        min=0.0,
        soft_max=16.0,
    )
    travel: EnumProperty(
        name="Prompt Travel",
        description="Source of the prompts along the strip",
        items=(
            ("NONE", "Off", "One prompt for the whole strip"),
            ("MARKERS", "Markers", "Timeline markers named 'prompt: a calm sea' set the prompt from their frame on"),
            ("TEXT", "Text", "Lines of a text data-block such as '120: a burning forest'"),
        ),
    )
    travel_text: PointerProperty(
        name="Text",
        description="Text data-block with lines of the form 'frame: prompt', in timeline frames",
        type=bpy.types.Text,
    )
    source: EnumProperty(
        name="Starts From",
        description="What every frame starts from",
        items=enums.items(enums.SOURCES),
        default=catalogue.strip.StartsFrom.NOISE,
        update=change_parameters,
    )
    scene: EnumProperty(
        name="Scene",
        description="Procedural scene to start from",
        items=enums.items((name, label, "") for name, label in catalogue.scenes.SCENES),
        default=catalogue.scenes.DEFAULT_SCENE,
    )
    palette: EnumProperty(
        name="Palette",
        description="Colors of the procedural scene",
        items=enums.items((name, label, "") for name, label in catalogue.scenes.PALETTES),
        default=catalogue.scenes.DEFAULT_PALETTE,
    )
    scene_seed: IntProperty(
        name="Scene Seed", description="Seed of the scene's layout", default=0, min=0, max=2**31 - 1
    )
    scene_speed: FloatProperty(
        name="Speed",
        description="Speed of the scene's animation; 1 is natural, 0 is still",
        default=1.0,
        soft_min=0.0,
        soft_max=4.0,
        min=-100.0,
        max=100.0,
    )
    scheduler: EnumProperty(
        name="Sampler",
        description="Denoising sampler",
        items=enums.items((row.name, row.label, row.summary) for row in schedulers.SCHEDULERS),
        default="own",
    )
    spacing: EnumProperty(
        name="Spacing",
        description="Spacing of the sampler's timesteps; few-step models need Trailing",
        items=enums.items(schedulers.SPACINGS),
        default=schedulers.AUTO,
    )
    sigmas: EnumProperty(
        name="Sigmas",
        description="Noise levels of the denoising steps",
        items=enums.items(schedulers.SIGMAS),
        default=schedulers.AUTO,
    )
    prediction: EnumProperty(
        name="Prediction",
        description="What the network predicts, for model files that don't specify it",
        items=enums.items(schedulers.PREDICTIONS),
        default=schedulers.AUTO,
    )
    blending: EnumProperty(
        name="Blending",
        description="How consecutive prompts are blended",
        items=enums.items(enums.BLENDINGS),
        default=Blending.LINEAR,
    )
    prompt_weights: BoolProperty(
        name="Prompt Weights",
        description="Interpret (word:1.3) and (word) as stronger, [word] as weaker, and BREAK as a new chunk of "
        "the prompt. If disabled, brackets are ordinary characters; \\( and \\) always are",
        default=True,
    )
    clip_skip: IntProperty(
        name="CLIP Skip",
        description="Layer of the text encoder to use, counted from the end as in other interfaces: 1 is the "
        "model's default, 2 skips one more layer, as many anime models need",
        default=1,
        min=1,
        max=12,
    )
    decoder: StringProperty(
        name="Decoder",
        description="Name of a decoder from the preferences, such as TAESD for quick previews. Empty: the model's own",
        search=suggestions.decoders,
        search_options={"SUGGESTION"},
    )
    loras: CollectionProperty(type=BEND_PG_lora)
    condition: PointerProperty(type=BEND_PG_condition)
    baking: PointerProperty(type=BEND_PG_baking)
    beats: PointerProperty(type=BEND_PG_beats)
    midi_file: StringProperty(
        name="MIDI File",
        description="MIDI file whose notes and controllers can be used as features",
        subtype="FILE_PATH",
    )
    midi_start: IntProperty(
        name="MIDI Start", description="Start of the MIDI file, in frames after the start of the strip", default=0
    )
    bends: CollectionProperty(type=BEND_PG_bend)
    active_bend: IntProperty(name="Active Bend", default=0, update=_show_bend_route)
    shows_own_route: BoolProperty(description="Show a parameter of the strip in the Route panel", options={"HIDDEN"})
    made: StringProperty(description="How this strip's frames were computed", options={"HIDDEN"})
    flashes: StringProperty(description="Result of the last flash check", options={"HIDDEN"})
    flash_markers: StringProperty(description="Markers of the last flash check", options={"HIDDEN"})
    former_folders: StringProperty(description="Previous frame folders of this strip", options={"HIDDEN"})
    rate: StringProperty(description="Frame rate of this strip's frames", options={"HIDDEN"})
    fitted_size: IntVectorProperty(size=2, options={"HIDDEN"})

    @property
    def bend(self) -> BEND_PG_bend | None:
        """The active bend."""
        return self.bends[self.active_bend] if 0 <= self.active_bend < len(self.bends) else None

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of the frames that are made, in pixels, whole multiples of 8."""
        return self.width // SIDE.multiple * SIDE.multiple, self.height // SIDE.multiple * SIDE.multiple

    @property
    def edits(self) -> bool:
        """Whether the pictures that the strip starts from keep their layout."""
        return self.condition.enabled and self.condition.keep_layout and self.source != catalogue.strip.StartsFrom.NOISE

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
        description="Keep this file's frames in the folder bend_frames next to it, overriding Frame Folder in "
        "the preferences. Enabled by Collect Project",
    )


def unregister() -> None:
    """Take the settings away; the data stays in the file."""
    del Strip.bend_settings
    del Scene.bend_beside
