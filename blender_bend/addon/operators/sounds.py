"""Choosing the sound that a bend strip listens to."""

from __future__ import annotations

from bpy.props import BoolProperty
from bpy.types import Context, Operator

from .. import activity, compat, fingerprint, named_files, status, watching
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


class BEND_OT_compare_sound(OnBendStrip, Operator):
    """Look at the files of the sound, and tell whether they are as they were when the curves were baked"""

    bl_idname = "bend.compare_sound"
    bl_label = "Compare"

    def execute(self, context: Context) -> set[str]:
        strip = active_bend_strip(context)
        with named_files.press():
            changed = len(fingerprint.stale(strip.id_data, strip))
        watching.mark_changed()
        status.mark_changed()
        activity.redraw()
        self.report({"INFO"}, "The sound has changed since the bake" if changed else "The sound is as it was baked")
        return {"FINISHED"}


CLASSES = (BEND_OT_use_sounds, BEND_OT_compare_sound)
