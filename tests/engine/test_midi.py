"""MIDI files become features: at the right frame, at the file's tempo, and a broken file is refused by name."""

from __future__ import annotations

import struct
import time
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code
from blender_bend.core.sound.features import parse
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis.features import midi

RATE = FrameRate(Fraction(24))
TICKS = 480
BEAT = 0.5  # seconds, at MIDI's own tempo of 120 BPM


def write(path: Path, *tracks: list[mido.Message], ticks: int = TICKS) -> Path:
    """A file of tracks of messages whose times are ticks from the beginning."""
    file = mido.MidiFile(type=1, ticks_per_beat=ticks)
    for messages in tracks:
        track, before = mido.MidiTrack(), 0
        for message in messages:
            track.append(message.copy(time=message.time - before))
            before = message.time
        file.tracks.append(track)
    file.save(path)
    return path


def note(number: int, beat: float, beats: float, velocity: int = 127, channel: int = 0) -> list[mido.Message]:
    at, to = round(beat * TICKS), round((beat + beats) * TICKS)
    return [
        mido.Message("note_on", note=number, velocity=velocity, channel=channel, time=at),
        mido.Message("note_off", note=number, channel=channel, time=to),
    ]


def melody(*notes: list[mido.Message]) -> list[mido.Message]:
    return sorted((message for one in notes for message in one), key=lambda message: message.time)


def control(number: int, value: int, beat: float) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, time=round(beat * TICKS))


def measured(path: Path, spelling: str, *, start: float = 0.0, rate: FrameRate = RATE, frames: int = 60) -> np.ndarray:
    values = midi.measure_midi(path, start, rate, frames, [parse(spelling)])[spelling]
    assert values.shape == (frames,) and values.dtype == np.float32
    return values


def raw(body: bytes, *, division: bytes = b"\x01\xe0", tracks: int = 1) -> bytes:
    """A file by hand: header, then one track around a body of bytes."""
    return b"MThd" + struct.pack(">LHH", 6, 1, tracks) + division + b"MTrk" + struct.pack(">L", len(body)) + body


END = b"\x00\xff\x2f\x00"


def test_a_note_is_heard_in_its_frames_as_loud_as_it_was_struck(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", note(60, 2, 1, velocity=64))
    for spelling in ("midi_velocity", "midi_note:60"):
        values = measured(path, spelling)
        assert np.flatnonzero(values).tolist() == list(range(24, 36))
        assert np.allclose(values[24:36], 64 / 127)
    assert not measured(path, "midi_note:61").any()


def test_an_onset_is_in_the_frame_where_the_note_begins_and_nowhere_else(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", melody(note(60, 1, 3, 50), note(64, 1.01, 1, 100), note(67, 3, 1, 127)))
    values = measured(path, "midi_onset")
    assert np.flatnonzero(values).tolist() == [12, 36]
    assert np.allclose(values[[12, 36]], [100 / 127, 1.0]), "of two in a frame the stronger"


def test_a_note_shorter_than_a_frame_is_not_lost(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", note(60, 1.01, 0.005))
    for spelling in ("midi_velocity", "midi_onset", "midi_notes"):
        assert np.flatnonzero(measured(path, spelling)).tolist() == [12]


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)], ids=str)
def test_beats_do_not_drift_over_an_hour_at_any_frame_rate(fps: Fraction, tmp_path: Path) -> None:
    beats = range(0, 7200, 9)
    path = write(tmp_path / "a.mid", melody(*(note(60, beat, 0.5) for beat in beats)))
    values = measured(path, "midi_onset", rate=FrameRate(fps), frames=int(3600 * fps))
    assert np.flatnonzero(values).tolist() == [int(beat * fps / 2) for beat in beats]


def test_the_tempo_map_holds_for_all_tracks(tmp_path: Path) -> None:
    tempo = [
        mido.MetaMessage("set_tempo", tempo=250_000, time=0),
        mido.MetaMessage("set_tempo", tempo=1_000_000, time=4 * TICKS),
    ]
    path = write(tmp_path / "a.mid", tempo, melody(*(note(60, beat, 0.1) for beat in range(6))))
    assert np.flatnonzero(measured(path, "midi_onset")).tolist() == [0, 6, 12, 18, 24, 48]


