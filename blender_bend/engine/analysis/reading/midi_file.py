"""Standard MIDI files: what their tracks play, in seconds; whatever no note needs is passed over by its length.

Players forgive much, and so does this: wrong meta events, unknown chunks, wrong lengths and counts of tracks, what lies
around the file (RIFF, MacBinary). A track that breaks off is refused, for its music is lost.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

NOTE_OFF, NOTE_ON, CONTROL, PITCH_WHEEL = 0x8, 0x9, 0xB, 0xE

#: Microseconds of a beat until a file says otherwise.
_TEMPO = 500_000
_META, _SYSTEM_EXCLUSIVE = 0xFF, (0xF0, 0xF7)
_SET_TEMPO, _END_OF_TRACK = 0x51, 0x2F
#: Data bytes by the upper half of a status, and of the system messages that a cable has and a file should not.
_LENGTHS = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, **dict.fromkeys(range(0xF8, 0xFF), 0)}
#: Seconds of a frame of film time by frames per second; 29 is what drops frames.
_FILM = {29: (1001, 30_000)}
_CHUNK, _FILL = re.compile(rb"[ -~]{4}"), b"\0\x1a"
_LONGEST_NUMBER = 5


class Message(NamedTuple):
    """One message to a channel, and when; ``first`` and ``second`` are its data, 0...127."""

    seconds: float
    track: int
    kind: int
    channel: int
    first: int
    second: int


class _Event(NamedTuple):
    """What a track says at a tick; a tempo has the status 0 and its microseconds as ``first``."""

    tick: int
    track: int
    status: int
    first: int
    second: int


@dataclass(frozen=True)
class _Track:
    events: list[_Event]
    last_tick: int

    @property
    def plays(self) -> bool:
        return any(event.status >> 4 == NOTE_ON and event.second for event in self.events)


def read(data: bytes) -> tuple[list[Message], float]:
    """Read all tracks of a file, at its own tempo.

    Returns
    -------
    the messages, ascending; and the seconds at which the last track ends

    Raises
    ------
    ValueError in words, or EOFError or IndexError if it ends too early
    """
    start = data.find(b"MThd")
    if start < 0:
        raise ValueError("it has no MIDI header")
    size, kind, count, division = struct.unpack_from(">IHHh", data.ljust(start + 14, b"\0"), start + 4)
    if size < 6 or kind > 2:
        raise ValueError("its header is damaged")
    tracks = list(_tracks(data, start))
    if count and not tracks:
        raise EOFError
    return _in_seconds([_pattern(tracks)] if kind == 2 and tracks else tracks, *_tick(division))


def _pattern(tracks: list[_Track]) -> _Track:
    """The only track of a file of patterns that plays: patterns have no time in common."""
    playing = [track for track in tracks if track.plays]
    if len(playing) > 1:
        raise ValueError(f"it is a set of {len(playing)} patterns (type 2), which share no timeline")
    return (playing or tracks)[0]


def _tick(division: int) -> tuple[bool, int, int]:
    """Whether ticks follow the tempo, and the seconds of one, as numerator (for a microsecond of tempo) and
    denominator; a negative division counts ticks of film time: frames per second, then ticks per frame."""
    film, ticks = (-(division >> 8), division & 0xFF) if division < 0 else (0, division)
    if ticks == 0:
        raise ValueError(f"it has no ticks per {'frame' if film else 'beat'}")
    seconds, frames = _FILM.get(film, (1, film))
    return (False, seconds, frames * ticks) if film else (True, 1, 1_000_000 * ticks)


def _in_seconds(tracks: list[_Track], musical: bool, numerator: int, denominator: int) -> tuple[list[Message], float]:
    """The messages of tracks that run at once; time is counted in whole numbers, so that nothing adds up."""
    events = sorted((event for track in tracks for event in track.events), key=itemgetter(0))
    last = max((track.last_tick for track in tracks), default=0)
    pace, before, now, messages = _TEMPO if musical else 1, 0, 0, []
    for tick, track, status, first, second in events:
        now, before = now + (tick - before) * pace, tick
        if status:
            messages.append(Message(now * numerator / denominator, track, status >> 4, status & 0xF, first, second))
        elif musical:
            pace = first
    return messages, (now + (last - before) * pace) * numerator / denominator


def _tracks(data: bytes, at: int) -> Iterator[_Track]:
    """The tracks from a place in a file on."""
    number, filled = 0, len(data.rstrip(_FILL))
    while 0 <= at < len(data):
        end, stop = _claimed_end(data, at), at + 4
        honest = end == len(data) or _is_chunk(data, end)
        if data.startswith(b"MTrk", at):
            reader = _Reader(data, at + 8, number)
            yield reader.read(end, honest, before_fill=filled <= end < len(data))
            number, stop = number + 1, reader.at
        at = end if honest else data.find(b"MTrk", stop)


def _claimed_end(data: bytes, at: int) -> int:
    return at + 8 + int.from_bytes(data[at + 4 : at + 8])


def _is_chunk(data: bytes, at: int) -> bool:
    return data.startswith(b"MTrk", at) or bool(_CHUNK.match(data, at) and _claimed_end(data, at) <= len(data))


class _Reader:
    """Reads one track of a file from a place on."""

    def __init__(self, data: bytes, at: int, track: int) -> None:
        self.data, self.at, self.track = data, at, track
        self.tick, self.ended = 0, False
        self.events: list[_Event] = []

    def read(self, end: int, honest: bool, before_fill: bool) -> _Track:
        """Read up to the end that the track's length gives, or where it says that it ends.

        Parameters
        ----------
        honest : whether another chunk or the end of the file is there
        before_fill : whether nothing but fill follows
        """
        status = 0
        while not self.ended and not (self.at >= end and honest) and not (self.at == end and before_fill):
            self.tick += self._number()
            # A running status goes on after meta events too: not as the standard has it, but as files are.
            if self.data[self.at] >= 0x80:
                status = self._event(self.data[self.at], status)
            else:
                self._message(status)
        if self.at > (end if honest else len(self.data)):
            raise EOFError
        return _Track(self.events, self.tick)

    def _event(self, byte: int, running: int) -> int:
        """Read what a status byte begins; the status that runs on from here."""
        self.at += 1
        if byte < 0xF0:
            self._message(byte)
            return byte
        if byte == _META:
            self._meta()
        elif byte in _SYSTEM_EXCLUSIVE:
            self._body()
        elif byte in _SYSTEM:
            self.at += _SYSTEM[byte]
        else:
            raise ValueError(f"it has a message {byte:02X}, which does not exist")
        return running

    def _message(self, status: int) -> None:
        if not status:
            raise ValueError("it has data of no message")
        length = _LENGTHS[status >> 4]
        first, second = self.data[self.at], self.data[self.at + length - 1]
        self.at += length
        self.events.append(_Event(self.tick, self.track, status, min(first, 127), min(second, 127)))

    def _meta(self) -> None:
        kind = self.data[self.at]
        self.at += 1
        body = self._body()
        if kind == _END_OF_TRACK:
            self.ended = True
        elif kind == _SET_TEMPO and len(body) >= 3 and any(body[:3]):
            self.events.append(_Event(self.tick, self.track, 0, int.from_bytes(body[:3]), 0))

    def _body(self) -> bytes:
        length = self._number()
        self.at += length
        return self.data[self.at - length : self.at]

    def _number(self) -> int:
        """A number of variable length: seven bits a byte, the highest bit set in all but the last."""
        value = 0
        for byte in self.data[self.at : self.at + _LONGEST_NUMBER]:
            self.at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise EOFError if self.at == len(self.data) else ValueError("it has a number without end")
