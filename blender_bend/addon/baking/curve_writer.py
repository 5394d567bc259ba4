"""One curve of a bake: from a value on every frame to keys, in every mode, around what a person did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from bpy.types import FCurve, ImageStrip

from ...core.curves import event_keys
from ...core.curves import keys as curves
from ...core.curves.keys import Keys
from ...core.timebase import FrameRate
from ...core.wording import counted
from ..host import compat
from ..host.slices import Slices, at_once
from ..settings.bake_settings import DENSE, EVENTS, Options
from ..settings.parameters import BEND_PG_parameter
from ..timeline import strips
from ..timeline.keys import (
    ATTRIBUTES,
    KeyTable,
    Memory,
    hand_keys,
    merge,
    no_keys,
    read_keys,
    read_shape,
    rows,
    select,
    table_of,
    ticks,
    write_keys,
)
from ..timeline.timing import Placement
from . import range_cuts

#: The name of the F-curve modifier that makes a baked curve a loop.
LOOP = "Bend Loop"


@dataclass(frozen=True)
class Sound:
    """What is to be written on one curve.

    Parameters
    ----------
    values : float array, shape (frames,), within the parameter's limits
    frames : frames of the timeline that the values are for
    limits : least and greatest value of the parameter
    rate : of the frames
    span : the unit of the tolerance: how far the route reaches
    rest, full : the values of silence and of full strength, for events
    hits : frames on which something happens, ascending, for events
    """

    values: np.ndarray
    frames: range
    limits: tuple[float, float]
    rate: FrameRate
    span: float
    rest: float = 0.0
    full: float = 1.0
    hits: np.ndarray | None = None


@dataclass
class Report:
    """What a bake did."""

    curves: int = 0
    keys: int = 0
    kept: int = 0

    def counts(self) -> str:
        """The keys in words: 240 keys, 12 kept by hand."""
        kept = f", kept {counted(self.kept, 'manual key')}" if self.kept else ""
        return f"{counted(self.keys, 'key')} on {counted(self.curves, 'curve')}{kept}"

    def summary(self) -> str:
        """One line for the artist."""
        return f"Baked {self.counts()}"


@dataclass(frozen=True)
class _Extent:
    """The frames that a bake is about.

    Parameters
    ----------
    wanted : those that are to be baked
    written : those that get keys: the frame after the last closes a loop
    everywhere : those that are known of the sound, and of the curve
    """

    wanted: range
    written: range
    everywhere: range
    loops: bool
    whole: bool

    @classmethod
    def of(cls, frames: range, options: Options) -> _Extent:
        """The extent of what the options choose of the frames of a sound."""
        wanted = options.within(frames)
        loops = options.cyclic and wanted.stop == frames.stop
        written = range(wanted.start, wanted.stop + loops)
        return cls(wanted, written, range(frames.start, max(frames.stop, written.stop)), loops, wanted == frames)

    @property
    def here(self) -> slice:
        """The written frames among all."""
        return slice(self.written.start - self.everywhere.start, self.written.stop - self.everywhere.start)


class Writing:
    """The writing of one parameter's keys, in steps between which the window is come back to.

    What the last bake added to the curve is taken back first. Keys of a person stay, at the frames where they are; if
    the sound is added to them they carry it. Keys outside the frames of the options stay, and so does the curve there.
    """

    def __init__(
        self, strip: ImageStrip, placed: Placement, parameter: BEND_PG_parameter, sound: Sound, options: Options
    ) -> None:
        self._sound, self._options = sound, options
        self._extent = extent = _Extent.of(sound.frames, options)
        self._start = placed.start
        self._state = _state(strip, placed, parameter)
        curve = strips.find_curve(strip, parameter.key)
        self._before = before = no_keys() if curve is None else read_shape(curve)
        # Who deletes a whole curve wants a new one, not a curve without keys.
        known = placed.count + len(sound.frames) + len(before["co"])
        self._memory = Memory.decode(parameter.baked, known) if len(before["co"]) else Memory.empty()
        self._base = np.zeros(len(extent.everywhere))
        if options.add or len(self._memory.added):
            sampled = _sampled(curve, extent.everywhere, strip, parameter)
            self._base = sampled - _addition(self._memory, extent.everywhere, self._start, column=1)
        if extent.loops:
            self._base[-1] = self._base[0]
        self._tell_apart()
        if curve is not None and (self._kept.any() or self._own.any()):
            self._before = read_keys(curve)

    def _tell_apart(self) -> None:
        """Which keys are a person's and stay, which are the bake's own outside of its frames, and what is removed."""
        before, start, written, whole = self._before, self._start, self._extent.written, self._extent.whole
        touched, removed = hand_keys(before, self._memory, start)
        inside = (before["co"][:, 0] >= written.start) & (before["co"][:, 0] < written.stop)
        kept = touched.copy()
        if not self._options.keep_hand_keys:
            kept &= ~(inside | whole)
            cleared = (removed >= written.start - start) & (removed <= written.stop - 1 - start)
            removed = removed[~(cleared | whole)]
        self._inside, self._kept, self._removed = inside, kept, removed
        self._own = ~touched & ~inside & (not whole)

    def work_out(self) -> Slices[None]:
        """Find the keys, in slices; nothing is read and nothing is written."""
        extent, start, options = self._extent, self._start, self._options
        base, before, kept = self._base[extent.here], self._before, self._kept
        baked, values = yield from _baked(self._sound, extent.written, base, options, extent.loops)
        taken = before["co"][kept, 0]
        clear_of = np.concatenate([ticks(taken - start), ticks(self._removed)])
        baked = _give_way(baked, clear_of, start)
        wanted = extent.wanted
        left, right = (frame if frame in self._sound.frames else None for frame in (wanted.start - 1, wanted.stop))
        anchors = _give_way(range_cuts.anchors(before, left, right, self._own), clear_of, start)
        moved = _rows_of(before, kept)
        past = _past(self._memory, start)
        _lift(moved, (self._inside | extent.whole)[kept], past, -_addition(self._memory, past, start, column=2))
        self._lifted = values - base if options.add else np.zeros(len(extent.written))
        _lift(moved, self._inside[kept], extent.written, self._lifted)

        hand = rows(moved, start)
        hand[:, 1] = np.nan
        fresh = merge(_rows_of(before, self._own), merge(anchors, baked))
        self._remembered = np.concatenate([rows(fresh, start), hand])
        self._table = merge(moved, fresh)
        self._counts = len(baked["co"]), len(taken) + len(self._removed)

    def holds(self, strip: ImageStrip, placed: Placement, parameter: BEND_PG_parameter) -> bool:
        """Whether everything is as it was read."""
        (around, keys), (around_before, before) = _state(strip, placed, parameter), self._state
        return around == around_before and all(np.array_equal(keys[name], before[name]) for name in keys)

    def write(self, strip: ImageStrip, parameter: BEND_PG_parameter, report: Report) -> None:
        """Write the keys, and remember them."""
        curve = compat.ensure_fcurve(strip.id_data, strips.data_path(strip, parameter.key), strip.name)
        write_keys(curve, self._table)
        _finish_curve(curve, self._options)
        parameter.baked = Memory(self._remembered, self._removed, self._added(curve, strip, parameter)).encode()
        keys, kept = self._counts
        report.curves += 1
        report.keys += keys
        report.kept += kept

    def _added(self, curve: FCurve, strip: ImageStrip, parameter: BEND_PG_parameter) -> np.ndarray:
        """How much of the written curve is the sound's, as the memory keeps it."""
        memory, extent, start, add = self._memory, self._extent, self._start, self._options.add
        if not add and (extent.whole or not len(memory.added)):
            return memory.added[:0]
        # A piece beside the frames may have bent; what is under the sound has not, so that counts as the sound's too.
        sounding = _sampled(curve, extent.everywhere, strip, parameter) - self._base
        lifted = _addition(memory, extent.everywhere, start, column=2)
        lifted[extent.here] = self._lifted
        if not add:
            sounding[extent.here] = 0.0
        elsewhere = memory.added[~_within(memory.added[:, 0], extent.everywhere, start) & (not extent.whole)]
        frames = np.array(extent.everywhere) - start
        added = np.concatenate([elsewhere, np.stack([frames, sounding, lifted], axis=1)])
        return added[np.argsort(added[:, 0], kind="stable")]


