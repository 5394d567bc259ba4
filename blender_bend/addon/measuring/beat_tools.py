"""Beats on the timeline: markers, keys that snap to them, and keys every N beats."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
from bpy.types import FCurve, ImageStrip, Scene

from ...core.errors import BendError, Code
from ...core.sound import beat_grid, beats
from ...core.sound.beats import Grid
from ...core.timebase import FrameRate
from ..host import compat
from ..settings.beat_settings import TEMPO
from ..timeline import keys as keyframes
from ..timeline import markers, strips
from ..timeline.markers import Marker
from ..timeline.timing import Placement
from . import measured

BEATS, BARS, SECTIONS = "BEATS", "BARS", "SECTIONS"
#: How Bend spells its markers.
OWN_NAME = re.compile(r"beat \d+\.\d+|bar \d+|section [A-Z]+|(red )?flash")


def bar_numbers(grid: Grid) -> np.ndarray:
    """The bar of each beat: 1 is the first that is there from its beginning, 0 what comes before it."""
    return np.cumsum(grid.numbers == 1)


def markers_of(kind: str, grid: Grid, rate: FrameRate, first: int) -> list[Marker]:
    """The markers at beats or bars: names and frames of the timeline."""
    frames = (grid.frames(rate) + first).tolist()
    placed = list(zip(frames, bar_numbers(grid).tolist(), grid.numbers.tolist(), strict=True))
    if kind == BARS:
        return [(f"bar {bar}", frame) for frame, bar, number in placed if number == 1]
    return [(f"beat {bar}.{number}", frame) for frame, bar, number in placed]


def section_markers(moments: np.ndarray, rate: FrameRate, first: int) -> list[Marker]:
    """The markers at sections; the first one begins with the strip."""
    frames = np.unique(np.concatenate([[0], rate.frames_at(moments)])) + first
    return [(f"section {_letters(number)}", frame) for number, frame in enumerate(frames.tolist())]


def _letters(number: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    letters = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def place_markers(scene: Scene, strip: ImageStrip, kind: str) -> int:
    """Mark a strip's beats, bars or sections; the markers that Bend had set for this strip go.

    Returns
    -------
    how many markers were set

    Raises
    ------
    BendError if nothing was measured yet
    """
    placement = Placement.of(strip)
    rate, first = placement.rate, placement.sound_frames.start
    if kind == SECTIONS:
        known = measured.known(strip) or {}
        if measured.SECTIONS not in known:
            raise BendError(
                Code.PARAMETER_INVALID, "Sections haven't been detected yet.", "Press Measure.", "bend.measure"
            )
        placed = section_markers(known[measured.SECTIONS], rate, first)
    else:
        placed = markers_of(kind, measured.require_grid(scene, strip, placement), rate, first)
    settings = strip.bend_settings.beats
    settings.marked = markers.place(scene, placed, markers.remembered(strip, settings.marked))
    return len(placed)


def remove_markers(scene: Scene) -> int:
    """Take away every marker that is named as Bend names them; how many there were."""
    own = [(marker.name, marker.frame) for marker in scene.timeline_markers if OWN_NAME.fullmatch(marker.name)]
    markers.remove(scene, own)
    for strip in strips.bend_strips(scene):
        strip.bend_settings.beats.marked = ""
    return len(own)


def curves_of(strip: ImageStrip) -> list[FCurve]:
    """The curves of a strip's parameters."""
    holders = strip.bend_settings.holders()
    keys = [item.key for holder in holders for item, _ in holder.shown_parameters()]
    return [curve for curve in (strips.find_curve(strip, key) for key in keys) if curve is not None]


def snap_keys(scene: Scene, strip: ImageStrip) -> int:
    """Bring the selected keys of a strip's curves to the frames of their nearest beats.

    Returns
    -------
    how many keys moved

    Raises
    ------
    BendError if there are no beats, or no key is selected
    """
    placed = Placement.of(strip)
    grid = measured.require_grid(scene, strip, placed)
    frames = (grid.frames(placed.rate) + placed.sound_frames.start).astype(np.float64)
    selections = [(curve, selected) for curve in curves_of(strip) if (selected := _selected(curve)).any()]
    if not selections:
        raise BendError(
            Code.PARAMETER_INVALID,
            "No keyframes of this strip are selected.",
            "Select keyframes in the Graph Editor or Dope Sheet.",
        )
    return sum(_snap(curve, selected, frames) for curve, selected in selections)


def _selected(curve: FCurve) -> np.ndarray:
    selected = np.zeros(len(curve.keyframe_points), dtype=bool)
    curve.keyframe_points.foreach_get("select_control_point", selected)
    return selected


