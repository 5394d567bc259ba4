"""MIDI files as a source of features: what is played, frame by frame, at the file's own tempo.

All tracks and channels are one. The sustain pedal is a controller (64) and does not lengthen notes.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
from mido.midifiles.meta import KeySignatureError

from ...core.errors import BendError, Code
from ...core.features import Asked
from ...core.timebase import FrameRate

#: What larger files hold is no score; reading one would take minutes and gigabytes.
LARGEST = 2_000_000
#: The values of controllers that no message has set yet; the others are 0. Source: General MIDI 1, RP-015.
DEFAULTS = {7: 100, 8: 64, 10: 64, 11: 127}
_TEMPO = 500_000
_SILENCING = (120, 123)
_FILM_RATES = {29: 30000 / 1001}
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


def note_onsets(path: Path, start: float, seconds: float) -> np.ndarray:
    """When notes begin.

    Parameters
    ----------
    start : seconds from the start of the range to the beginning of the file; may be below 0
    seconds : length of the range

    Returns
    -------
    float64 array, ascending, without repetitions, from 0 to below ``seconds``

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE)
    """
    moments = np.unique(read_score(path).notes[:, 0] + start)
    return moments[(moments >= 0) & (moments < seconds)]


def read_score(path: Path) -> Score:
    """Read a standard MIDI file with its tempo map.

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE) naming the file
    """
    if not path.is_file():
        raise BendError(Code.SOUND_MISSING, f"There is no MIDI file {path}.")
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB")
        file = mido.MidiFile(file=_Bytes(path.read_bytes()), clip=True)
        return _score(_in_seconds(file))
    except (
        OSError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        struct.error,
        KeySignatureError,
    ) as error:
        what = "it ends too early" if isinstance(error, EOFError) else str(error)
        raise BendError(
            Code.SOUND_UNREADABLE,
            f"{path.name} cannot be read as MIDI: {what}.",
            "Export it again as a standard MIDI file.",
        ) from error


class _Bytes(io.BytesIO):
    """A file that ends a number of variable length before it grows beyond all bounds.

    mido reads such a number for as long as the highest bit of each byte is set.
    """

    _run = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._run = self._run + 1 if size == 1 and data >= b"\x80" else 0
        if self._run > 4096:
            raise ValueError("it has a number without end")
        return data


def _in_seconds(file: mido.MidiFile) -> list[tuple[float, Any]]:
    """All messages of all tracks, ascending, with their time in seconds."""
    division = file.ticks_per_beat
    if division == 0:
        raise ValueError("it has no ticks per beat")
    # A negative division counts ticks of film time: frames per second, then ticks per frame.
    film = -(division >> 8)
    fixed = 1 / (_FILM_RATES.get(film, film) * max(1, division & 0xFF)) if division < 0 else None
    tempo, now, timed = _TEMPO, 0.0, []
    for message in mido.merge_tracks(file.tracks, skip_checks=True):
        now += message.time * (fixed or tempo / 1e6 / division)
        timed.append((now, message))
        if message.type == "set_tempo":
            tempo = message.tempo
    return timed


def _score(timed: list[tuple[float, Any]]) -> Score:
    notes: list[tuple[float, float, int, int]] = []
    sounding: dict[tuple[int, int], tuple[float, int]] = {}
    controls: dict[int, list[tuple[float, int]]] = {}
    bends: list[tuple[float, float]] = []

    def end(key: tuple[int, int], now: float) -> None:
        if key in sounding:
            since, velocity = sounding.pop(key)
            notes.append((since, now, key[1], velocity))

    for now, message in timed:
        if message.type in ("note_on", "note_off"):
            key = message.channel, message.note
            end(key, now)
            if message.type == "note_on" and message.velocity > 0:
                sounding[key] = now, message.velocity
        elif message.type == "control_change":
            controls.setdefault(message.control, []).append((now, message.value))
            if message.control in _SILENCING:
                for key in [key for key in sounding if key[0] == message.channel]:
                    end(key, now)
        elif message.type == "pitchwheel":
            bends.append((now, message.pitch / (8191 if message.pitch > 0 else 8192)))
    for key in list(sounding):
        end(key, timed[-1][0])
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