def write(strip: ImageStrip, parameter: BEND_PG_parameter, sound: Sound, options: Options, report: Report) -> None:
    """Write the keys of one parameter at once."""
    work = Writing(strip, Placement.of(strip), parameter, sound, options)
    at_once(work.work_out())
    work.write(strip, parameter, report)


def _state(strip: ImageStrip, placed: Placement, parameter: BEND_PG_parameter) -> tuple[tuple[Any, ...], KeyTable]:
    """All that decides what is written on a curve, besides the sound and the options."""
    curve = strips.find_curve(strip, parameter.key)
    around = placed.start, placed.count, strip.get(parameter.key), parameter.baked
    if curve is None:
        return around, {}
    return (*around, curve.extrapolation), read_shape(curve)


def _give_way(table: KeyTable, taken: np.ndarray, start: int) -> KeyTable:
    """Leave out the keys whose frames a person has taken or cleared."""
    return select(table, ~np.isin(ticks(table["co"][:, 0] - start), taken)) if len(taken) else table


def _rows_of(table: KeyTable, chosen: np.ndarray) -> KeyTable:
    """A copy of the chosen keys; without any, none of which only the shape is known."""
    return {name: table[name][chosen] for name in ATTRIBUTES} if chosen.any() else no_keys()


def _baked(
    sound: Sound, written: range, base: np.ndarray, options: Options, loops: bool
) -> Slices[tuple[KeyTable, np.ndarray]]:
    """The keys that the sound asks for, and the values on the written frames."""
    first = written.start - sound.frames.start
    values = sound.values[first : first + len(written)]
    if loops:
        values = np.append(values, sound.values[0])
    keys = None
    if options.mode == EVENTS:
        keys = _events(sound, written, options)
        keys = curves.closed(keys) if loops else keys
        values = curves.evaluate(keys, np.array(written, dtype=np.float64))
    if options.add:
        values = np.clip(curves.add(base, values, sound.rest), *sound.limits)
    if options.mode == DENSE:
        keys = curves.dense(values, written.start)
    elif keys is None or options.add:  # events on a curve that moves need the keys between them
        keys = yield from curves.simplifying(values, written.start, options.tolerance * max(sound.span, 1e-6))
    return table_of(keys), values


