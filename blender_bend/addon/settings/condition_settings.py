"""What a bend strip hears: the sound strips that it listens to, and how sound conditions its pictures."""

from __future__ import annotations

from typing import Any

from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import Context, PropertyGroup

from ...core.catalogue import Parameter, strip
from ...core.models import references
from ...core.models.sonic_files import LONGEST
from . import enums, stack, suggestions

JOINT, SEPARATE = "JOINT", "SEPARATE"
GUIDANCES = (
    (JOINT, "Together", "Prompt and sound pull as one, as strongly as the strip's Guidance says"),
    (SEPARATE, "Separate", "The sound has a guidance of its own, which a curve can move"),
)


class BEND_PG_sound(PropertyGroup):
    """A sound strip, or a channel, that the bend strip listens to"""

    name: StringProperty(description="What the sound strip was called")
    mark: StringProperty(description="The mark that the sound strip bears", options={"HIDDEN"})
    channel: IntProperty(description="A channel whose sound is heard; 0 is none", min=0, options={"HIDDEN"})


def _fit_parameters(condition: Any, context: Context) -> None:
    stack.fit_strip(condition.id_data, lambda settings: settings.condition == condition)


class BEND_PG_condition(PropertyGroup):
    """How the sound itself conditions the pictures, after SonicDiffusion"""

    enabled: BoolProperty(
        name="Sound Condition",
        description="Lets the picture show what sounds: rain in the sound makes rain in the picture",
        update=_fit_parameters,
    )
    adapters: StringProperty(
        name="Sound Adapters",
        description="What lets the model hear: mini, or the name of a folder from the preferences. They fit the model "
        "that they were trained with",
        default=references.MINI,
        search=suggestions.hearings,
        search_options={"SUGGESTION"},
    )
    sounds: CollectionProperty(type=BEND_PG_sound)
    length: FloatProperty(
        name="Window",
        description="How many seconds of sound around a frame its picture hears: a short window follows every event, a "
        "long one hears the mood",
        default=5.0,
        min=0.05,
        max=LONGEST,
        unit="TIME_ABSOLUTE",
    )
    step: FloatProperty(
        name="Window Step",
        description="After how many seconds the window moves on. Frames in between hear the same, and share what is "
        "computed for them. 0 moves it on every frame",
        default=0.5,
        min=0.0,
        max=60.0,
        unit="TIME_ABSOLUTE",
    )
    blended: BoolProperty(
        name="Blend Windows",
        description="Lets what is heard glide from one window to the next: smoother, and every frame is computed anew",
    )
    guidance: EnumProperty(
        name="Pull",
        description="How the sound pulls beside the prompt",
        items=enums.items(GUIDANCES),
        default=JOINT,
        update=_fit_parameters,
    )
    start: FloatProperty(
        name="Steps",
        description="Where in the denoising the picture begins to hear: early steps decide what is where",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    end: FloatProperty(
        name="End",
        description="Where in the denoising the picture stops hearing: late steps decide colours and fine things",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    blocks: StringProperty(
        name="Blocks",
        description="How strongly single blocks of the network hear, such as mid_block 0.5, up_blocks.1 0. The middle "
        "hears what there is, the way up how it looks. Empty: all of them fully",
        search=suggestions.blocks,
        search_options={"SUGGESTION"},
    )
    keep_layout: BoolProperty(
        name="Keep Layout",
        description="Changes the pictures that the strip starts from by the sound, and leaves everything in its place, "
        "instead of painting over them. Takes about three times as long",
        update=_fit_parameters,
    )
    heard: StringProperty(description="What was heard in each window", options={"HIDDEN"})
    heard_from: StringProperty(description="What was listened to, to notice changes", options={"HIDDEN"})

    def described(self) -> tuple[Parameter, ...]:
        """The animated parameters that count now."""
        if not self.enabled:
            return ()
        return (strip.SOUND_SCALE, *((strip.SOUND_GUIDANCE,) if self.guidance == SEPARATE else ()))
