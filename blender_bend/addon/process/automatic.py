"""What *Automatic* means on this machine: read from what the engine measured, which is asked once if it is unknown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...core.errors import BendError, Code
from ...core.files import caches
from ...core.job.job import Job
from ...core.models import weights
from ...core.precision import Precision
from ...core.process import messages
from ...core.resources import memory_advice, speeds
from ...core.resources.memory_advice import Advice
from ...core.resources.speeds import Speeds
from ...core.resources.ways import AUTOMATIC, AUTOMATIC_BATCH, Choice, choose
from ..host import activity, preferences
from ..host.slices import Slices
from . import engine_client, memory_fit
from .engine_request import Request

#: By engine and device, as ``device_here``: what an engine of this session has said, and what was read from the disk.
known_speeds: dict[tuple[str, str], Speeds] = {}
_read: dict[tuple[str, str], tuple[int, Speeds | None]] = {}


def wanted() -> bool:
    """Whether the preferences leave anything to be chosen."""
    chosen = preferences.preferences()
    return chosen.precision == AUTOMATIC or chosen.batch == AUTOMATIC_BATCH


def known() -> Speeds | None:
    """What is known of this machine without asking; None before the engine has measured."""
    place = device_here()
    if place in known_speeds:
        return known_speeds[place]
    file = speeds.file_in(preferences.cache_folder(caches.STUDIES), place[1])
    try:
        changed = file.stat().st_mtime_ns
    except OSError:
        return None
    if place not in _read or _read[place][0] != changed:
        _read[place] = changed, speeds.kept(file.parent, place[1])
    return _read[place][1]


def device_here() -> tuple[str, str]:
    try:
        python = str(preferences.engine_python())
    except BendError:  # there is none, and nothing is known of it
        python = ""
    return python, preferences.preferences().device


def uncertain() -> bool:
    """Whether Automatic is wanted, and no engine of this session has said what that is.

    What was read from the disk may be out of date: torch, the GPU or an environment variable may have changed.
    """
    return wanted() and device_here() not in known_speeds


def ask_in_slices() -> Slices[None]:
    """Ask the engine, for a caller with a window who shows what it is at.

    Raises
    ------
    BendError(ENGINE_MISSING), and with what the engine said
    """
    request = engine_client.client().request(messages.SPEEDS)
    try:
        while not request.ended:
            for message in request.poll():
                if message.type == messages.PHASE and activity.current:
                    activity.current.phase = str(message.data["text"])
            yield
    except GeneratorExit:
        request.cancel()
        raise
    _take_in(request)


class Measuring:
    """The measuring for somebody who comes back to it, begun as soon as it is uncertain what Automatic means."""

    def __init__(self) -> None:
        self._slices: Slices[None] | None = None

    @property
    def under_way(self) -> bool:
        """Whether the engine has been asked, and its answer has not been taken in."""
        return self._slices is not None

    def goes_on(self) -> bool:
        """Go on for a moment; whether the answer is still to come, without which frames would be of another precision.

        Raises
        ------
        BendError
        """
        if self._slices is None and uncertain():
            self._slices = ask_in_slices()
        if self._slices is None:
            return False
        if next(self._slices, self._slices) is not self._slices:
            return True
        self._slices = None
        return False

    def close(self) -> None:
        """Wait for the answer no more."""
        if self._slices is not None:
            self._slices.close()
            self._slices = None


def ask() -> None:
    """The same for a caller who waits.

    Raises
    ------
    BendError
    """
    _take_in(engine_client.client().request(messages.SPEEDS, urgent=True))


def _take_in(request: Request) -> None:
    """Note what the engine says; waits until it has."""
    try:
        known_speeds[device_here()] = Speeds.from_json(str(request.result().get("speeds")))
    except ValueError as error:
        raise BendError(Code.MESSAGE_INVALID, f"The engine couldn't measure its speed ({error}).") from error


def choice(job: Job, text: str) -> Choice:
    """The ways of a strip's frames.

    Parameters
    ----------
    job : the strip's, in any way
    text : what the strip remembers
    """
    chosen = preferences.preferences()
    found = known()
    precision = chosen.precision
    if precision == AUTOMATIC:
        precision = Precision.FLOAT32 if found is None else found.precision(weights.asks_for_bfloat16(Path(job.model)))
    batch = 1
    if chosen.batch != AUTOMATIC_BATCH:
        batch = chosen.batch
    elif found is not None:
        batch = memory_advice.batch_that_fits(replace(job, precision=precision), found)
    here = memory_fit.fitting(replace(job, precision=precision, batch=batch))
    made = choose(chosen.precision, chosen.batch, here, text)
    making, fresh = (memory_fit.fitting(way.of(job)) for way in (made.making, made.fresh))
    good = tuple(dict.fromkeys(way for way in (made.making, *made.good) if way != making))
    return Choice(making, good, fresh)


def advice(job: Job) -> Advice | None:
    """What is known of a job's memory; None if that is nothing."""
    found = known()
    return memory_advice.advise(job, found) if found else None


def slow(precision: str) -> str:
    """What is to be said of a precision before the work starts; empty for a sound one."""
    found = known()
    return found.warning(precision) if found else ""


def keeps(job: Job) -> bool:
    """Whether a job keeps the precision that its strip's frames were made with, where Automatic means another here."""
    found = known()
    automatic = preferences.preferences().precision == AUTOMATIC
    return bool(automatic and found and job.precision != found.precision(weights.asks_for_bfloat16(Path(job.model))))


def summary() -> str:
    """One line for the preferences."""
    found = known()
    if found is None:
        return "Automatic: measured before the first picture is rendered"
    return found.summary(found.precision())


def forget() -> None:
    """Forget what this session knows; what is on the disk is read again."""
    known_speeds.clear()
    _read.clear()
