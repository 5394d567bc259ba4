"""Fit to Song: the strip comes to its song's length, keys stay on the music, and one undo takes all of it back."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
import pytest
from drawing import Layout
from sounds import clicks, write_wav
from timeline import MODULE, sequencer, slide, trim

KEY = "Rotate Channels · angle"


@pytest.fixture
def times(addon):
    return lambda strip: (addon.compat.left_handle(strip), addon.compat.right_handle(strip))


@pytest.fixture
def differs(scene, addon):
    return lambda strip: addon.song_length.difference(scene, strip) is not None


@pytest.fixture
def keyed(bend_strip, scene, addon):
    """A curve with a key on every 12th frame, the last one with a hand on it; and a fade of Blender's own."""
    bend_strip[KEY] = 0.0
    for frame in range(1, 97, 12):
        bend_strip[KEY] = frame / 10
        bend_strip.keyframe_insert(f'["{KEY}"]', frame=frame)
    bend_strip.blend_alpha = 0.5
    bend_strip.keyframe_insert("blend_alpha", frame=49)
    return bend_strip


def frames_of(curve) -> list[float]:
    return [round(point.co.x, 3) for point in curve.keyframe_points]


def frame_rate(scene, fps: int, base: float = 1.0) -> None:
    scene.render.fps, scene.render.fps_base = fps, base


def add_song(scene, folder, seconds: float, first: int, channel: int):
    samples, _ = clicks(seconds, 48000)
    path = write_wav(folder / f"{seconds}.wav", samples, 48000)
    return scene.sequence_editor.strips.new_sound(f"Song {seconds}", str(path), channel, first)


def test_a_strip_that_is_as_long_as_its_song_is_left_alone(bend_strip, differs):
    assert not differs(bend_strip)
    assert bpy.ops.bend.fit_to_song() == {"CANCELLED"}


@pytest.mark.parametrize(("fps", "base", "length"), [(30, 1.0, 120), (12, 1.0, 48), (60, 1.0, 240), (30, 1.001, 120)])
def test_after_a_change_of_the_frame_rate_keys_stay_at_their_seconds(
    keyed, song, scene, addon, times, differs, fps, base, length
):
    ratio = fps / base / 24
    handles = [
        (point.handle_left.x - 1, point.handle_right.x - 1)
        for point in addon.strips.find_curve(keyed, KEY).keyframe_points
    ]
    frame_rate(scene, fps, base)
    assert differs(keyed)
    assert bpy.ops.bend.fit_to_song() == {"FINISHED"}
    assert times(keyed) == times(song) == (1, 1 + length)
    assert len(keyed.elements) >= length and addon.compat.content_start(keyed) == 1
    curve = addon.strips.find_curve(keyed, KEY)
    assert frames_of(curve) == pytest.approx([1 + (frame - 1) * ratio for frame in range(1, 97, 12)], abs=2e-3)
    assert [point.co.y for point in curve.keyframe_points] == pytest.approx([frame / 10 for frame in range(1, 97, 12)])
    found = [(point.handle_left.x - 1, point.handle_right.x - 1) for point in curve.keyframe_points]
    assert np.allclose(found, np.array(handles) * ratio, atol=1e-2)
    fade = addon.compat.fcurves(scene).find(f"{keyed.path_from_id()}.blend_alpha")
    assert frames_of(fade) == pytest.approx([1 + 48 * ratio], abs=2e-3)
    assert not differs(keyed)


def test_there_and_back_again_is_where_it_was(keyed, scene, addon, times):
    before = frames_of(addon.strips.find_curve(keyed, KEY))
    for fps in (30, 25, 24):
        frame_rate(scene, fps)
        assert bpy.ops.bend.fit_to_song() == {"FINISHED"}
    assert frames_of(addon.strips.find_curve(keyed, KEY)) == pytest.approx(before, abs=5e-3)
    assert times(keyed) == (1, 97)


def test_one_undo_takes_all_of_it_back(keyed, scene, addon, times):
    name, before = keyed.name, frames_of(addon.strips.find_curve(keyed, KEY))
    frame_rate(scene, 30)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.bend.fit_to_song()
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    strip = addon.strips.find(scene.name, name)
    assert times(strip) == (1, 97) and len(strip.elements) == 96
    assert frames_of(addon.strips.find_curve(strip, KEY)) == before


