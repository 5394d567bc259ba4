"""What each picture of a bend strip is: ready, out of date, missing or being made.

Known from the last count and kept up to date while frames are made, so that drawing plans nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from itertools import count, islice

import numpy as np
from bpy.types import ImageStrip

from ...core.files.whole import DIGEST
from ...core.job.resolve import file_name
from ..host.slices import Slices
from ..measuring.overlay_geometry import View
from ..timeline import strips
from .plans import Plan

#: Elements that are compared without a pause.
_SLICE = 2000


class State(IntEnum):
    """Of two that share a pixel, the greater one is drawn."""

    READY = 0
    MAKING = 1
    OUTDATED = 2
    MISSING = 3


@dataclass(frozen=True)
class Look:
    """How a state is told.

    Parameters
    ----------
    color : red, green, blue; readable on light and dark themes
    height : share of the bar's height, so that the states differ without their colors
    """

    label: str
    description: str
    color: tuple[float, float, float]
    height: float


LOOKS = {
    State.READY: Look("Ready", "The picture is what the curves say", (0.30, 0.72, 0.42), 1.0),
    State.MAKING: Look("Being made", "The engine is rendering this picture", (0.32, 0.66, 1.0), 1.0),
    State.OUTDATED: Look("Out of date", "Settings or curves have changed since", (1.0, 0.56, 0.12), 1.0),
    State.MISSING: Look("Missing", "Not rendered yet", (0.82, 0.22, 0.26), 0.5),
}


class Known:
    """The states of a strip's elements.

    Parameters
    ----------
    codes : uint8 array, shape (elements,), a ``State`` each
    doubted : whether something has changed since, and is not counted yet
    """

    def __init__(self, codes: np.ndarray) -> None:
        self._codes = codes
        self._making = np.zeros(len(codes), bool)
        self.doubted = False

    @property
    def codes(self) -> np.ndarray:
        """The states as they are to be shown."""
        return np.where(self._making, np.uint8(State.MAKING), self._codes)

    def make(self, places: np.ndarray, making: bool = True) -> None:
        """The engine is at these elements, or is no longer."""
        self._making[places] = making

    def arrive(self, places: np.ndarray, state: State) -> None:
        """These elements were made."""
        self._codes[places] = state
        self._making[places] = False

    def rest(self) -> None:
        """The engine is at nothing."""
        self._making[:] = False


_known: dict[tuple[str, str], Known] = {}
_versions = count(1)
#: Changes with the states.
version = 0


def _changed() -> None:
    global version
    version = next(_versions)


def of(strip: ImageStrip) -> Known | None:
    """What is known of a strip; None if its frames were not counted, or it has other elements by now."""
    known = _known.get((strip.id_data.name, strip.name))
    return known if known is not None and len(known.codes) == len(strip.elements) else None


def at(strip: ImageStrip, frame: int) -> State | None:
    """The state of the picture that a strip shows on a frame; None if it shows none, or it is unknown."""
    known = of(strip)
    if known is None or frame not in strips.frame_range(strip):
        return None
    return State(known.codes[frame - strips.element_range(strip).start])


def tally(strip: ImageStrip) -> dict[State, int]:
    """How many of the frames that a strip shows are in each state; empty if that is unknown."""
    known = of(strip)
    if known is None:
        return {}
    start, shown = strips.element_range(strip).start, strips.frame_range(strip)
    counts = np.bincount(known.codes[shown.start - start : shown.stop - start], minlength=len(State))
    return {state: int(counts[state]) for state in State}


def learn(plan: Plan) -> Slices[None]:
    """Take note of a plan of all frames, once the strip shows what is ready."""
    strip = strips.find(plan.scene, plan.strip)
    if strip is None:
        return
    start, elements = plan.asked.start, len(strip.elements)
    codes = np.full(elements, State.MISSING, np.uint8)
    here = not strips.shows_elsewhere(strip, plan.store)
    names: list[str] = []
    for first in range(0, elements, _SLICE):
        strip = strips.find(plan.scene, plan.strip)
        if strip is None or len(strip.elements) != elements:
            return
        names += [element.filename for element in islice(strip.elements, first, first + _SLICE)]
        yield
    for place, name in enumerate(names):
        if DIGEST.fullmatch(name[:64]):
            codes[place] = State.OUTDATED
        if place % _SLICE == _SLICE - 1:
            yield
    for some in plan.numbers():
        for number in some:
            place = number - start
            if here and 0 <= place < elements and names[place] == file_name(plan.keys[number]):
                codes[place] = State.READY if number in plan.there else State.MISSING
        yield
    _known[plan.scene, plan.strip] = Known(codes)
    _changed()


def doubt(scene: str, strip: str) -> None:
    """Something has changed, and is not counted yet."""
    known = _known.get((scene, strip))
    if known is not None:
        known.doubted = True
        _changed()


def making(plan: Plan) -> None:
    """The engine begins with what a plan found missing."""
    _mark(plan, plan.missing, lambda known, places: known.make(places))


def arrived(plan: Plan, numbers: Iterable[int]) -> None:
    """Frames were made, and the strip shows them unless it asks for others by now."""
    numbers = set(numbers)
    hidden = numbers & plan.asked.hidden
    _mark(plan, numbers - hidden, lambda known, places: known.arrive(places, State.READY))
    _mark(plan, hidden, lambda known, places: known.arrive(places, State.OUTDATED))


def rest(plan: Plan) -> None:
    """The engine is done, or was stopped."""
    known = _known.get((plan.scene, plan.strip))
    if known is not None:
        known.rest()
        _changed()


def _mark(plan: Plan, numbers: Iterable[int], how: Callable[[Known, np.ndarray], None]) -> None:
    strip = strips.find(plan.scene, plan.strip)
    known = of(strip) if strip else None
    if strip is None or known is None:
        return
    places = np.fromiter(numbers, np.int64) - plan.asked.start
    places = places[(places >= 0) & (places < len(strip.elements))]
    if len(places):
        how(known, places)
        _changed()


def forget() -> None:
    """Forget all that is known."""
    _known.clear()
    _changed()


@dataclass(frozen=True)
class Spans:
    """Stretches of one state: frames from ``starts`` to before ``stops``, counted from the first element."""

    starts: np.ndarray
    stops: np.ndarray
    states: np.ndarray


def spans(codes: np.ndarray, first: int, view: View) -> Spans:
    """What is seen of the states: at most one stretch a pixel, and none of the greater states is lost.

    Parameters
    ----------
    codes : uint8 array, shape (elements,)
    first : frame of the first element
    """
    per_pixel = int(np.ceil(max(view.right - view.left, 1.0) / max(view.width, 1)))
    begin = max(int(np.floor(view.left)) - first, 0) // per_pixel * per_pixel
    seen = codes[begin : max(int(np.ceil(view.right)) - first, 0)]
    if not len(seen):
        nothing = np.empty(0, np.int64)
        return Spans(nothing, nothing, nothing)
    blocks = np.maximum.reduceat(seen, np.arange(0, len(seen), per_pixel)) if per_pixel > 1 else seen
    edges = np.concatenate([[0], np.flatnonzero(np.diff(blocks)) + 1, [len(blocks)]])
    frames = np.minimum(begin + edges * per_pixel, begin + len(seen))
    return Spans(frames[:-1], frames[1:], blocks[edges[:-1]])
