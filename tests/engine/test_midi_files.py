"""MIDI files as programs write them: whatever stands around the notes, they are read at the right times."""

from __future__ import annotations

import io
import random
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.analysis.features import midi
from blender_bend.engine.analysis.reading.midi_file import read

END = b"\xff\x2f\x00"


def number(value: int, padded: int = 0) -> bytes:
    """A number of variable length."""
    digits = [value & 127]
    while value := value >> 7:
        digits.append(value & 127 | 128)
    return b"\x80" * padded + bytes(reversed(digits))


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    return name + struct.pack(">I", len(body) if length is None else length) + body


def header(kind: int, tracks: int, division: int, more: bytes = b"") -> bytes:
    return chunk(b"MThd", struct.pack(">HHH", kind, tracks, division) + more)


def meta(kind: int, body: bytes) -> bytes:
    return b"\xff" + bytes([kind]) + number(len(body)) + body


def track(*events: tuple[int, bytes], end: bytes = b"\0" + END) -> bytes:
    """A track of events, each after some ticks."""
    return chunk(b"MTrk", b"".join(number(ticks) + event for ticks, event in events) + end)


def tempo(microseconds: int) -> tuple[int, bytes]:
    return 0, meta(0x51, microseconds.to_bytes(3))


#: From 1 to 1.5 s and from 2 to 2.5 s with 480 ticks a beat and MIDI's own tempo.
NOTES = ((960, b"\x90\x3c\x64"), (480, b"\x80\x3c\0"), (480, b"\x90\x40\x5a"), (480, b"\x80\x40\0"))
EXPECTED = [[1.0, 1.5, 60, 100], [2.0, 2.5, 64, 90]]
PLAIN = header(0, 1, 480) + track(*NOTES)


def plain(*before: tuple[int, bytes]) -> bytes:
    return header(0, 1, 480) + track(*before, *NOTES)


def riff(file: bytes, *others: bytes) -> bytes:
    parts = b"".join((*others, b"data" + struct.pack("<I", len(file)) + file + b"\0" * (len(file) % 2)))
    return b"RIFF" + struct.pack("<I", len(parts) + 4) + b"RMID" + parts


