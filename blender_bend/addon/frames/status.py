"""How many frames of the shown bend strip are ready; kept up to date while the window is idle.

No button was pressed, so only the artist's own frame folder is searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...core.errors import BendError
from ...core.models.file_hashes import Unread
from ..capture import capture
from ..film import picture_states, planning
from ..host import activity, changes, preferences, reading
from ..host.idle import IdleJob, Work
from ..process import automatic
from ..timeline import strips
from . import deciding, flash_check


@dataclass(frozen=True)
class Status:
    """What the Generate panel says of a strip.

    Parameters
    ----------
    states : denoising steps that the missing frames need
    outdated : what has changed since it was captured, in words; empty if nothing has
    slow : what is to be said of the precision before the work starts
    kept : whether that is the precision of the strip's frames, where this machine would choose another
    memory : what is to be said of memory, line by line; empty if there is enough
    elsewhere : whether the strip shows frames of another folder, which hasn't been searched
    waiting : whether frames are counted once the model's files are read
    flashes : what the flash check has found in these frames, in words; empty if they are within the limit, or unchecked
    """

    scene: str
    strip: str
    frames: int
    missing: int
    states: int = 0
    problem: BendError | None = None
    outdated: str = ""
    slow: str = ""
    kept: bool = False
    memory: tuple[str, ...] = ()
    elsewhere: bool = False
    waiting: bool = False
    flashes: str = ""


shown: Status | None = None
#: The changes after which frames were counted; see ``changes``.
_counted_at = -1
#: The count under way, and what decides the frames that are counted, or were counted last.
_counting: Iterator[None] | None = None
_counted: deciding.Deciding | None = None


def _between() -> None:
    """Count once the files are read that a count waits for."""
    if shown is not None and shown.waiting:
        activity.redraw()
        if reading.current() is None:
            changes.mark_changed()


def _look() -> Work:
    """Count the frames if anything that decides them has changed; otherwise what was being counted goes on."""
    global _counted, _counted_at, _counting
    scene, strip = strips.shown()
    names = (scene.name, strip.name) if strip is not None else ("", "")
    now = None if strip is None else (yield from deciding.of(scene, strip))
    if _counted_at != changes.changes or now != _counted:
        if now != _counted:
            picture_states.doubt(*names)
        _counted_at, _counted, _counting = changes.changes, now, count()
    elif _counting is None:
        yield from _compare_captured()
    while _counting is not None:  # not ``yield from``: a count goes on where looking again has found nothing new
        if next(_counting, _counting) is _counting:
            _counting = None
        yield None


def _compare_captured() -> Iterator[None]:
    """Say whether what was captured has changed, which the strips below decide."""
    global shown
    strip = strips.find(shown.scene, shown.strip) if shown else None
    if shown is None or strip is None:
        return
    outdated = yield from capture.outdated(strip)
    if shown is not None and outdated != shown.outdated:
        shown = replace(shown, outdated=outdated)
        activity.redraw()


def count() -> Iterator[None]:
    global shown
    scene, strip = strips.shown()
    if strip is None:
        shown = None
        return
    name = strip.name
    scene_name = scene.name
    try:
        elsewhere = strips.shows_elsewhere(strip, preferences.frame_folder())
        plan = yield from planning.plan(scene, strip, pressed=False)
    except BendError as problem:
        shown = _uncounted(Status(scene_name, name, 0, 0), problem)
        activity.redraw()
        return
    yield
    # Undo and hand-edited curves bring back frames that were rendered before: show them at once.
    if len(plan.missing) < len(plan.keys) and not elsewhere:
        yield from picture_states.learn(plan)
        activity.redraw_pictures()
        yield from plan.show_ready()
    yield from picture_states.learn(plan)
    strip = strips.find(scene_name, name)
    outdated = (yield from capture.outdated(strip)) if strip else ""
    flashes = (yield from flash_check.warning(strip, plan)) if strip else ""
    slow, kept = automatic.slow(plan.job.precision), automatic.keeps(plan.job)
    advice = automatic.advice(plan.job) if plan.missing else None
    memory = tuple(advice.lines()) if advice and not advice.fits else ()
    shown = Status(
        scene_name,
        name,
        len(plan.keys),
        len(plan.missing),
        plan.work.states,
        outdated=outdated,
        slow=slow,
        kept=kept,
        memory=memory,
        elsewhere=elsewhere,
        flashes=flashes,
    )
    activity.redraw()
    activity.redraw_pictures()


def _uncounted(known: Status, problem: BendError) -> Status:
    """Why frames were not counted: for good, or until files are read, which begins now."""
    try:
        if isinstance(problem, Unread):
            reading.begin(problem)
            return replace(known, waiting=True)
    except BendError as error:
        problem = error
    return replace(known, problem=problem)


idle = IdleJob(_look, _between)


def register() -> None:
    """Watch the file."""
    idle.start()


def unregister() -> None:
    """Stop watching."""
    global shown, _counting
    shown = _counting = None
    idle.stop()
