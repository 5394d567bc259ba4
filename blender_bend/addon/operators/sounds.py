"""Choosing the sound that a bend strip listens to."""

from __future__ import annotations

from bpy.props import BoolProperty
from bpy.types import Context, Operator

from .. import compat
from ..sound import sound_strips
from ..strips import active_bend_strip
from .polls import OnBendStrip


class BEND_OT_use_sounds(OnBendStrip, Operator):
    """Let the bend strip listen to the selected sound strips; with none selected, to every sound on the timeline"""

    bl_idname = "bend.use_sounds"
    bl_label = "Use Selected Sound"
    bl_options = {"REGISTER", "UNDO"}

    for_condition: BoolProperty(
        name="For the Sound Condition",
        description="Choose what the pictures hear, instead of what the features are measured of",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: Context) -> set[str]:
        strip = active_bend_strip(context)
        settings = strip.bend_settings
        sounds = settings.condition.sounds if self.for_condition else settings.sounds
        sounds.clear()
        chosen = [sound for sound in sound_strips(compat.sequencer_scene(context)) if sound.select]
        for sound in chosen:
            sounds.add().name = sound.name
        rest = "the same sound as the features" if self.for_condition else "every sound"
        self.report({"INFO"}, f"Listening to {', '.join(sound.name for sound in chosen) or rest}")
        return {"FINISHED"}


CLASSES = (BEND_OT_use_sounds,)