ODD = {
    "key of 18 flats": plain((0, meta(0x59, b"\xee\1"))),
    "key of one byte": plain((0, meta(0x59, b"\1"))),
    "time signature of two bytes": plain((0, meta(0x58, b"\4\2"))),
    "time signature of nothing": plain((0, meta(0x58, b""))),
    "sequence number of nothing": plain((0, meta(0, b""))),
    "film offset of an hour that does not exist": plain((0, meta(0x54, b"\xff" * 5))),
    "tempo of two bytes": plain((0, meta(0x51, b"\7\xa1"))),
    "tempo of nothing": plain((0, meta(0x51, b""))),
    "tempo of 0": plain(tempo(0)),
    "tempo of four bytes": plain((0, meta(0x51, b"\7\xa1\x20\0"))),
    "meta event that does not exist": plain((0, meta(0x6E, b"\x80\xff\x90"))),
    "name in Shift JIS": plain((0, meta(3, b"\x83\x65\x83\x58"))),
    "system exclusive with high bytes": plain((0, b"\xf0\4\x43\xff\x80\xf7")),
    "system exclusive in two parts": plain((0, b"\xf0\2\x43\x12"), (0, b"\xf7\2\1\xf7")),
    "messages of a cable": plain((0, b"\xf3\1"), (0, b"\xf2\1\2"), (0, b"\xf6"), (0, b"\xf8"), (0, b"\xfe")),
    "header of eight bytes": header(0, 1, 480, b"\0\0") + track(*NOTES),
    "header that counts too many tracks": header(1, 3, 480) + track(*NOTES),
    "header that counts too few tracks": header(1, 1, 480) + track() + track(*NOTES),
    "header that counts no tracks": header(1, 0, 480) + track(*NOTES),
    "unknown chunk before": header(0, 1, 480) + chunk(b"XFIH", b"abcd") + track(*NOTES),
    "unknown chunk after": PLAIN + chunk(b"XFKM", b"abcd"),
    "unknown chunk with a track in it": header(0, 1, 480) + chunk(b"OTSc", track((0, b"\x90\1\1"))) + track(*NOTES),
    "unknown chunk of wrong length": header(0, 1, 480) + chunk(b"XFIH", b"abcd", 2**31) + track(*NOTES),
    "something after the file": PLAIN + b"\0\0\x1a",
    "text after the file": PLAIN + b"Made with love by a tracker",
    "fill after a track without an end": header(0, 1, 480) + track(*NOTES, end=b"") + b"\0" * 99,
    "fill between tracks": header(1, 2, 480) + track((0, meta(3, b"a"))) + b"\0" + track(*NOTES),
    "track without an end": header(0, 1, 480) + track(*NOTES, end=b""),
    "tracks without an end": header(1, 2, 480) + track((0, meta(3, b"a")), end=b"") + track(*NOTES, end=b""),
    "messages after the end": header(0, 1, 480) + track(*NOTES, end=b"\0" + END + b"\0\x90\1\1\0\xf4"),
    "RIFF": riff(PLAIN),
    "RIFF with other chunks": riff(PLAIN, b"DISP\x04\0\0\0abcd") + b"LIST\x04\0\0\0abcd",
    "MacBinary": b"\0" * 128 + PLAIN,
    "film time of 25": header(0, 1, 0xE728) + track(*((round(ticks * 1000 / 960), event) for ticks, event in NOTES)),
    "film time of 30": header(0, 1, 0xE250) + track(*((round(ticks * 2400 / 960), event) for ticks, event in NOTES)),
    "film time knows no tempo": header(0, 1, 0xE804)
    + track(tempo(9), *((round(ticks * 96 / 960), event) for ticks, event in NOTES)),
    "one pattern that plays": header(2, 3, 480) + track(tempo(9)) + track(*NOTES) + track(tempo(9)),
}
ODD |= {
    f"length of the track wrong by {by}": header(1, 2, 480)
    + chunk(b"MTrk", track(*NOTES)[8:], max(0, len(track(*NOTES)) - 8 + by))
    + track(tempo(500_000))
    for by in (-99, -9, -4, -1, 1, 9, 2**31)
}


def notes_of(content: bytes, folder: Path) -> list[list[float]]:
    (folder / "a.mid").write_bytes(content)
    return midi.read_score(folder / "a.mid").notes.tolist()


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_what_no_note_needs_costs_no_note(content: bytes, tmp_path: Path) -> None:
    assert notes_of(content, tmp_path) == EXPECTED


def test_a_running_status_goes_on_after_meta_events_and_system_messages(tmp_path: Path) -> None:
    between = (0, meta(1, b"A")), (0, b"\xf0\1\xf7"), (0, b"\xf8")
    running = track(NOTES[0], *between, (480, b"\x3c\0"), *between, (480, b"\x40\x5a"), (480, b"\x40\0"))
    assert notes_of(header(0, 1, 480) + running, tmp_path) == EXPECTED


def test_patterns_without_a_common_time_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BendError, match=r"2 patterns.*type 0 or 1") as caught:
        notes_of(header(2, 2, 480) + track(*NOTES) + track(tempo(9), *NOTES), tmp_path)
    assert caught.value.code == Code.SOUND_UNREADABLE


def test_tracks_that_play_one_note_of_one_channel_do_not_cut_each_other(tmp_path: Path) -> None:
    long, short = (track((at, b"\x90\x3c\x64"), (ticks, b"\x80\x3c\0")) for at, ticks in ((0, 3840), (960, 480)))
    assert notes_of(header(1, 2, 480) + long + short, tmp_path) == [[0, 4, 60, 100], [1, 1.5, 60, 100]]


def test_a_note_struck_again_ends_and_begins(tmp_path: Path) -> None:
    again = track((960, b"\x90\x3c\x64"), (240, b"\x90\x3c\x32"), (240, b"\x80\x3c\0"), (480, b"\x80\x3c\0"))
    assert notes_of(header(0, 1, 480) + again, tmp_path) == [[1, 1.25, 60, 100], [1.25, 1.5, 60, 50]]


