"""What Live wants of one frame: the job of its draft and its key, found out within a few milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bpy.types import ImageStrip, Scene

from ...core.catalogue.strip import StartsFrom
from ...core.job.job import Job
from ...core.job.resolve import file_name, trace
from ...core.models import references
from ...core.models.references import ModelReference
from ...core.resources.drafts import draft_of
from ..film import curve_values
from ..film.snapshot import Film
from ..host import preferences
from ..timeline import strips
from ..timeline.timing import Placement

#: So long the files of a model are not looked at again; the engine looks at them when it loads them.
MODEL_SECONDS = 3.0

Resolve = Callable[..., ModelReference]


@dataclass(frozen=True)
class Wanted:
    """A frame and its draft.

    Parameters
    ----------
    scene, strip : names
    job : of the draft, with this frame alone
    key : of the draft
    size : of the frame itself
    ready : whether the strip shows the frame itself
    """

    scene: str
    strip: str
    number: int
    job: Job
    key: str
    size: tuple[int, int]
    ready: bool


class Models:
    """The models that were looked up a moment ago, which takes longer than all the rest."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, ModelReference]] = {}

    def resolve(self, name: str, folders: dict[str, str], decoder: str = "") -> ModelReference:
        """The same as ``references.resolve``."""
        asked, now = repr((name, sorted(folders.items()), decoder)), time.monotonic()
        when, found = self._known.get(asked, (0.0, None))
        if found is None or now - when > MODEL_SECONDS:
            found = references.resolve(name, folders, decoder)
            self._known = {asked: (now, found)}
        return found


def of(
    scene: Scene,
    strip: ImageStrip,
    number: int,
    resolve: Resolve = references.resolve,
    tracks: curve_values.Tracks = curve_values.tracks,
) -> Wanted:
    """What is wanted of a frame; see ``job_at``."""
    job = job_at(scene, strip, number, resolve, tracks)
    (whole,) = trace(job)
    return of_job(scene.name, strip.name, job, strips.shown_key(strip, number) == whole.key)


def of_job(scene: str, strip: str, job: Job, ready: bool = False) -> Wanted:
    """What is wanted of the only frame of a job.

    Parameters
    ----------
    ready : whether the strip shows it
    """
    draft = draft_of(job)
    (made,) = trace(draft)
    return Wanted(scene, strip, made.frame.number, draft, made.key, job.size, ready)


def job_at(
    scene: Scene,
    strip: ImageStrip,
    number: int,
    resolve: Resolve = references.resolve,
    tracks: curve_values.Tracks = curve_values.tracks,
) -> Job:
    """The job of one frame.

    Parameters
    ----------
    number : of the timeline, among those of the strip
    resolve : finds a model
    tracks : gives the animated values

    Raises
    ------
    BendError, as ``film.snapshot.take`` does; Unread if a model's files must be read first
    """
    film = Film(scene, strip, Placement.of(strip), [number], resolve, tracks)
    for _ in film.find_sound():
        pass
    (frame,) = (frame for some in film.frames() for frame in some or ())
    return linked(strip, replace(film.job, frames=(frame,)))


def linked(strip: ImageStrip, job: Job) -> Job:
    """A job of one frame, which of a chain knows the one before it, as far as that is there; else it is drawn from
    noise."""
    if job.source != StartsFrom.PREVIOUS:
        return job
    (frame,), store = job.frames, preferences.frame_folder()
    first, before = (
        strips.shown_key(strip, number) for number in (strips.element_range(strip).start, frame.number - 1)
    )
    if not before or not (store / file_name(before)).is_file():
        return job
    anchor = first if (store / file_name(first)).is_file() else before
    return replace(job, frames=(replace(frame, previous=before, anchor=anchor),))
