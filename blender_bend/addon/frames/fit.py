"""Making a bend strip as long as its song: its keys stay on the music, and nothing that it has is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from bpy.types import FCurve, ImageStrip, Scene

from ..capture import record
from ..host import compat, preferences
from ..settings.bake_settings import Options
from ..settings.parameters import BEND_PG_parameter
from ..sound.song_length import Difference, difference, sharing
from ..timeline import image_strips, strips
from ..timeline.keys import KeyTable, Memory, follow, hand_keys, read_keys, write_keys

#: A key this near to a whole frame was meant for it; Blender keeps frames in 32 bits.
_WHOLE = 2e-3


@dataclass(frozen=True)
class Move:
    """Where the frames of a strip go.

    Parameters
    ----------
    asked : what the strip is fitted to
    before, after : the frames that it has elements for, shown or not
    """

    asked: Difference
    before: range
    after: range

    def frames(self, frames: np.ndarray | float, stretch: Fraction) -> np.ndarray:
        """Where keys go, as frames of the timeline; exactly onto a frame if they are close to it."""
        moved = self.asked.moved(np.asarray(frames, np.float64), stretch)
        whole = np.rint(moved)
        return np.where(np.abs(moved - whole) < _WHOLE, whole, moved)

    def span(self, first: int, last: int, stretch: Fraction) -> tuple[int, int]:
        """Where a range of frames goes, both ends within it."""
        start, end = (round(float(self.frames(frame, stretch))) for frame in (first, last + 1))
        return start, end - 1

    def within(self, number: float, stretch: Fraction) -> float:
        """Where a frame goes that is counted from the first element."""
        return self.asked.moved(self.before.start + number, stretch) - self.after.start


def fit(scene: Scene, strip: ImageStrip) -> list[ImageStrip]:
    """Make a bend strip as long as its song, and those that share the song with it; keys stay at their seconds.

    Frames that were made stay where the music is that they were made for, until others are generated.

    Returns
    -------
    the strips that were changed

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """
    together = sorted([strip, *sharing(scene, strip)], key=compat.left_handle)
    asked = [(one, found) for one in together if (found := difference(scene, one))]
    longer = any(found.stretch(one.bend_settings.rate) > 1 for one, found in asked)
    for one, found in reversed(asked) if longer else asked:  # so that none runs into the next
        _fit(one, found)
    return [one for one, _ in asked]


def _fit(strip: ImageStrip, asked: Difference) -> None:
    settings = strip.bend_settings
    counted = settings.rate
    stretch = asked.stretch(counted)
    move = Move(asked, strips.element_range(strip), _content(strips.element_range(strip), asked, stretch))
    curves = [(curve.data_path, curve.array_index, read_keys(curve)) for curve in strips.curves(strip)]
    strip.retiming_keys.reset()
    if move.after != move.before or stretch != 1:
        image_strips.set_pictures(strip, _pictures(strip, move, stretch))
    compat.set_content_start(strip, move.after.start)
    compat.set_handles(strip, asked.frames.start, asked.frames.stop)
    parameters = {
        strips.data_path(strip, parameter.key): parameter
        for holder in (settings, *settings.bends)
        for parameter in holder.parameters
    }
    for path, index, table in curves:
        curve, parameter = compat.fcurves(strip.id_data).find(path, index=index), parameters.get(path)
        _move_keys(curve, parameter, table, move, asked.stretch((parameter and parameter.baked_rate) or counted))
    for parameter in parameters.values():
        parameter.baked_rate = ""
    _move_records(strip, move, stretch)
    settings.rate = str(asked.rate)


def _content(content: range, asked: Difference, stretch: Fraction) -> range:
    """The frames that the strip has elements for afterwards: none is lost, though it may be trimmed away."""
    first = math.floor(asked.moved(content.start, stretch))
    last = math.ceil(asked.moved(content.stop, stretch))
    return range(min(first, asked.frames.start), max(last, asked.frames.stop))


def _pictures(strip: ImageStrip, move: Move, stretch: Fraction) -> list[str]:
    """The files of all frames: each shows what was shown at that place of the music."""
    store = preferences.frame_folder()
    size = strips.picture_size(strip)
    strips.show(strip, store, {}, size)
    names = [element.filename for element in strip.elements]
    empty = strips.ensure_placeholder(store, size).name
    back = (np.array(move.after) - move.asked.pivot) / float(stretch) + move.asked.pivot
    places = np.floor(back + 1e-6).astype(np.int64) - move.before.start
    return [names[place] if 0 <= place < len(names) else empty for place in places.tolist()]


def _move_keys(
    curve: FCurve, parameter: BEND_PG_parameter | None, before: KeyTable, move: Move, stretch: Fraction
) -> None:
    """Put the keys of a curve where their music is, with what is remembered of the bakes."""
    after = {name: values.copy() for name, values in before.items()}
    for name in ("co", "handle_left", "handle_right"):
        after[name][:, 0] = move.frames(before[name][:, 0], stretch)
    write_keys(curve, after)
    if parameter is None or not parameter.baked:
        return
    memory = Memory.decode(parameter.baked, len(move.before) + len(before["co"]))
    touched, _ = hand_keys(before, memory, move.before.start)
    starts = move.before.start, move.after.start
    moved = follow(memory, before, read_keys(curve), ~touched, starts, lambda frames: move.frames(frames, stretch))
    parameter.baked = moved.encode()
    parameter.baked_as = _options(parameter.baked_as, move, stretch)


def _options(text: str, move: Move, stretch: Fraction) -> str:
    """How a bake wrote its keys, with its frames moved."""
    if not text:
        return text
    options = Options.from_text(text, move.before.start)
    first, last = move.span(options.first, options.last, stretch)
    return replace(options, first=first, last=last).as_text("", move.after.start)


def _move_records(strip: ImageStrip, move: Move, stretch: Fraction) -> None:
    """What is kept by frame besides keys; pictures below the strip have not moved, whatever the frame rate is."""
    settings, later = strip.bend_settings, move.before.start - move.after.start
    for holder in (settings, *settings.bends):
        holder.captured = _record(holder.captured, move, later)
    condition = settings.condition
    condition.embedded = _record(condition.embedded, move, later) if stretch == 1 else ""
    settings.beats.first = move.within(settings.beats.first, stretch)
    settings.midi_start = round(move.within(settings.midi_start, stretch))
    baking = settings.baking
    baking.first, baking.last = move.span(baking.first, baking.last, stretch)


def _record(text: str, move: Move, later: int) -> str:
    if not text or move.before == move.after:
        return text
    moved = {number + later: digest for number, digest in record.decode(text, len(move.before)).items()}
    return record.encode({number: digest for number, digest in moved.items() if 0 <= number < len(move.after)})
