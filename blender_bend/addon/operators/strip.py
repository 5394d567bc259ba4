"""Adding a bend strip."""

from __future__ import annotations

from bpy.props import EnumProperty
from bpy.types import Context, ImageStrip, Operator, Scene

from ...core import catalogue
from ...core.errors import BendError
from ...core.wording import counted
from ..frames import fit
from ..host import compat, preferences
from ..host.typed import Result
from ..settings import enums, stack
from ..sound import sound_choice
from ..sound.mixdown import sound_strips
from ..timeline import strips
from .shared.polls import OnIdleBendStrip


def add_bend_strip(scene: Scene, sounds: list, operator: str = "rotate_channels") -> ImageStrip:
    """Make a bend strip over the range of some sound strips, with a first bend that follows the onsets.

    Parameters
    ----------
    sounds : sound strips; without any the strip covers the scene's frame range

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    first = min((compat.left_handle(sound) for sound in sounds), default=scene.frame_start)
    last = max((compat.right_handle(sound) for sound in sounds), default=scene.frame_end + 1)
    strip = strips.create(scene, "Bend", first, last, (256, 256), preferences.frame_folder())
    sound_choice.tidy(scene, sound_strips(scene))
    for sound in sounds:
        sound_choice.add(strip.bend_settings.sounds, sound)
    bend = stack.add_bend(strip, operator)
    bend.start, bend.end = 0.3, 0.7  # late enough to keep the scene, early enough to stay a clean picture
    parameter = bend.parameters[catalogue.operator(operator).parameters[0].name]
    parameter.feature = "onset"
    strips.select_only(strip)
    return strip


class BEND_OT_add_strip(Operator):
    """Add a strip of pictures that a diffusion model generates and the selected sound bends"""

    bl_idname = "bend.add_strip"
    bl_label = "Add Bend Strip"
    bl_options = {"REGISTER", "UNDO"}

    operator: EnumProperty(
        name="First Bend",
        description="Operator of the first bend",
        items=enums.operator_items(),
        default="rotate_channels",
    )

    def execute(self, context: Context) -> Result:
        scene = compat.choose_sequencer_scene(context)
        scene.sequence_editor_create()
        sounds = [sound for sound in sound_strips(scene) if sound_choice.is_selected(sound)] or sound_strips(scene)
        try:
            add_bend_strip(scene, sounds, self.operator)
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BEND_OT_fit_to_song(OnIdleBendStrip, Operator):
    """Set the bend strip to the length of its song, keeping keyframes on the music. Rebake for one on every frame"""

    bl_idname = "bend.fit_to_song"
    bl_label = "Fit to Song"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Context) -> Result:
        strip = strips.polled_bend_strip(context)
        try:
            changed = fit.fit(strip.id_data, strip)
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not changed:
            self.report({"INFO"}, "The strip already matches its song")
            return {"CANCELLED"}
        self.report(
            {"INFO"}, ", ".join(f"{one.name} is now {counted(compat.duration(one), 'frame')} long" for one in changed)
        )
        return {"FINISHED"}


class BEND_OT_show_sequencer(Operator):
    """Show the scene with the bend strip in this workspace's timeline"""

    bl_idname = "bend.show_sequencer"
    bl_label = "Show in Timeline"

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not compat.lacks_sequencer_scene(context):
            cls.poll_message_set("The timeline already shows a scene")
            return False
        return True

    def execute(self, context: Context) -> Result:
        compat.choose_sequencer_scene(context)
        return {"FINISHED"}


CLASSES = (BEND_OT_add_strip, BEND_OT_fit_to_song, BEND_OT_show_sequencer)