def test_a_note_that_never_ends_sounds_until_the_last_track_ends(tmp_path: Path) -> None:
    endless = track((960, b"\x90\x3c\x64"))
    silent = track((0, meta(3, b"a")), end=number(3840) + END)
    assert notes_of(header(1, 2, 480) + endless + silent, tmp_path) == [[1, 4, 60, 100]]


@dataclass
class Written:
    """A file that chance has written, and what it plays: for each note its ticks from and to, number and velocity."""

    chance: random.Random
    musical: bool
    division: int
    tempos: list[tuple[int, int]] = field(default_factory=list)
    notes: list[tuple[int, int, int, int]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def seconds(self, tick: int) -> float:
        """By the book: the beats under each tempo, or film frames."""
        if not self.musical:
            film, ticks = 256 - (self.division >> 8), self.division & 255
            return float(tick / ((Fraction(30000, 1001) if film == 29 else film) * ticks))
        passed, pace, before = Fraction(0), 500_000, 0
        for at, following in sorted(self.tempos, key=lambda change: change[0]):
            if at >= tick:
                break
            passed, pace, before = passed + (at - before) * Fraction(pace, self.division), following, at
        return float((passed + (tick - before) * Fraction(pace, self.division)) / 1_000_000)

    def expected(self) -> list[tuple[float, float, int, int]]:
        last = max(self.ends)
        return sorted(
            (self.seconds(at), self.seconds(last if to < 0 else to), key, velocity)
            for at, to, key, velocity in self.notes
        )


def chance_of(chance: random.Random, share: float) -> bool:
    return chance.random() < share


def noise(chance: random.Random) -> bytes:
    """An event that no note needs."""
    text = chance.randbytes(chance.choice((0, 1, 2, 3, 5, 200)))
    kinds = [kind for kind in range(128) if kind not in (0x2F, 0x51)]
    return chance.choice(
        (
            meta(chance.choice(kinds), text),
            meta(chance.choice((0x58, 0x59, 0x54, 0x00, 0x7F)), text),
            meta(0x51, chance.choice((b"", b"\1", b"\7\xa1", b"\0\0\0"))),
            bytes([chance.choice((0xF0, 0xF7))]) + number(len(text)) + text,
            chance.choice((b"\xf1\x05", b"\xf2\1\2", b"\xf3\7", b"\xf6", b"\xf8", b"\xfa", b"\xfe")),
        )
    )


def voices(chance: random.Random, file: Written) -> list[tuple[int, int, bytes]]:
    """The channel messages of a track: tick, order within it, bytes; ends come before beginnings."""
    messages: list[tuple[int, int, bytes]] = []
    for key in chance.sample(range(128), 4):
        channel, tick = chance.randrange(16), chance.randrange(1000)
        for _ in range(chance.randrange(5)):
            length, velocity = chance.randrange(1, 2000), chance.randrange(1, 128)
            messages.append((tick, 1, bytes([0x90 | channel, key, velocity])))
            if chance_of(chance, 0.05):
                file.notes.append((tick, -1, key, velocity))
                break
            file.notes.append((tick, tick + length, key, velocity))
            ending = chance.choice((bytes([0x80 | channel, key, 64]), bytes([0x90 | channel, key, 0])))
            messages.append((tick + length, 0, ending))
            tick += length + chance.choice((0, chance.randrange(5000)))
        other = (b"\xa0\5\6", b"\xb0\7\x65", b"\xc0\7", b"\xd0\7", b"\xe0\1\x41")
        messages += [(chance.randrange(9000), 2, chance.choice(other)) for _ in range(2)]
    return messages


def random_track(chance: random.Random, file: Written, silent: bool) -> bytes:
    messages = [] if silent else voices(chance, file)
    if chance_of(chance, 0.5):
        for tick in chance.sample(range(9000), chance.randrange(3)):
            pace = chance.randrange(1, 2**24)
            file.tempos += [(tick, pace)] if not silent or file.musical else []
            messages.append((tick, 2, meta(0x51, pace.to_bytes(3))))
    if chance_of(chance, 0.7):
        messages += [(chance.randrange(9000), 1, noise(chance)) for _ in range(chance.randrange(8))]
    body, before, running = b"", 0, b""
    for tick, _, message in sorted(messages):
        leading = chance.randrange(2) if tick - before < 2**14 else 0
        voice = message[0] < 0xF0
        shortened = voice and message[:1] == running and chance_of(chance, 0.7)
        body += number(tick - before, leading) + (message[1:] if shortened else message)
        before, running = tick, message[:1] if voice else running
    last = before + chance.choice((0, chance.randrange(3000)))
    file.ends.append(last)
    if last == before and chance_of(chance, 0.2):
        return chunk(b"MTrk", body)
    body += number(last - before) + END + chance.choice((b"", b"", b"\0\x90\1\1"))
    wrong = body.endswith(END) and chance_of(chance, 0.1)
    return chunk(b"MTrk", body, chance.choice((0, len(body) + 3, 2**32 - 1)) if wrong else None)


def random_file(chance: random.Random) -> tuple[bytes, Written]:
    musical = chance_of(chance, 0.8)
    film = ((256 - chance.choice((24, 25, 29, 30))) << 8) | chance.randrange(1, 256)
    file = Written(chance, musical, chance.randrange(1, 2**15) if musical else film)
    kind = chance.randrange(3)
    count = 1 if kind == 0 else chance.randrange(1, 5)
    tracks = []
    if kind == 2:  # of which one plays, at its own tempo alone
        others = Written(chance, musical, file.division)
        tracks = [random_track(chance, others, silent=True) for _ in range(count - 1)]
        tracks.insert(chance.randrange(count), random_track(chance, file, silent=False))
    else:
        tracks = [random_track(chance, file, silent=False) for _ in range(count)]
    claimed = count if chance_of(chance, 0.8) else count + chance.randrange(1, 9)
    strange = [chunk(chance.choice((b"XFIH", b"XFKM", b"CASM")), chance.randbytes(9)) for _ in range(2)]
    for extra in strange if chance_of(chance, 0.3) else []:
        tracks.insert(chance.randrange(len(tracks) + 1), extra)
    data = header(kind, claimed, file.division, chance.choice((b"", b"\0\0"))) + b"".join(tracks)
    around = chance.choice((bytes, bytes, riff, lambda whole: b"\0" * 128 + whole, lambda whole: whole + b"\0" * 7))
    return around(data), file


@pytest.mark.parametrize("seed", range(40))
def test_files_that_chance_writes_are_read_at_the_right_times(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        content, file = random_file(chance)
        found, expected = notes_of(content, tmp_path), file.expected()
        assert [note[2:] for note in found] == [[key, velocity] for *_, key, velocity in expected]
        assert np.allclose(np.array(found).reshape(-1, 4)[:, :2], [note[:2] for note in expected] or np.zeros((0, 2)))


@pytest.mark.parametrize("seed", range(10))
def test_files_that_mido_writes_are_read_as_mido_reads_them(seed: int) -> None:
    chance = random.Random(seed)
    file = mido.MidiFile(type=1, ticks_per_beat=chance.randrange(1, 2**15))
    for _ in range(3):
        file.tracks.append(mido.MidiTrack())
        for _ in range(200):
            on = mido.Message("note_on", note=chance.randrange(128), velocity=chance.randrange(128))
            pace = mido.MetaMessage("set_tempo", tempo=chance.randrange(1, 2**24))
            file.tracks[-1].append(chance.choice((on, on, pace)).copy(time=chance.randrange(3000)))
    written = io.BytesIO()
    file.save(file=written)
    now, expected = 0.0, []
    for message in file:
        now += message.time
        if message.type == "note_on":
            expected.append((now, message.note, message.velocity))
    messages, seconds = read(written.getvalue())
    assert [message[-2:] for message in messages] == [one[1:] for one in expected]
    assert np.allclose([message.seconds for message in messages], [one[0] for one in expected])
    assert np.isclose(seconds, now)