def test_what_was_baked_is_known_as_baked_and_hand_work_stays(bend_strip, scene, addon):
    """After the fit a bake puts a key on every frame, and the moved hand key stays at its second."""
    bpy.ops.bend.bake()
    curve = addon.strips.find_curve(bend_strip, KEY)
    curve.keyframe_points[48].co.y = 9.0
    deleted = curve.keyframe_points[60]
    curve.keyframe_points.remove(deleted)
    frame_rate(scene, 30)
    bpy.ops.bend.fit_to_song()
    assert bpy.ops.bend.rebake() == {"FINISHED"}
    curve = addon.strips.find_curve(bend_strip, KEY)
    found = {round(point.co.x, 3): point.co.y for point in curve.keyframe_points}
    assert found[61.0] == 9.0  # frame 49 is two seconds after the first
    assert 76.0 not in found  # frame 61 was two and a half
    assert set(found) == set(map(float, range(1, 121))) - {76.0}


@pytest.mark.parametrize("mode", ["DENSE", "SIMPLIFIED"])
def test_moved_keys_are_told_from_hand_work_where_frames_have_few_bits_left(bend_strip, song, scene, addon, mode):
    slide(song, 50_003)
    slide(bend_strip, 50_003)
    bend_strip.bend_settings.baking.mode = mode
    bpy.ops.bend.bake()
    frame_rate(scene, 30, 1.001)
    bpy.ops.bend.fit_to_song()
    table = addon.keys.read_keys(addon.strips.find_curve(bend_strip, KEY))
    baked = next(p.baked for p in bend_strip.bend_settings.bends[0].parameters if p.key == KEY)
    memory = addon.keys.Memory.decode(baked, 10_000)
    touched, removed = addon.keys.hand_keys(table, memory, addon.compat.content_start(bend_strip))
    assert len(touched) > 5 and not touched.any() and not len(removed)


def test_what_was_baked_since_the_change_is_not_moved_again(bend_strip, scene, addon):
    frame_rate(scene, 30)
    bpy.ops.bend.bake()
    before = frames_of(addon.strips.find_curve(bend_strip, KEY))
    bpy.ops.bend.fit_to_song()
    assert frames_of(addon.strips.find_curve(bend_strip, KEY)) == before


@pytest.mark.parametrize(("first", "last"), [(1, 49), (25, 97), (13, 60)])
def test_a_trimmed_song_trims_the_strip_and_nothing_is_lost(keyed, song, addon, times, differs, first, last):
    keys = frames_of(addon.strips.find_curve(keyed, KEY))
    trim(song, first, last)
    assert differs(keyed)
    bpy.ops.bend.fit_to_song()
    assert times(keyed) == (first, last) and len(keyed.elements) == 96
    assert frames_of(addon.strips.find_curve(keyed, KEY)) == keys
    trim(song, 1, 97)
    bpy.ops.bend.fit_to_song()
    assert times(keyed) == (1, 97) and len(keyed.elements) == 96


def test_a_song_in_its_place_that_begins_earlier_leaves_keys_and_pictures_at_their_frames(
    keyed, song, scene, addon, times, tmp_path
):
    slide(song, 20)
    slide(keyed, 20)
    keyed.elements[5].filename = "sixth.png"
    keyed.bend_settings.captured = addon.record.encode({5: "ab" * 32})
    keyed.bend_settings.beats.first, keyed.bend_settings.midi_start = 5.0, 5
    keys = frames_of(addon.strips.find_curve(keyed, KEY))
    scene.sequence_editor.strips.remove(song)
    other = add_song(scene, tmp_path, 6.0, 11, 1)
    keyed.bend_settings.sounds.clear()
    bpy.ops.bend.fit_to_song()
    assert times(keyed) == times(other) == (11, 155) and addon.compat.content_start(keyed) == 11
    assert frames_of(addon.strips.find_curve(keyed, KEY)) == keys
    assert keyed.elements[15].filename == "sixth.png" and keyed.elements[5].filename != "sixth.png"
    assert dict(addon.record.decode(keyed.bend_settings.captured, 144)) == {15: "ab" * 32}
    assert (keyed.bend_settings.beats.first, keyed.bend_settings.midi_start) == (15.0, 15)


