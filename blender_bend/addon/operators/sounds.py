"""Choosing the sound that a bend strip listens to."""

from __future__ import annotations

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

    def execute(self, context: Context) -> set[str]:
        strip = active_bend_strip(context)
        strip.bend_settings.sounds.clear()
        chosen = [sound for sound in sound_strips(compat.sequencer_scene(context)) if sound.select]
        for sound in chosen:
            strip.bend_settings.sounds.add().name = sound.name
        self.report({"INFO"}, f"Listening to {', '.join(sound.name for sound in chosen) or 'every sound'}")
        return {"FINISHED"}


CLASSES = (BEND_OT_use_sounds,)
