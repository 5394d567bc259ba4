"""The sound strips that a bend strip uses, and how sound conditions its pictures."""

from __future__ import annotations

from typing import Any

from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import Context, PropertyGroup

from ...core.catalogue import Parameter, strip
from ...core.models import references
from ...core.sound.windows import LONGEST
from . import enums, stack, suggestions

JOINT, SEPARATE = "JOINT", "SEPARATE"
GUIDANCES = (
    (JOINT, "Together", "One guidance for prompt and sound, set by the strip's Guidance"),
    (SEPARATE, "Separate", "Separate guidance for the sound, which can be animated"),
)


class BEND_PG_sound(PropertyGroup):
    """A sound strip or channel used by the bend strip"""

    name: StringProperty(description="Name of the sound strip")
    mark: StringProperty(description="Identifier of the sound strip", options={"HIDDEN"})
    channel: IntProperty(description="Channel to use. 0: none", min=0, options={"HIDDEN"})


def _fit_parameters(condition: Any, context: Context) -> None:
    stack.fit_strip(condition.id_data, lambda settings: settings.condition == condition)


class BEND_PG_condition(PropertyGroup):
    """Sound as a condition of the pictures, after SonicDiffusion"""

    enabled: BoolProperty(
        name="Sound Condition",
        description="Condition the pictures on the sound: rain in the sound puts rain in the picture",
        update=_fit_parameters,
    )
    adapters: StringProperty(
        name="Sound Adapters",
        description="Adapters that condition the model on sound: mini, or the name of a folder from the "
        "preferences. They only fit the model they were trained with",
        default=references.MINI,
        search=suggestions.sound_adapters,
        search_options={"SUGGESTION"},
    )
    sounds: CollectionProperty(type=BEND_PG_sound)
    length: FloatProperty(
        name="Window",
        description="Length of the sound around a frame that conditions its picture: short windows follow every "
        "event, long ones the mood",
        default=5.0,
        min=0.05,
        max=LONGEST,
        unit="TIME_ABSOLUTE",
    )
    step: FloatProperty(
        name="Window Step",
        description="Time between windows. Frames within a step share the same window and its computation. 0: a "
        "new window for every frame",
        default=0.5,
        min=0.0,
        max=60.0,
        unit="TIME_ABSOLUTE",
    )
    blended: BoolProperty(
        name="Blend Windows",
        description="Interpolate between windows: smoother, but every frame has to be computed",
    )
    guidance: EnumProperty(
        name="Guidance",
        description="How sound and prompt share the guidance",
        items=enums.items(GUIDANCES),
        default=JOINT,
        update=_fit_parameters,
    )
    start: FloatProperty(
        name="Steps",
        description="Start of the sound condition in the denoising; early steps decide the layout",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    end: FloatProperty(
        name="End",
        description="End of the sound condition in the denoising; late steps decide colors and fine detail",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    blocks: StringProperty(
        name="Blocks",
        description="Strength of the sound in individual blocks, such as mid_block 0.5, up_blocks.1 0. The "
        "middle block decides what appears, the up blocks how it looks. Empty: full strength "
        "everywhere",
        search=suggestions.blocks,
        search_options={"SUGGESTION"},
    )
    keep_layout: BoolProperty(
        name="Keep Layout",
        description="Edit the source pictures by sound and keep their layout, instead of painting over them. "
        "Takes about three times as long",
        update=_fit_parameters,
    )
    embedded: StringProperty(description="Embedding of each window", options={"HIDDEN"})
    embedded_from: StringProperty(description="The sound that was embedded, to detect changes", options={"HIDDEN"})

    def described(self) -> tuple[Parameter, ...]:
        """The animated parameters that count now."""
        if not self.enabled:
            return ()
        return (strip.SOUND_SCALE, *((strip.SOUND_GUIDANCE,) if self.guidance == SEPARATE else ()))