def test_pictures_stay_on_the_music_they_were_made_for(bend_strip, scene, addon):
    for number, element in enumerate(bend_strip.elements):
        element.filename = f"{number}.png"
    frame_rate(scene, 48)
    bpy.ops.bend.fit_to_song()
    assert [element.filename for element in bend_strip.elements][:5] == ["0.png", "0.png", "1.png", "1.png", "2.png"]


def test_both_halves_of_a_split_strip_are_fitted_and_meet(bend_strip, scene, addon, times, differs):
    half = bend_strip.split(frame=49, split_method="SOFT")
    assert not differs(bend_strip) and not differs(half)
    for fps, middle, end in ((30, 61, 121), (12, 25, 49), (24, 49, 97)):
        frame_rate(scene, fps)
        scene.sequence_editor.active_strip = bend_strip
        bpy.ops.bend.fit_to_song()
        assert (times(bend_strip), times(half)) == ((1, middle), (middle, end))
        assert bend_strip.channel == half.channel and not differs(bend_strip) and not differs(half)


def retime(strip, scene, addon) -> None:
    """Half speed, by hand."""
    addon.strips.select_only(strip)
    with addon.image_strips.at_sequencer(scene):
        bpy.ops.sequencer.retiming_segment_speed_set(speed=50.0)


def test_a_retimed_song_keeps_its_frames_and_so_do_the_keys(keyed, song, scene, addon, times):
    keys = frames_of(addon.strips.find_curve(keyed, KEY))
    retime(song, scene, addon)
    scene.sequence_editor.active_strip = keyed
    length = times(song)[1] - 1
    assert length > 180
    frame_rate(scene, 30)
    assert bpy.ops.bend.fit_to_song() == {"FINISHED"}
    assert times(keyed) == times(song) == (1, 1 + length)
    assert frames_of(addon.strips.find_curve(keyed, KEY)) == keys


def test_a_scene_that_plays_keeps_its_frames_and_so_do_the_keys(keyed, song, scene, addon, times, differs, tmp_path):
    keys = frames_of(addon.strips.find_curve(keyed, KEY))
    inner = bpy.data.scenes.new("Inner")
    inner.sequence_editor_create()
    inner.frame_start, inner.frame_end = 1, 48
    add_song(inner, tmp_path, 2.0, 1, 1)
    scene.sequence_editor.strips.remove(song)
    played = scene.sequence_editor.strips.new_scene("Played", inner, 1, 1)
    played.scene_input = "SEQUENCER"
    keyed.bend_settings.sounds.clear()
    assert differs(keyed) and bpy.ops.bend.fit_to_song() == {"FINISHED"}
    assert times(keyed) == times(played) == (1, 49)
    frame_rate(scene, 30)
    assert not differs(keyed) and times(played) == (1, 49)
    assert frames_of(addon.strips.find_curve(keyed, KEY)) == keys


def test_a_retimed_strip_gets_frames_of_its_own_instead(bend_strip, song, scene, addon, times, differs):
    frame_rate(scene, 48)
    retime(bend_strip, scene, addon)
    assert differs(bend_strip)
    bpy.ops.bend.fit_to_song()
    assert not bend_strip.retiming_keys and times(bend_strip) == times(song) == (1, 193)
    assert len(bend_strip.elements) == 192 and not differs(bend_strip)


def test_a_speed_effect_follows_its_strip(bend_strip, scene, times):
    length = "length" if bpy.app.version >= (5, 0) else "frame_end"
    effect = scene.sequence_editor.strips.new_effect(
        "Speed", "SPEED", 9, 1, input1=bend_strip, **{length: 97 - (length == "length")}
    )
    frame_rate(scene, 30)
    bpy.ops.bend.fit_to_song()
    assert times(effect) == times(bend_strip) == (1, 121)


def test_a_song_within_a_meta_strip_counts_as_far_as_it_is_heard(bend_strip, song, scene, times, differs):
    meta = scene.sequence_editor.strips.new_meta("Meta", 5, 1)
    song.move_to_meta(meta)
    trim(meta, 1, 49)
    bpy.ops.bend.fit_to_song()
    assert times(bend_strip) == (1, 49)
    meta.mute = True
    assert not differs(bend_strip)