def _snap(curve: FCurve, selected: np.ndarray, beat_frames: np.ndarray) -> int:
    """Where keys meet, the selected one that was nearest to the beat stays."""
    table = keyframes.read_keys(curve)
    before = table["co"][:, 0].astype(np.float64)
    after = np.where(selected, beat_grid.nearest(beat_frames, before), before)
    moved = (after - before).astype(np.float32)
    for name in ("co", "handle_left", "handle_right"):
        table[name][:, 0] += moved
    table["co"][:, 0] = after
    order = np.lexsort((np.abs(moved), ~selected, np.round(after, 3)))
    first = np.append(True, np.diff(np.round(after[order], 3)) > 0)
    kept = order[first]
    keyframes.write_keys(curve, {name: values[kept] for name, values in table.items()})
    for name in ("select_control_point", "select_left_handle", "select_right_handle"):
        curve.keyframe_points.foreach_set(name, selected[kept])
    return int(np.count_nonzero(moved))


def key_beats(scene: Scene, strip: ImageStrip, keys: Collection[str], count: int, offset: int) -> int:
    """Insert keys every N beats with the curve's current value; they count as the artist's own.

    Parameters
    ----------
    keys : names of custom properties
    count : 1 is every beat
    offset : beats after the first of a bar

    Returns
    -------
    how many keys were set

    Raises
    ------
    BendError if there are no beats
    """
    placed = Placement.of(strip)
    grid = measured.require_grid(scene, strip, placed)
    frames = (placed.rate.frames_at(grid.every(count, offset)) + placed.sound_frames.start).tolist()
    for key in keys:
        path = strips.data_path(strip, key)
        curve = strips.find_curve(strip, key)
        values = [curve.evaluate(frame) if curve else float(strip[key]) for frame in frames]
        curve = curve or compat.ensure_fcurve(scene, path, strip.name)
        keyframes.set_hand_keys(curve, np.array(frames, np.float32), np.array(values, np.float32))
    return len(frames) * len(keys)


def beat_here(scene: Scene, strip: ImageStrip, frame: float, bar: bool) -> None:
    """Correct the grid by the playhead: the nearest beat comes to it, or begins a bar.

    Raises
    ------
    BendError if there are no beats
    """
    placed = Placement.of(strip)
    grid = measured.require_grid(scene, strip, placed)
    settings, rate = strip.bend_settings.beats, placed.rate
    seconds = (frame - placed.sound_frames.start) * float(rate.seconds(1))
    nearest = int(np.abs(grid.times - seconds).argmin())
    if bar:
        # Whatever the grid counts from, the beat becomes the first of a bar if all bars begin so much later.
        factor = settings.settings(placed).factor
        step = round(1 / max(factor, 1e-6)) if factor < 1 else 1
        settings.one = (settings.one + (int(grid.numbers[nearest]) - 1) * step) % (settings.meter * step)
    elif settings.fixed:
        settings.first += (seconds - float(grid.times[nearest])) * float(rate.value)
    else:
        settings.shift += seconds - float(grid.times[nearest])


#: Taps further apart than this start over.
PAUSE_SECONDS = 3.0


class Taps:
    """The taps of a hand: moments on the clock, and the frame that was shown at each."""

    def __init__(self) -> None:
        self.moments: list[float] = []
        self.frames: list[float] = []

    def tap(self, moment: float, frame: float) -> None:
        """One tap.

        Parameters
        ----------
        moment : seconds on a clock that runs evenly
        frame : of the timeline, with its fraction
        """
        if self.moments and moment - self.moments[-1] > PAUSE_SECONDS:
            self.moments, self.frames = [], []
        self.moments.append(moment)
        self.frames.append(frame)

    def apply(self, strip: ImageStrip) -> float | None:
        """Let a strip keep to the tapped tempo; if the timeline was playing, to the tapped beats too.

        Returns
        -------
        beats per minute; None after a single tap

        Raises
        ------
        BendError for taps that are no tempo
        """
        if len(self.moments) < 2:
            return None
        bpm, first = beats.tapped(self.moments)
        settings, placed = strip.bend_settings.beats, Placement.of(strip)
        rate = float(placed.rate.value)
        settings.source, settings.bpm = TEMPO, bpm
        passed = (self.frames[-1] - self.frames[0]) / rate
        if abs(passed - (self.moments[-1] - self.moments[0])) < 0.25 * (self.moments[-1] - self.moments[0]):
            # The clock gives the tempo, the timeline says where its beats lie; frames are coarse, so all are used.
            behind = np.median(np.array(self.frames) / rate - np.array(self.moments))
            settings.first = (first + float(behind)) * rate - placed.start
        return bpm


taps = Taps()
