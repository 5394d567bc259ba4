"""The properties of strips and modifiers that can be heard: all but those that are known not to be.

So what a later Blender adds counts.
"""

from __future__ import annotations

from typing import Any

from bpy.types import Scene, SequenceTimelineChannel, Strip, StripModifier

from ..host import typed
from ..timeline import strips
from . import animated, rna_values

#: Properties of strips that only the picture has, that name a place in the sequencer, or that are read by themselves.
_SEEN = {
    *("type", "select_left_handle", "select_right_handle", "lock", "channel", "color_tag", "show_retiming_keys"),
    *("show_waveform", "blend_type", "blend_alpha", "effect_fader", "use_default_fade", "use_linear_modifiers"),
    *("use_deinterlace", "alpha_mode", "use_flip_x", "use_flip_y", "use_float", "use_reverse_frames"),
    *("color_multiply", "multiply_alpha", "color_saturation", "strobe", "transform", "crop", "use_proxy"),
    *("proxy", "scene_camera", "view_layer", "use_annotations", "modifiers", "strips", "sequences", "channels"),
    *("connections", "sound", "scene", "retiming_keys", "frame_final_duration", "frame_start"),
    *("frame_final_start", "frame_final_end", "frame_offset_start", "frame_offset_end", "duration"),
    *("content_start", "left_handle", "right_handle", "left_handle_offset", "right_handle_offset"),
    *("animation_offset_start", "animation_offset_end", "content_trim_start", "content_trim_end"),
}
#: Modifiers that change pictures.
_OF_PICTURES = {
    *("BRIGHT_CONTRAST", "COLOR_BALANCE", "COMPOSITOR", "CURVES", "HUE_CORRECT", "MASK", "TONEMAP", "WHITE_BALANCE"),
}
#: What every modifier has, and only pictures heed.
_MASKS = {"type", "input_mask_type", "mask_time", "input_mask_strip", "input_mask_id"}
#: One switch under two names, since Blender 5.0.
_ENABLE, _MUTE = "enable", "mute"


def of_strip(strip: Strip) -> list[str]:
    """The names of a strip's own properties, besides those of its place in time."""
    return [name for name in rna_values.names(type(strip)) if name not in _SEEN]


def modifiers(strip: Strip) -> list[StripModifier]:
    """A strip's modifiers of sound."""
    return [modifier for modifier in strip.modifiers if modifier.type not in _OF_PICTURES]


def of_modifier(scene: Scene, modifier: StripModifier) -> list[str]:
    """The names of a modifier's properties; of its two names of one switch, the one that is animated."""
    names = [name for name in rna_values.names(type(modifier)) if name not in _MASKS]
    if _ENABLE in names:
        moved = animated.moving(scene, f"{modifier.path_from_id()}.{_ENABLE}")
        names.remove(_MUTE if moved else _ENABLE)
    return names


def channels(scene: Scene, strip: Strip) -> list[SequenceTimelineChannel]:
    """The channels in which a strip and its meta strips lie; a muted one silences what is in it."""
    chain = [strip, *strips.parents(strip)]
    owners: list[Any] = [*chain[1:], typed.editor(scene)]
    return [owner.channels[inner.channel] for inner, owner in zip(chain, owners, strict=True)]
