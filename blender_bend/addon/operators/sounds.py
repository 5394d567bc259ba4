"""Adding a song, and choosing the sound of a bend strip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Context, Event, Operator, Scene, Strip

from ...core.errors import BendError
from ..host import activity, changes, compat, named_files
from ..host.typed import Result
from ..sound import sound_choice, sound_print
from ..sound.mixdown import LAST_FRAME, check_readable, sound_strips
from ..timeline import strips
from ..timeline.strips import polled_bend_strip
from .shared.polls import OnBendStrip


def add_sound(scene: Scene, path: str) -> Strip:
    """Put a sound at the start of the timeline, above what is there, selected and active.

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE)
    """
    editor = scene.sequence_editor_create()
    channel = strips.free_channel(scene, scene.frame_start, LAST_FRAME)
    strip = editor.strips.new_sound(Path(path).name, path, channel, scene.frame_start)
    try:
        check_readable(strip)
    except BendError:
        sound = strip.sound
        editor.strips.remove(strip)
        if sound is not None and not sound.users:
            bpy.data.sounds.remove(sound)
        raise
    strips.select_only(strip)
    return strip


def kept_path(path: str) -> str:
    """A path as it is kept: relative to the .blend file where a person wants that."""
    blend, relative = bpy.data.filepath, bpy.context.preferences.filepaths.use_relative_paths
    same_drive = Path(path).drive == Path(blend).drive
    return bpy.path.relpath(path) if blend and relative and same_drive else path


class BrowsesSounds:
    """A mixin for operators that take a sound file: the file browser shows those, and films."""

    filter_sound: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})


class BEND_OT_add_sound(BrowsesSounds, Operator):
    """Add a song to the timeline at the first frame of the scene, on a free channel"""

    bl_idname = "bend.add_sound"
    bl_label = "Add Sound"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="File", description="Sound file of the song", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )

    def invoke(self, context: Context, event: Event) -> Result:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Context) -> Result:
        try:
            strip = add_sound(compat.choose_sequencer_scene(context), kept_path(self.filepath))
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{strip.name} starts at frame {compat.left_handle(strip)}")
        return {"FINISHED"}


class BEND_OT_use_sounds(OnBendStrip, Operator):
    """Use the selected sound strips for the bend strip, or all sound on the timeline if none are selected"""

    bl_idname = "bend.use_sounds"
    bl_label = "Use Selected Sound"
    bl_options = {"REGISTER", "UNDO"}

    for_condition: BoolProperty(
        name="For the Sound Condition",
        description="Choose the sound that conditions the pictures instead of the sound that features are "
        "measured from",
        options={"SKIP_SAVE"},
    )
    strip: StringProperty(
        name="Strip", description="Sound strip to use instead of the selected ones", options={"SKIP_SAVE"}
    )
    channel: IntProperty(
        name="Channel",
        description="Channel to use with all its sound strips, including ones added later. 0: none",
        min=0,
        max=128,
        options={"SKIP_SAVE"},
    )
    everything: BoolProperty(
        name="All Sound",
        description="Use all sound on the timeline, including sound added later",
        options={"SKIP_SAVE"},
    )
    add: BoolProperty(name="Add", description="Add it to the sound already chosen", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: Context, properties: Any) -> str:
        if properties.everything:
            return cls.bl_rna.properties["everything"].description
        if properties.channel:
            return f"Use all sound in channel {properties.channel}, including sound added later"
        if properties.strip:
            return f"Use '{properties.strip}', even if it is renamed"
        return "Also use the selected sound strips" if properties.add else cls.__doc__ or ""

    def execute(self, context: Context) -> Result:
        strip = polled_bend_strip(context)
        sounds, settings = sound_strips(strip.id_data), strip.bend_settings
        items = settings.condition.sounds if self.for_condition else settings.sounds
        sound_choice.tidy(strip.id_data, sounds)
        if not self.add:
            items.clear()
        if self.channel:
            items.add().channel = self.channel
        for sound in self._wanted(sounds):
            sound_choice.add(items, sound)
        rest = "the same sound as the features" if self.for_condition else "all sound"
        self.report({"INFO"}, f"Using {', '.join(map(sound_choice.words, items)) or rest}")
        return {"FINISHED"}

    def _wanted(self, sounds: list[Strip]) -> list[Strip]:
        if self.channel or self.everything:
            return []
        if self.strip:
            return [sound for sound in sounds if sound.name == self.strip]
        return [sound for sound in sounds if sound_choice.is_selected(sound)]


class BEND_OT_compare_sound(OnBendStrip, Operator):
    """Check whether the sound files have changed since the curves were baked"""

    bl_idname = "bend.compare_sound"
    bl_label = "Compare"

    def execute(self, context: Context) -> Result:
        strip = polled_bend_strip(context)
        with named_files.press():
            changed = len(sound_print.stale(strip.id_data, strip))
        changes.mark_changed()
        activity.redraw()
        self.report(
            {"INFO"}, "The sound has changed since the bake" if changed else "The sound hasn't changed since the bake"
        )
        return {"FINISHED"}


CLASSES = (BEND_OT_add_sound, BEND_OT_use_sounds, BEND_OT_compare_sound)