def test_a_neighbour_in_the_way_is_not_covered(bend_strip, scene, addon, times):
    neighbour = scene.sequence_editor.strips.new_image(
        "Still",
        str(addon.strips.ensure_placeholder(addon.preferences.frame_folder(), (64, 64))),
        bend_strip.channel,
        100,
    )
    frame_rate(scene, 30)
    bpy.ops.bend.fit_to_song()
    assert times(bend_strip) == (1, 121) and times(neighbour) == (100, 101)
    assert bend_strip.channel != neighbour.channel


@pytest.mark.parametrize("text", ["", "0", "-1", "1e999999999", "nan", "24/0", "a\x00b"])
def test_a_frame_rate_that_a_file_invented_moves_nothing(keyed, scene, addon, text):
    keys = frames_of(addon.strips.find_curve(keyed, KEY))
    keyed.bend_settings.rate = text
    frame_rate(scene, 30)
    bpy.ops.bend.fit_to_song()
    assert frames_of(addon.strips.find_curve(keyed, KEY)) == keys


def test_the_panel_offers_it_only_where_it_is_needed_and_touches_no_file(bend_strip, song, scene, addon, monkeypatch):
    def draw() -> Layout:
        layout = Layout()
        panel = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.film")
        panel.draw_fit(layout, bend_strip)
        return layout

    for name in ("state", "is_missing"):
        monkeypatch.setattr(addon.named_files, name, lambda *_: pytest.fail("a file was looked at"))
    assert not draw().operators
    trim(song, 1, 49)
    assert draw().said == ["Song: 48 frames, strip: 96"]
    frame_rate(scene, 30)
    layout = draw()
    assert layout.said == ["The frame rate has changed"]
    assert [name for name, _, _ in layout.operators] == ["bend.fit_to_song"]


def test_a_strip_in_a_scene_that_the_window_does_not_show_is_fitted(store, addon, tmp_path, times):
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.data.scenes.new("Film")
    scene.sequence_editor_create()
    scene.render.fps = 24
    with sequencer(scene):
        song = add_song(scene, tmp_path, 2.0, 1, 1)
        bpy.ops.bend.add_strip()
        strip = scene.sequence_editor.active_strip
        frame_rate(scene, 30)
        assert bpy.ops.bend.fit_to_song() == {"FINISHED"}
    assert times(strip) == times(song) == (1, 61)


def test_ten_minutes_are_no_more_work_than_their_frames(scene, addon, tmp_path, times, monkeypatch):
    """The elements are set at once: one call, however many there are."""
    song = add_song(scene, tmp_path, 2.0, 1, 1)
    retime(song, scene, addon)
    calls = []
    bpy.ops.bend.add_strip()
    strip = scene.sequence_editor.active_strip
    monkeypatch.setattr(
        addon.image_strips,
        "set_pictures",
        lambda strip, names, do=addon.image_strips.set_pictures: (calls.append(len(names)), do(strip, names)),
    )
    trim(strip, 1, 5)
    addon.image_strips.set_pictures(strip, [strip.elements[0].filename] * 4)
    addon.compat.set_handles(strip, 1, 5)
    bpy.ops.bend.fit_to_song()
    assert len(calls) == 2 and times(strip) == times(song)


@pytest.mark.parametrize(("stretch", "count"), [(1.25, 13), (0.5, 5), (1.0, 10)])
def test_what_a_sound_has_added_is_remembered_on_whole_frames(addon, stretch, count):
    keyframes = addon.keys
    frames = np.concatenate([np.arange(10), np.arange(40, 44)])
    added = np.stack([frames, frames * 2.0, frames * 3.0], axis=1).astype(np.float32)
    memory = keyframes.Memory(keyframes.Memory.empty().keys, np.array([4.0], np.float32), added)
    none = keyframes.no_keys()
    moved = keyframes.follow(memory, none, none, np.ones(0, bool), (5, 5), lambda f: 5 + (f - 5) * stretch)
    first = moved.added[moved.added[:, 0] < 30 * stretch]
    assert first[:, 0].tolist() == list(range(len(first))) and abs(len(first) - count) <= 1
    assert np.allclose(moved.added[:, 1:] * stretch, np.outer(moved.added[:, 0], [2.0, 3.0]), atol=1e-4)
    gap = (moved.added[:, 0] > 10 * stretch) & (moved.added[:, 0] < 39 * stretch)
    assert not gap.any() and moved.removed.tolist() == [4.0 * stretch]
