"""From a song to a film by one button."""

from __future__ import annotations

from collections import deque
from functools import partial

import bpy
from bpy.props import StringProperty
from bpy.types import Context, Event, FileHandler, Operator, Scene, SoundStrip, Strip

from ...core.errors import BendError, Code
from ..frames import flash_check, new_film, shown
from ..frames.film_work import FilmWork
from ..host import activity, compat, typed
from ..host.typed import Result
from ..sound import sound_choice
from ..sound.mixdown import sound_strips
from ..timeline import anchor
from .shared.making import MakesFrames
from .shared.modal import Watching
from .shared.polls import WhenIdle
from .shared.shortcuts import Shortcut
from .sounds import BrowsesSounds, add_sound, kept_path


def song_of(scene: Scene) -> Strip | None:
    """The song that a film is made from: the selected sound, or the only one there is."""
    songs = [sound for sound in sound_strips(scene) if isinstance(sound, SoundStrip)]
    selected = [sound for sound in songs if sound_choice.is_selected(sound)]
    return next(iter(selected or songs[:1]), None)


class BEND_OT_film_from_song(WhenIdle, BrowsesSounds, MakesFrames, Operator):
    """Set up the scene, add a bend strip that moves with the song, bake its curves and show its first picture"""

    bl_idname = "bend.film_from_song"
    bl_label = "Make Film from Song"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="File",
        description="The song. Empty takes the selected sound strip",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, event: Event) -> Result:
        self._built = False
        if not self.filepath and song_of(compat.sequencer_scene(context)) is None:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return self.watch(context)

    def execute(self, context: Context) -> Result:
        self._built = False
        if not bpy.app.background:  # the file browser calls this
            return self.watch(context)
        try:
            self.start(context)
            self.work.wait()
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"FINISHED" if self._built else "CANCELLED"}
        activity.end()
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        scene = compat.choose_sequencer_scene(context)
        scene.sequence_editor_create()
        song = add_sound(scene, kept_path(self.filepath)) if self.filepath else song_of(scene)
        if song is None:
            raise BendError(Code.SOUND_NONE, "There is no song on the timeline.", "Choose a sound file.")
        strip = new_film.make(scene, song)
        done = new_film.prepare(scene, song)
        self._built = True
        if done:
            self.report({"INFO"}, f"Set for this film: {', '.join(done)}")
        first = compat.left_handle(strip)
        scene.frame_current = first
        self.work = FilmWork(scene, strip, [first], undo=False)

    def _fail(self, error: BendError) -> Result:
        """What was built stays, in an undo step of its own, whatever became of its first picture."""
        result = super()._fail(error)
        return {"FINISHED"} if self._built else result


class BEND_OT_render_film(WhenIdle, Watching, Operator):
    """Bake and generate what the film shows and isn't there yet, then render it"""

    bl_idname = "bend.render_film"
    bl_label = "Render Film"
    bl_options = {"REGISTER"}

    interval = 0.02

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def execute(self, context: Context) -> Result:
        try:
            self.start(context)
            while self.works:
                self.works.popleft()().wait()
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        activity.end()
        self._warn()
        bpy.ops.render.render(animation=True, scene=self.scene)
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        scene = compat.sequencer_scene(context)
        self.scene = scene.name
        self.work: FilmWork | None = None
        found = shown.film(scene)
        if not found:
            raise BendError(
                Code.STRIP_MISSING,
                "No bend strip is seen between the scene's first and last frame.",
                "Unmute the strip and its channel, or change the scene's range.",
            )
        self.works = deque(partial(_work, owner.session_uid, strip.name, frames) for owner, strip, frames in found)

    def update(self) -> bool:
        if self.work is None and self.works:
            self.work = self.works.popleft()()
        if self.work is not None and not self.work.update():
            self.work.finish()
            self.work = None
        return bool(self.work or self.works)

    def cancel_work(self) -> None:
        self.works.clear()
        if self.work is not None:
            self.work.cancel()

    def finish(self) -> None:
        if activity.current and activity.current.cancel_asked:
            raise BendError(Code.CANCELLED, "Canceled.")
        activity.end()
        self._warn()
        bpy.ops.render.render("INVOKE_DEFAULT", animation=True, scene=self.scene)

    def _warn(self) -> None:
        """Say where the film that is about to be rendered flashes, as far as it was checked."""
        for _, strip, _ in shown.film(bpy.data.scenes[self.scene]):
            if warning := flash_check.warning_of_shown(strip):
                self.report({"WARNING"}, f"{strip.name}: {warning}")


def _work(number: int, name: str, frames: list[int]) -> FilmWork:
    strip = anchor.named(number, name)
    return FilmWork(strip.id_data, strip, frames)


class BEND_FH_song(FileHandler):
    """A sound file that is dropped onto the sequencer becomes a film"""

    bl_idname = "BEND_FH_song"
    bl_label = "Film from Song"
    bl_import_operator = "bend.film_from_song"
    bl_file_extensions = ";".join(typed.sound_suffixes())

    @classmethod
    def poll_drop(cls, context: Context) -> bool:
        return context.area is not None and context.area.type == "SEQUENCE_EDITOR"


#: Live is a switch of the window.
SHORTCUTS = (Shortcut("wm.context_toggle", "L", {"data_path": "window_manager.bend_live"}),)
CLASSES = (BEND_OT_film_from_song, BEND_OT_render_film, BEND_FH_song)