def test_the_file_may_begin_before_or_after_the_range(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", [control(1, 127, 0)], melody(note(60, 0, 4), note(62, 2, 1)))
    assert np.flatnonzero(measured(path, "midi_onset", start=0.5)).tolist() == [12, 36]
    early = measured(path, "midi_onset", start=-0.75)
    assert np.flatnonzero(early).tolist() == [6], "what began before the range does not begin in it"
    assert np.flatnonzero(measured(path, "midi_note:60", start=-0.75)).tolist() == list(range(30))
    assert np.all(measured(path, "midi_control:1", start=-0.75) == 1.0)
    assert not measured(path, "midi_velocity", start=100.0).any()
    assert not measured(path, "midi_velocity", start=-100.0).any()


def test_pitch_is_the_highest_note_held_between_notes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", melody(note(60, 1, 1), note(72, 1.5, 0.25), note(48, 3, 1)))
    values = measured(path, "midi_pitch")
    assert np.all(values[:18] == 60) and np.all(values[18:21] == 72) and np.all(values[21:36] == 60)
    assert np.all(values[36:] == 48)


def test_notes_are_counted_while_they_sound_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", melody(note(60, 1, 2), note(64, 1, 1), note(67, 2.03, 1, channel=5)))
    values = measured(path, "midi_notes")
    assert np.all(values[:12] == 0) and np.all(values[12:36] == 2) and values[36] == 1 and np.all(values[37:] == 0)


def test_legato_notes_do_not_count_twice_where_they_meet(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", melody(*(note(60 + step, 0.3 * step, 0.3) for step in range(12))))
    assert np.all(measured(path, "midi_notes")[:43] == 1)


def test_a_controller_keeps_its_value_until_the_next(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", [control(1, 127, 1), control(1, 0, 3)])
    values = measured(path, "midi_control:1")
    assert np.all(values[12:36] == 1.0) and not values[:12].any() and not values[36:].any()


def test_the_sustain_pedal_is_a_controller_and_lengthens_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", [control(64, 127, 0)], note(60, 1, 1))
    assert np.all(measured(path, "midi_control:64") == 1.0)
    assert np.flatnonzero(measured(path, "midi_velocity")).tolist() == list(range(12, 24))


@pytest.mark.parametrize(("number", "value"), [(1, 0), (7, 100), (11, 127), (64, 0)])
def test_a_controller_that_nobody_moved_is_where_midi_puts_it(number: int, value: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", note(60, 1, 1))
    assert np.allclose(measured(path, f"midi_control:{number}"), value / 127)


def test_the_pitch_wheel_goes_from_minus_one_to_one(tmp_path: Path) -> None:
    wheel = [
        mido.Message("pitchwheel", pitch=pitch, time=beat * TICKS) for beat, pitch in ((1, -8192), (2, 8191), (3, 0))
    ]
    values = measured(write(tmp_path / "a.mid", wheel), "midi_bend")
    assert values[[0, 12, 24, 36]].tolist() == [0.0, -1.0, 1.0, 0.0]


def test_a_note_that_never_ends_sounds_until_the_end_of_the_file(tmp_path: Path) -> None:
    on = mido.Message("note_on", note=60, velocity=127, time=TICKS)
    path = write(tmp_path / "a.mid", [on], note(64, 3, 1))
    assert np.flatnonzero(measured(path, "midi_note:60")).tolist() == list(range(12, 48))


def test_all_notes_off_ends_the_notes_of_its_channel(tmp_path: Path) -> None:
    on = [mido.Message("note_on", note=60, velocity=127, channel=channel, time=0) for channel in (0, 1)]
    path = write(tmp_path / "a.mid", [*on, control(123, 0, 1)], note(64, 3, 1))
    assert measured(path, "midi_notes")[[0, 11, 12, 35]].tolist() == [2, 2, 1, 1]


def test_running_status_and_a_note_on_of_no_velocity_are_understood(tmp_path: Path) -> None:
    # 480 ticks are 83 60; the status 90 stands once.
    body = b"\x00\x90\x3c\x7f\x83\x60\x3c\x00\x00\x40\x40\x83\x60\x40\x00" + END
    (tmp_path / "a.mid").write_bytes(raw(body))
    assert np.flatnonzero(measured(tmp_path / "a.mid", "midi_note:60")).tolist() == list(range(12))
    assert np.flatnonzero(measured(tmp_path / "a.mid", "midi_note:64")).tolist() == list(range(12, 24))


def test_a_file_in_film_time_keeps_its_own_seconds(tmp_path: Path) -> None:
    # 25 frames of 40 ticks a second; a note after 1000 ticks (87 68).
    body = b"\x87\x68\x90\x3c\x7f\x87\x68\x80\x3c\x00" + END
    (tmp_path / "a.mid").write_bytes(raw(body, division=b"\xe7\x28"))
    assert np.flatnonzero(measured(tmp_path / "a.mid", "midi_velocity")).tolist() == list(range(24, 48))


def test_a_file_without_notes_is_silence(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mid", [])
    for spelling in ("midi_velocity", "midi_onset", "midi_pitch", "midi_notes", "midi_note:60", "midi_bend"):
        assert not measured(path, spelling).any()


WHOLE = raw(b"\x00\x90\x3c\x7f\x83\x60\x3c\x00" + END)
HOSTILE = {
    "empty": b"",
    "text": b"this is no music",
    "header alone": WHOLE[:14],
    "no ticks": raw(END, division=b"\x00\x00"),
    "no ticks of film time": raw(END, division=b"\xe7\x00"),
    "type that does not exist": WHOLE[:9] + b"\x03" + WHOLE[10:],
    "header of four bytes": WHOLE[:7] + b"\x04" + WHOLE[8:12] + WHOLE[14:],
    "half a second track": WHOLE + b"MTrk\x00",
    "second track that breaks off": WHOLE + WHOLE[14:-2],
    "no status": raw(b"\x00\x3c\x7f" + END),
    "endless number": raw(b"\xff" * 1_000_000),
    "endless meta text": raw(b"\x00\xff\x01" + b"\xff" * 1_000_000),
    "huge message": raw(b"\x00\xf0\xff\xff\xff\x7f" + END),
    "undefined status": raw(b"\x00\xf4\x00" + END),
    "too large": b"MThd" + bytes(midi.LARGEST_SCORE),
    "data beyond the end of its track": raw(b"\x00\x90\x3c") + raw(END)[14:],
    "number out of this world": raw(b"\xff" * 2000 + b"\x7f\x90\x3c\x7f" + END),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_broken_file_is_refused_by_name_and_at_once(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.mid").write_bytes(content)
    began = time.process_time()
    with pytest.raises(BendError) as caught:
        measured(tmp_path / "broken.mid", "midi_velocity")
    assert caught.value.code == Code.SOUND_UNREADABLE and "broken.mid" in caught.value.message
    assert time.process_time() - began < 5


@pytest.mark.parametrize("length", range(1, len(WHOLE)))
def test_a_file_that_was_cut_off_is_refused(length: int, tmp_path: Path) -> None:
    (tmp_path / "cut.mid").write_bytes(WHOLE[:length])
    with pytest.raises(BendError) as caught:
        measured(tmp_path / "cut.mid", "midi_velocity")
    assert caught.value.code == Code.SOUND_UNREADABLE


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BendError) as caught:
        measured(tmp_path / "gone.mid", "midi_velocity")
    assert caught.value.code == Code.SOUND_MISSING and "gone.mid" in caught.value.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=st.binary(max_size=200), division=st.binary(min_size=2, max_size=2))
def test_any_bytes_are_measured_or_refused(body: bytes, division: bytes, tmp_path: Path) -> None:
    (tmp_path / "any.mid").write_bytes(raw(body, division=division))
    for spelling in ("midi_velocity", "midi_notes", "midi_pitch", "midi_control:1", "midi_bend"):
        try:
            values = measured(tmp_path / "any.mid", spelling)
        except BendError as error:
            assert error.code == Code.SOUND_UNREADABLE
        else:
            assert np.all(np.isfinite(values))
