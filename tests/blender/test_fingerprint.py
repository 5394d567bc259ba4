"""A bend strip knows when its sound has changed, and only then."""

from __future__ import annotations

import os
import time

import bpy
import numpy as np
import pytest
from sounds import clicks, write_wav
from timeline import slide, trim


@pytest.fixture
def fingerprint(addon):
    addon.named_files.forget()
    return addon.sound_print


@pytest.fixture
def printed(fingerprint, scene, bend_strip, addon):
    """The fingerprint as a person sees it a moment later."""

    def now() -> str:
        addon.named_files.forget()
        return fingerprint.of(scene, bend_strip)

    return now


def key_volume(strip, *keys):
    for frame, value in keys:
        strip.volume = value
        strip.keyframe_insert("volume", frame=frame)


def equalize(scene, song):
    scene.sequence_editor.active_strip = song
    bpy.ops.sequencer.strip_modifier_add(type="SOUND_EQUALIZER")


CHANGES = {
    "the sound is moved": lambda scene, song: slide(song, 5),
    "the sound is trimmed": lambda scene, song: trim(song, 11, 97),
    "the sound is quieter": lambda scene, song: setattr(song, "volume", 0.5),
    "the volume is animated": lambda scene, song: key_volume(song, (1, 0.0), (50, 1.0)),
    "the sound is panned": lambda scene, song: setattr(song, "pan", 0.5),
    "the sound is muted": lambda scene, song: setattr(song, "mute", True),
    "its channel is muted": lambda scene, song: setattr(scene.sequence_editor.channels[1], "mute", True),
    "it begins later in its file": lambda scene, song: setattr(song, "sound_offset", 0.25),
    "the scene is quieter": lambda scene, song: setattr(scene, "audio_volume", 0.5),
    "the frame rate changes": lambda scene, song: setattr(scene.render, "fps", 25),
    "the frame rate is divided": lambda scene, song: setattr(scene.render, "fps_base", 1.001),
    "it is mixed to mono": lambda scene, song: setattr(song.sound, "use_mono", True),
    "an equalizer is added": equalize,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_sound_is_noticed_and_taking_it_back_too(printed, scene, song, change):
    before = printed()
    CHANGES[change](scene, song)
    assert printed() != before


def test_sliding_strip_and_sound_together_changes_nothing(printed, scene, song, bend_strip):
    key_volume(song, (1, 0.2), (50, 1.0))
    before = printed()
    for strip in (song, bend_strip):
        slide(strip, 37)
    curve = scene.animation_data.action.layers[0].strips[0].channelbags[0].fcurves[0]
    if curve.keyframe_points[0].co.x == 1.0:  # from a script, Blender leaves the curve where it is
        for point in curve.keyframe_points:
            point.co.x, point.handle_left.x, point.handle_right.x = (
                value + 37 for value in (point.co.x, point.handle_left.x, point.handle_right.x)
            )
    assert printed() == before


def test_moving_or_trimming_the_bend_strip_alone_is_noticed(printed, bend_strip):
    before = printed()
    slide(bend_strip, 3)
    moved = printed()
    slide(bend_strip, -3)
    assert (moved != before, printed() == before) == (True, True)
    trim(bend_strip, 1, 60)
    assert printed() != before


def test_moving_one_key_of_the_volume_is_noticed(printed, scene, song):
    key_volume(song, (1, 0.2), (50, 1.0))
    before = printed()
    curve = scene.animation_data.action.layers[0].strips[0].channelbags[0].fcurves[0]
    curve.keyframe_points[1].co.x = 51
    assert printed() != before


def test_replacing_the_file_is_noticed(printed, song):
    before = printed()
    path = bpy.path.abspath(song.sound.filepath)
    samples, _ = clicks(4.0, 48000)
    write_wav(path, 0.5 * samples, 48000)
    os.utime(path, (time.time() + 5, time.time() + 5))
    assert printed() != before


def test_what_is_not_heard_changes_nothing(printed, scene, song, bend_strip, tmp_path):
    bend_strip.bend_settings.sounds.add().name = song.name
    before = printed()
    samples, _ = clicks(1.0, 48000)
    scene.sequence_editor.strips.new_sound("Other", str(write_wav(tmp_path / "other.wav", samples, 48000)), 5, 1)
    song.show_waveform = not song.show_waveform
    bend_strip.bend_settings.prompt = "another picture"
    bend_strip.channel += 1
    assert printed() == before
    bend_strip.bend_settings.sounds.clear()
    assert printed() != before, "without a choice every sound is heard"


def test_renaming_the_sound_changes_nothing(printed, song, bend_strip):
    bend_strip.bend_settings.sounds.clear()
    before = printed()
    song.name = "Another Name"
    assert printed() == before


def test_a_sound_within_a_meta_strip_depends_on_the_meta_strip(printed, scene, song):
    meta = scene.sequence_editor.strips.new_meta("Meta", 5, 1)
    song.move_to_meta(meta)
    trim(meta, 1, 97)
    before = printed()
    meta.mute = True
    assert printed() != before
    meta.mute = False
    assert printed() == before
    trim(meta, 1, 50)
    assert printed() != before
    if hasattr(meta, "volume"):
        before = printed()
        meta.volume = 0.5
        assert printed() != before


def test_beats_and_midi_count_but_not_as_sound(fingerprint, printed, scene, bend_strip, tmp_path):
    settings = bend_strip.bend_settings
    sound, before = fingerprint.sound_of(scene, bend_strip), printed()
    settings.beats.shift = 0.1
    shifted = printed()
    assert shifted != before
    settings.midi_file = str(tmp_path / "song.mid")
    assert printed() != shifted
    assert fingerprint.sound_of(scene, bend_strip) == sound


def test_playing_changes_nothing(printed, scene, song):
    key_volume(song, (1, 0.2), (50, 1.0))
    found = set()
    for frame in (1, 20, 40):
        scene.frame_set(frame)
        found.add(printed())
    assert len(found) == 1


def test_what_a_driver_reads_is_heard(printed, scene, song):
    scene["fade"] = 1.0
    driver = song.driver_add("volume").driver
    variable = driver.variables.new()
    variable.targets[0].id_type, variable.targets[0].id = "SCENE", scene
    variable.targets[0].data_path, driver.expression = '["fade"]', variable.name
    before = printed()
    scene["fade"] = 0.5
    changed = printed()
    driver.expression = f"{variable.name} / 2"
    assert len({before, changed, printed()}) == 3


def test_the_end_of_a_song_beyond_the_strip_changes_nothing(printed, song, bend_strip):
    trim(bend_strip, 1, 40)
    before = printed()
    trim(song, 1, 90)
    assert printed() == before
    trim(song, 1, 30)
    assert printed() != before


def test_a_fixed_first_beat_slides_with_the_strip(scene, song, bend_strip, addon):
    beats, placed = bend_strip.bend_settings.beats, addon.timing.Placement.of
    beats.source, beats.first = "TEMPO", 12.0
    slide(bend_strip, 30)
    assert beats.settings(placed(bend_strip)).first == pytest.approx(0.5)
    trim(bend_strip, 31 + 6, 120)
    assert beats.settings(placed(bend_strip)).first == pytest.approx(0.25), (
        "seconds count from the first frame that is heard"
    )


def test_a_bake_is_stale_after_a_change_and_not_before(fingerprint, scene, song, bend_strip):
    assert fingerprint.stale(scene, bend_strip) == []
    assert bpy.ops.bend.bake() == {"FINISHED"}
    assert fingerprint.stale(scene, bend_strip) == []
    song.volume = 0.25
    assert [p.key for p in fingerprint.stale(scene, bend_strip)] == ["Rotate Channels · angle"]


def test_it_is_cheap_enough_to_be_drawn(fingerprint, scene, song, bend_strip):
    key_volume(song, *((frame, 0.5 + 0.001 * frame) for frame in range(1, 90)))
    editor = scene.sequence_editor
    for number in range(8):
        editor.strips.new_sound(f"Sound {number}", song.sound.filepath, 10 + number, 1)
    fingerprint.of(scene, bend_strip)
    times = []
    for _ in range(30):
        began = time.perf_counter()
        fingerprint.of(scene, bend_strip)
        times.append(time.perf_counter() - began)
    assert np.median(times) < 0.002
