"""What is known of Blender's things where their types leave it open, and the classes that mixins are for.

Nothing is done here that mypy would not have to be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import bpy
from bpy.types import (
    ID,
    AnimData,
    Area,
    Context,
    EnumProperty,
    EnumPropertyItem,
    FModifier,
    FModifierEnvelope,
    FModifierEnvelopeControlPoints,
    ImageStrip,
    Object,
    Scene,
    SequenceEditor,
    SpaceSequenceEditor,
    Speaker,
    Strip,
    bpy_prop_collection,
    bpy_struct,
)

if TYPE_CHECKING:
    from bpy.types import Menu as MenuMixin
    from bpy.types import Operator as OperatorMixin
    from bpy.types import Panel as PanelMixin
    from bpy.types import PropertyGroup as GroupMixin
else:  # Blender registers every class that is made of one of its own, and a mixin is none of them
    MenuMixin = OperatorMixin = PanelMixin = GroupMixin = object

#: What operators tell Blender.
Result = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]


def editor(scene: Scene) -> SequenceEditor:
    """The sequence editor of a scene that has strips, and so has one."""
    assert scene.sequence_editor is not None
    return scene.sequence_editor


def name_of(data: ID | None) -> str:
    """The name of a data-block; nothing that is asked here is without one."""
    assert data is not None
    return data.name


def enum_items(kind: type[bpy_struct], name: str) -> bpy_prop_collection[EnumPropertyItem]:
    """The items of a property that is one of some."""
    return cast(EnumProperty, kind.bl_rna.properties[name]).enum_items


def turn(area: Area, kind: str) -> None:
    """Turn an area into another editor."""
    cast(Any, area).type = kind


def timeline_overlay(area: Area) -> Any:
    """What an area that is a sequencer draws on its strips."""
    return cast(SpaceSequenceEditor, area.spaces.active).timeline_overlay


def speaker(item: Object) -> Speaker:
    """The data of an object that is a speaker."""
    return cast(Speaker, item.data)


def control_points(modifier: FModifier) -> FModifierEnvelopeControlPoints:
    """The points of an envelope, a modifier of a curve."""
    return cast(FModifierEnvelope, modifier).control_points


def animation(scene: Scene) -> AnimData:
    """The animation of a scene that has some."""
    assert scene.animation_data is not None
    return scene.animation_data


def sound_suffixes() -> list[str]:
    """The ends of the names of files that Blender takes for sounds."""
    return sorted(cast(Any, bpy.path).extensions_audio)


def of_images(strip: Strip) -> ImageStrip:
    """A strip that is one of images."""
    return cast(ImageStrip, strip)


def sequencer_space(context: Context) -> SpaceSequenceEditor:
    """The sequencer that is drawn."""
    return cast(SpaceSequenceEditor, context.space_data)
