"""Generating the frames of a bend strip."""

from __future__ import annotations

from collections.abc import Sequence

from bpy.types import Context, Operator

from ...core.errors import BendError
from ..frames.film_work import FilmWork
from ..host import activity, changes, compat
from ..host.typed import Result
from ..timeline.strips import polled_bend_strip
from .shared.making import MakesFrames
from .shared.polls import OnIdleBendStrip
from .shared.shortcuts import Shortcut


class Generating(OnIdleBendStrip, MakesFrames):
    """What Generate and Preview Frame share: which frames is the only difference."""

    def frames(self, context: Context) -> Sequence[int] | None:
        raise NotImplementedError

    def execute(self, context: Context) -> Result:
        try:
            work = self._work(context)
            work.wait()
        except BendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            activity.end()
        self.report({"INFO"}, work.summary())
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        self.work = self._work(context)

    def finish(self) -> None:
        self.report({"INFO"}, self.work.finish())

    def _work(self, context: Context) -> FilmWork:
        return FilmWork(compat.sequencer_scene(context), polled_bend_strip(context), self.frames(context))


class BEND_OT_generate(Generating, Operator):
    """Render every missing frame of this strip; curves that were never baked are baked first. Esc cancels"""

    bl_idname = "bend.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    def frames(self, context: Context) -> None:
        return None


class BEND_OT_cancel(Operator):
    """Stop what is under way; frames that are finished stay"""

    bl_idname = "bend.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        return activity.current is not None

    def execute(self, context: Context) -> Result:
        if activity.current:
            activity.current.cancel_asked = True
        return {"FINISHED"}


class BEND_OT_forget_precision(OnIdleBendStrip, Operator):
    """Render this strip in the precision that is fastest here; every frame is rendered again"""

    bl_idname = "bend.forget_precision"
    bl_label = "Use This Machine's Precision"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Context) -> Result:
        polled_bend_strip(context).bend_settings.made = ""
        changes.mark_changed()
        return {"FINISHED"}


SHORTCUTS = (Shortcut("bend.generate", "G"),)
CLASSES = (BEND_OT_generate, BEND_OT_cancel, BEND_OT_forget_precision)
