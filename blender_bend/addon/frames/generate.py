"""Generate: from a bend strip to frames in the store and on the strip, so that the window never waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpy.types import ImageStrip, Scene

from ...core.models import file_hashes
from ..condition import embedding
from ..film.planning import begin, plan
from ..film.plans import Plan
from ..host import activity, named_files, reading
from ..host.slices import Slices, at_once
from ..process import automatic
from ..timeline import anchor
from .generation import Generation

__all__ = ["Generation", "Plan", "fill_store", "plan", "prepare"]


def prepare(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None) -> Slices[Plan]:
    """Read the model's files if they never were, embed the sound if it conditions the pictures, then plan.

    The plan ends where something is missing; the engine can begin with that, while ``Generation`` plans the rest.

    Raises
    ------
    BendError for what cannot be read, embedded or rendered
    """
    number, name = scene.session_uid, strip.name
    return (yield from reading.once_read(lambda: _prepare(number, name, frames), activity.say))


def _prepare(number: int, name: str, frames: Sequence[int] | None) -> Slices[Plan]:
    found = anchor.named(number, name)
    yield from embedding.ensure_in_slices(found.id_data, found)
    found = anchor.named(number, name)
    planned = yield from begin(found.id_data, found, frames)
    if planned.missing and automatic.uncertain():  # what is there needs no engine
        yield from automatic.ask_in_slices()
        again = anchor.named(number, name)
        planned = yield from begin(again.id_data, again, frames)
    yield from planned.show_ready()
    return planned


@file_hashes.reading_here()
def fill_store(
    scene: Scene,
    strip: ImageStrip,
    frames: Sequence[int] | None = None,
    progress: Callable[[Generation], None] = lambda _: None,
) -> Generation:
    """Generate and wait: for scripts, background mode and the render handler.

    Returns
    -------
    the finished generation; ``rendered`` counts the pictures made

    Raises
    ------
    BendError
    """
    embedding.ensure(scene, strip)
    with named_files.press():
        planned = at_once(plan(scene, strip, frames))
    if planned.missing and automatic.uncertain():
        automatic.ask()
        with named_files.press():
            planned = at_once(plan(scene, strip, frames))
    generation = Generation(planned, urgent=True)  # Blender waits within a render, or a script does
    generation.wait(progress)
    return generation
