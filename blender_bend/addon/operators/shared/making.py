"""What operators share that make frames: the work is followed beside Blender's own."""

from __future__ import annotations

from bpy.types import Context, Event

from ...frames.film_work import FilmWork
from ...host.typed import Result
from .modal import Watching


class MakesFrames(Watching):
    """A mixin; the operator's ``start`` gives it ``work``."""

    interval = 0.02
    work: FilmWork

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def update(self) -> bool:
        return self.work.update()

    def cancel_work(self) -> None:
        self.work.cancel()

    def finish(self) -> None:
        self.work.finish()
