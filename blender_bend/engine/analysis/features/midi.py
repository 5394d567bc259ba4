"""MIDI files as a source of features: what is played, frame by frame, at the file's own tempo.

All tracks and channels are one. The sustain pedal is a controller (64) and does not lengthen notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....core.errors import BendError, Code
from ....core.files.whole import read_regular
from ....core.sound.features import Asked
from ....core.timebase import FrameRate
from ..reading import midi_file
from ..reading.midi_file import CONTROL, NOTE_OFF, NOTE_ON, PITCH_WHEEL, Message
from ..settings import LARGEST_SCORE

#: The values of controllers that no message has set yet; the others are 0. Source: General MIDI 1, RP-015.
DEFAULTS = {7: 100, 8: 64, 10: 64, 11: 127}
_SILENCING = (120, 123)
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Score:
    """What a MIDI file says, in seconds from its beginning.

    Parameters
    ----------
    notes : float64 array, shape (notes, 4): from, to, note number, velocity 1...127; ascending by their beginning
    controls : for each controller that is used a float64 array, shape (messages, 2): when, value 0...127
    bends : float64 array, shape (messages, 2): when, -1...1
    """

    notes: np.ndarray
    controls: dict[int, np.ndarray]
    bends: np.ndarray


def measure_midi(path: Path, start: float, rate: FrameRate, frames: int, asked: list[Asked]) -> dict[str, np.ndarray]:
    """Measure features of a MIDI file.

    Onsets, velocities, pitches and counts are the greatest of each frame, so that no short note is lost. Controllers
    and the pitch wheel are as they are at the end of the frame.

    Parameters
    ----------
    path : a standard MIDI file
    start : seconds from the start of frame 0 to the beginning of the file; may be below 0
    frames : number of video frames
    asked : features of the family MIDI

    Returns
    -------
    for each spelling a float32 array, shape (frames,)

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE)
    """
    score = read_score(path)
    moments = (score.notes[:, :2] + start) * float(rate.value)
    # What begins on the border of two frames belongs to the later one, whatever the last digit was rounded to.
    first = np.floor(moments[:, 0] + _ROUNDING)
    last = np.maximum(np.ceil(moments[:, 1] - _ROUNDING) - 1, first)
    notes = np.concatenate([np.stack([first, last], axis=1), score.notes[:, 2:]], axis=1)
    notes = notes[(last >= 0) & (first < frames)]

    def state(changes: np.ndarray, before: float) -> np.ndarray:
        reached = np.floor((changes[:, 0] + start) * float(rate.value) + _ROUNDING)
        known = np.searchsorted(reached, np.arange(frames), side="right")
        return np.concatenate([[before], changes[:, 1]])[known]

    measures = {
        "midi_velocity": lambda one: _strongest(notes, 3, frames) / 127,
        "midi_onset": lambda one: _strongest(_only_beginnings(notes), 3, frames) / 127,
        "midi_pitch": lambda one: _held(_strongest(notes, 2, frames, np.nan)),
        "midi_notes": lambda one: _together(moments, frames),
        "midi_note": lambda one: _strongest(notes[notes[:, 2] == one.which], 3, frames) / 127,
        "midi_control": lambda one: state(score.controls.get(one.which, _NONE), DEFAULTS.get(one.which, 0)) / 127,
        "midi_bend": lambda one: state(score.bends, 0.0),
    }
    return {str(one): measures[one.name](one).astype(np.float32) for one in asked}


def read_score(path: Path) -> Score:
    """Read a standard MIDI file with its tempo map.

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE) naming the file
    """
    if not path.is_file():
        raise BendError(Code.SOUND_MISSING, f"MIDI file {path} not found.")
    try:
        if path.stat().st_size > LARGEST_SCORE:
            raise ValueError(f"it is larger than {LARGEST_SCORE // 1_000_000} MB")
        return _score(*midi_file.read(read_regular(path, LARGEST_SCORE, follow=True)))
    except (OSError, EOFError, ValueError, IndexError) as error:
        what = "it is truncated" if isinstance(error, EOFError | IndexError) else str(error)
        raise BendError(
            Code.SOUND_UNREADABLE,
            f"{path.name} can't be read as MIDI: {what}.",
            "Export it again as a standard MIDI file of type 0 or 1.",
        ) from error


def _score(messages: list[Message], seconds: float) -> Score:
    notes: list[tuple[float, float, int, int]] = []
    #: By track too: where every track is an instrument, tracks play the same note of the same channel.
    sounding: dict[tuple[int, int, int], tuple[float, int]] = {}
    controls: dict[int, list[tuple[float, int]]] = {}
    bends: list[tuple[float, float]] = []

    def end(key: tuple[int, int, int], now: float) -> None:
        if key in sounding:
            since, velocity = sounding.pop(key)
            notes.append((since, now, key[2], velocity))

    for now, track, kind, channel, first, second in messages:
        if kind in (NOTE_ON, NOTE_OFF):
            key = track, channel, first
            end(key, now)
            if kind == NOTE_ON and second > 0:
                sounding[key] = now, second
        elif kind == CONTROL:
            controls.setdefault(first, []).append((now, second))
            if first in _SILENCING:
                for key in [key for key in sounding if key[1] == channel]:
                    end(key, now)
        elif kind == PITCH_WHEEL:
            pitch = (second << 7 | first) - 8192
            bends.append((now, pitch / (8191 if pitch > 0 else 8192)))
    for key in list(sounding):
        end(key, seconds)
    found = np.array(sorted(notes), dtype=np.float64).reshape(-1, 4)
    return Score(found, {number: np.array(changes, float) for number, changes in controls.items()}, _changes(bends))


_NONE = np.empty((0, 2))


def _changes(changes: list[tuple[float, float]]) -> np.ndarray:
    return np.array(changes, dtype=np.float64).reshape(-1, 2)


def _only_beginnings(notes: np.ndarray) -> np.ndarray:
    """The notes for the frame alone in which they begin; those that began before the range are left out."""
    begun = notes[notes[:, 0] >= 0].copy()
    begun[:, 1] = begun[:, 0]
    return begun


def _strongest(notes: np.ndarray, column: int, frames: int, silent: float = 0.0) -> np.ndarray:
    """The greatest of a column of the notes that sound in each frame."""
    strongest = np.full(frames, -1.0)
    for first, last, value in notes[:, [0, 1, column]].tolist():
        part = strongest[max(0, int(first)) : int(last) + 1]
        np.maximum(part, value, out=part)
    return np.where(strongest < 0, silent, strongest)


def _together(moments: np.ndarray, frames: int) -> np.ndarray:
    """How many notes at most sound at once in each frame; one that ends as another begins does not count with it.

    Parameters
    ----------
    moments : float array, shape (notes, 2): from, to, in frames
    """
    when = np.concatenate([moments[:, 1], moments[:, 0]])
    order = np.argsort(when)
    when, sounding = when[order], np.cumsum(np.repeat([-1, 1], len(moments))[order])
    # Of what happens at one moment only the outcome counts.
    settled = np.diff(when, append=np.inf) > _ROUNDING
    when, sounding = when[settled], np.append(0, sounding[settled])
    frame = np.floor(when + _ROUNDING)
    most = sounding[np.searchsorted(when, np.arange(frames) + _ROUNDING, side="right")]
    inside = (frame >= 0) & (frame < frames)
    np.maximum.at(most, frame[inside].astype(int), sounding[1:][inside])
    return most


def _held(values: np.ndarray) -> np.ndarray:
    """Gaps hold the value before them, the first gap the value after it; all 0 if there is nothing but a gap."""
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == 0:
        return np.zeros(len(values))
    return values[known[np.maximum(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0)]]