def _events(sound: Sound, written: range, options: Options) -> Keys:
    """The envelope of the events, each as high as the feature is there."""
    hits = np.empty(0, np.int64) if sound.hits is None else sound.hits
    hits = hits[(hits >= max(written.start, sound.frames.start)) & (hits < min(written.stop, sound.frames.stop))]
    index = hits - sound.frames.start
    # The feature may be at its height in the frame after the one in which the event begins.
    near = np.stack([sound.values[index], sound.values[np.minimum(index + 1, len(sound.values) - 1)]])
    span = sound.full - sound.rest
    strengths = ((near - sound.rest) / span).max(axis=0) if span else np.zeros(len(hits))
    strengths = 1.0 + (strengths - 1.0) * options.accent
    return event_keys.events(
        hits.astype(np.float64),
        strengths,
        sound.rest,
        sound.full,
        options.attack,
        options.decay,
        options.shape,
        sound.rate,
        written.start,
        written.stop - 1,
    )


def _addition(memory: Memory, frames: range, start: int, column: int) -> np.ndarray:
    """How much of the curve's value on frames is an earlier sound's, from a column of the memory."""
    amounts = np.zeros(len(frames))
    there = _within(memory.added[:, 0], frames, start)
    amounts[np.rint(memory.added[there, 0]).astype(np.int64) + start - frames.start] = memory.added[there, column]
    return amounts


def _past(memory: Memory, start: int) -> range:
    """The frames from the first to the last that an earlier sound was added to."""
    if not len(memory.added):
        return range(0)
    return range(round(float(memory.added[0, 0])) + start, round(float(memory.added[-1, 0])) + start + 1)


def _within(relative: np.ndarray, frames: range, start: int) -> np.ndarray:
    return (relative >= frames.start - start) & (relative < frames.stop - start)


def _lift(table: KeyTable, chosen: np.ndarray, frames: range, change: np.ndarray) -> None:
    """Move the chosen keys of a table, handles included, by what the sound changes in the frame that each lies in.

    Never by a mean of two frames: of these a bake of some frames may have changed one, and what it gave to a key could
    not be taken back.
    """
    if not chosen.any() or not np.any(change):
        return
    own = np.floor(table["co"][chosen, 0]).astype(np.int64) - frames.start
    by = np.where((own >= 0) & (own < len(frames)), np.asarray(change)[np.clip(own, 0, len(frames) - 1)], 0.0)
    for name in ("co", "handle_left", "handle_right"):
        table[name][chosen, 1] += by


def _sampled(curve: FCurve | None, frames: range, strip: ImageStrip, parameter: BEND_PG_parameter) -> np.ndarray:
    """The keys' own values on frames, whatever modifiers do to them; without keys the value as it stands."""
    if curve is None or curve.is_empty:
        return np.full(len(frames), float(strip[parameter.key]))
    with _unmodified(curve):
        return np.array([curve.evaluate(frame) for frame in frames])


@contextmanager
def _unmodified(curve: FCurve) -> Iterator[None]:
    active = [modifier for modifier in curve.modifiers if not modifier.mute]
    try:
        for modifier in active:
            modifier.mute = True
        yield
    finally:
        for modifier in active:
            modifier.mute = False


def _finish_curve(curve: FCurve, options: Options) -> None:
    """What the curve does outside its keys."""
    curve.extrapolation = options.extrapolation
    loop = next((modifier for modifier in curve.modifiers if modifier.name == LOOP), None)
    if options.cyclic and loop is None and not any(modifier.type == "CYCLES" for modifier in curve.modifiers):
        curve.modifiers.new("CYCLES").name = LOOP
    elif loop is not None and not options.cyclic:
        curve.modifiers.remove(loop)
