"""What Bend is doing right now, and what failed last: the panel shows it, the modal operators keep it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

import bpy

from ...core.errors import BendError, Code

log = logging.getLogger(__name__)

#: Failures that are over once the engine works.
_OF_ENGINE = {
    Code.ENGINE_DIED,
    Code.ENGINE_MISSING,
    Code.ENGINE_VERSION,
    Code.PYTHON_UNFIT,
    Code.SETUP_BUSY,
    Code.SETUP_FAILED,
    Code.SETUP_SPACE,
}


@dataclass
class Activity:
    """Something that takes a while.

    Parameters
    ----------
    title : what, in a verb: ``Generating``
    total : number of steps; 0 if unknown
    says : where it is, for an activity that does not count frames
    """

    title: str
    total: int = 0
    done: int = 0
    phase: str = ""
    says: str = ""
    cancel_asked: bool = False
    began: float = field(default_factory=time.monotonic)
    first_step: float | None = None

    def advance(self, done: int) -> None:
        """So many steps are done now."""
        if done and self.first_step is None:
            self.first_step = time.monotonic()
        self.done = done

    @property
    def fraction(self) -> float:
        """How much is done, 0...1."""
        return self.done / self.total if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the steps since the first one; None before there are two."""
        if self.first_step is None or self.done < 2:
            return None
        return (time.monotonic() - self.first_step) / (self.done - 1) * (self.total - self.done)

    def text(self) -> str:
        """One line for the progress bar."""
        if self.cancel_asked:
            return "Canceling…"
        if self.says:
            return self.says
        if not self.done:
            return self.phase or self.title
        left = self.seconds_left
        time_left = f", {clock(left)} left" if left is not None else ""
        return f"Frame {self.done} of {self.total}{time_left}"


def renders() -> bool:
    """Whether Blender renders beside its window, as it does when a person has asked for it."""
    return bool(bpy.app.is_job_running("RENDER"))


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds: 0:40."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


current: Activity | None = None
last_failure: BendError | None = None
#: How long a denoising step took in the last run of the engine.
seconds_per_state: float | None = None
#: Whether Bend itself lets Blender render right now, to see what strips look like; handlers leave that alone.
grabbing = False
#: Whether Blender waits within a render, where the current frame must not be set.
rendering = False


def begin(title: str, total: int = 0) -> Activity:
    """Start showing an activity; the failure before it is forgotten."""
    global current, last_failure
    current, last_failure = Activity(title, total), None
    return current


def say(text: str) -> None:
    """Show where the activity is, if there is one."""
    if current is None:
        return
    if current.says:
        current.says = text
    else:
        current.phase = text


def end(failure: BendError | None = None) -> None:
    """Stop showing it; a failure is shown until it is dismissed."""
    global current, last_failure
    current = None
    if failure and failure.code != Code.CANCELLED:
        last_failure = failure
        log.warning("%s", failure)
    redraw()


def unexpected(error: Exception) -> BendError:
    """Something that no code of Bend foresaw, as a failure that can be shown; the console has the whole story."""
    log.error("unexpected", exc_info=error)
    return BendError(
        Code.INTERNAL,
        f"Unexpected error: {type(error).__name__}: {error}.",
        "See the log for details.",
        "bend.show_log",
    )


def dismiss() -> None:
    """Forget the last failure."""
    global last_failure
    last_failure = None
    redraw()


def engine_is_well() -> None:
    """Forget the last failure if it was of the engine itself, such as a failed set-up."""
    if last_failure and (last_failure.code in _OF_ENGINE or last_failure.action == "bend.set_up_engine"):
        dismiss()


def redraw() -> None:
    """Let every sequencer draw its sidebar again, and only that: strips and preview are dear to draw."""
    _redraw("UI")


def redraw_timelines() -> None:
    """Let every sequencer draw its strips again, because what is drawn over them has changed."""
    _redraw("WINDOW")


def redraw_previews() -> None:
    """Let every sequencer draw its preview again, because what is drawn over it has changed."""
    _redraw("PREVIEW")


def redraw_pictures() -> None:
    """Let every sequencer draw its strips and its preview again, because what is said of their pictures has changed."""
    _redraw("WINDOW")
    _redraw("PREVIEW")


def _redraw(kind: str) -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                for region in area.regions:
                    if region.type == kind:
                        region.tag_redraw()
