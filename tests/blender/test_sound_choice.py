"""A film with several sounds: the sound of a bend strip is chosen, stays chosen, and is never silently another."""

from __future__ import annotations

import bpy
import pytest
from sounds import tone, write_wav
from timeline import slide, trim


@pytest.fixture
def second(scene, bend_strip, tmp_path):
    """A second song on another channel, selected, that came after the bend strip."""
    path = write_wav(tmp_path / "second.wav", tone(3.0, 48000, 880), 48000)
    return scene.sequence_editor.strips.new_sound("Second", str(path), 4, 1)


@pytest.fixture
def measured(scene, bend_strip, addon):
    """The names of the sounds that the bend strip measures, or what the artist is told."""

    def now(of=None):
        addon.sound_choice.tidy(scene, addon.mixdown.sound_strips(scene))
        strip = of or bend_strip
        try:
            return [sound.name for sound in addon.mixdown.chosen_sounds(strip.id_data, strip)]
        except Exception as error:
            return str(error)

    return now


def select(scene, *chosen):
    for strip in scene.sequence_editor.strips_all:
        strip.select = strip in chosen


def duplicate(scene, strip, frames=0):
    """What Shift D makes, without a window: Blender's own copy of a strip, of the same length."""
    first, last = shown(strip)
    copy = strip.split(frame=(first + last) // 2, split_method="SOFT")
    copy.channel = 9
    for one in (strip, copy):
        trim(one, first, last)
    slide(copy, frames)
    return copy


def shown(strip):
    new = "left_handle" in strip.bl_rna.properties
    return (strip.left_handle, strip.right_handle) if new else (strip.frame_final_start, strip.frame_final_end)


def test_a_second_song_changes_nothing_until_it_is_chosen(scene, bend_strip, second, measured, addon):
    before = addon.sound_print.of(scene, bend_strip)
    select(scene, second)
    assert measured() == ["Song"] and addon.sound_print.of(scene, bend_strip) == before
    bpy.ops.bend.use_sounds(add=True)
    assert measured() == ["Song", "Second"]
    bpy.ops.bend.use_sounds()
    assert measured() == ["Second"] and addon.sound_print.of(scene, bend_strip) != before
    bpy.ops.bend.use_sounds(strip="Song")
    assert measured() == ["Song"] and addon.sound_print.of(scene, bend_strip) == before
    bpy.ops.bend.use_sounds(everything=True)
    assert measured() == ["Song", "Second"]


def test_a_channel_is_measured_with_what_is_added_to_it(scene, song, bend_strip, second, measured, tmp_path):
    bpy.ops.bend.use_sounds(channel=4)
    assert measured() == ["Second"]
    third = scene.sequence_editor.strips.new_sound("Third", second.sound.filepath, 4, 120)
    assert sorted(measured()) == ["Second", "Third"]
    for strip in (second, third):
        strip.channel = 6
    assert "no longer any sound in channel 4" in measured()
    meta = scene.sequence_editor.strips.new_meta("Meta", 4, 1)
    song.move_to_meta(meta)
    assert measured() == ["Song"]


def test_the_choice_survives_renaming_sliding_and_saving(scene, song, bend_strip, second, measured, tmp_path, addon):
    song.name, second.name = "Lead", "Song"
    slide(song, 5)
    assert measured() == ["Lead"], "also when another strip takes its name"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    scene = bpy.context.scene
    strip = next(addon.strips.bend_strips(scene))
    assert [sound.name for sound in addon.mixdown.measured_sounds(scene, strip)] == ["Lead"]


def test_the_choice_survives_undo(scene, song, bend_strip, second, addon):
    bpy.ops.bend.use_sounds(strip="Second")
    bpy.ops.ed.undo_push(message="chosen")
    second.name = "Lead"
    bpy.ops.ed.undo_push(message="renamed")
    bpy.ops.bend.use_sounds(strip="Song")
    bpy.ops.ed.undo_push(message="another")
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    strip = next(addon.strips.bend_strips(scene))
    assert [sound.name for sound in addon.mixdown.measured_sounds(scene, strip)] == ["Lead"]


def test_a_copy_of_the_song_is_not_meant_whatever_both_are_called(scene, song, measured):
    copy = duplicate(scene, song, 120)
    assert measured() == ["Song"]
    song.name, copy.name = "Lead", "Song"
    assert measured() == ["Lead"]


def test_of_two_copies_that_cannot_be_told_apart_none_is_taken(scene, song, bend_strip, addon):
    copy = duplicate(scene, song, 120)
    song.name, copy.name = "Lead", "Rest"
    with pytest.raises(Exception, match="'Song' is no longer on the timeline"):
        addon.mixdown.chosen_sounds(scene, bend_strip)


def test_all_pieces_of_a_song_that_was_cut_are_heard_wherever_they_are_moved(scene, song, measured):
    piece = song.split(frame=40, split_method="SOFT")
    assert measured() == ["Song", piece.name]
    slide(piece, 30)
    piece.name = "End"
    assert sorted(measured()) == ["End", "Song"]


def test_a_copy_of_the_bend_strip_measures_the_same(scene, song, bend_strip, second, measured, addon):
    copy = duplicate(scene, bend_strip)
    song.name = "Lead"
    assert measured(copy) == measured() == ["Lead"]


def test_a_chosen_song_that_is_gone_is_said_and_no_other_is_taken(scene, song, bend_strip, second, measured, addon):
    scene.sequence_editor.strips.remove(song)
    assert "'Song' is no longer on the timeline" in measured()
    second.name = "Song"
    assert "'Song' is no longer on the timeline" in measured(), "another strip of that name is another strip"
    bpy.ops.bend.use_sounds(strip="Song")
    assert measured() == ["Song"]


def test_the_choice_by_name_of_older_files_holds_and_is_lost_in_words(scene, song, bend_strip, second, measured):
    sounds = bend_strip.bend_settings.sounds
    sounds.clear()
    sounds.add().name = "Song"
    assert measured() == ["Song"]
    song.name = "Another"
    assert "'Song' is no longer on the timeline" in measured()


def test_a_selected_meta_strip_means_the_sound_in_it(scene, bend_strip, second, measured):
    meta = scene.sequence_editor.strips.new_meta("Meta", 7, 1)
    second.move_to_meta(meta)
    select(scene, meta)
    bpy.ops.bend.use_sounds()
    assert measured() == ["Second"]


def test_only_what_is_chosen_is_measured(scene, song, bend_strip, second, curve, addon):
    def baked():
        assert bpy.ops.bend.bake() == {"FINISHED"}
        return [round(key.co.y, 4) for key in curve(bend_strip, "Rotate Channels · angle").keyframe_points]

    before = baked()
    second.volume = 0.5
    assert baked() == before and addon.sound_print.stale(scene, bend_strip) == []
    bpy.ops.bend.use_sounds(channel=4)
    assert addon.sound_print.stale(scene, bend_strip)
    assert baked() != before


def test_the_panel_shows_the_choice_and_what_to_do_with_another_song(scene, song, bend_strip, second, addon):
    select(scene, second)
    assert drawn(addon, bend_strip)[:2] == [("menu", "Song"), ("operator", "bend.use_sounds")]
    assert ("label", "This strip doesn't use 'Second'") in drawn(addon, bend_strip)
    bpy.ops.bend.use_sounds(channel=4)
    assert drawn(addon, bend_strip) == [("menu", "Channel 4"), ("operator", "bend.use_sounds")]
    scene.sequence_editor.strips.remove(second)
    assert drawn(addon, bend_strip)[0] == ("menu", "Channel 4 (missing)")
    bpy.ops.bend.use_sounds(everything=True)
    assert drawn(addon, bend_strip)[0] == ("menu", "All sound (1)")


def test_the_sound_of_a_scene_strip_is_collected(scene, song, bend_strip, second, tmp_path, addon):
    other = bpy.data.scenes.new("Other")
    other.sequence_editor_create()
    second.sound.use_fake_user = True
    other.sequence_editor.strips.new_sound("Inner", second.sound.filepath, 1, 1)
    scene.sequence_editor.strips.remove(second)
    scene.sequence_editor.strips.new_scene("Play", other, 5, 1).scene_input = "SEQUENCER"
    (tmp_path / "project").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project" / "a.blend"))
    assert bpy.ops.bend.collect() == {"FINISHED"}
    assert (tmp_path / "project" / "sounds" / "second.wav").is_file()
    assert [sound.name for sound in addon.mixdown.chosen_sounds(scene, bend_strip)] == ["Song"]


class Layout:
    """Takes note of what is drawn."""

    def __init__(self, noted):
        self.noted = noted

    def row(self, **_):
        return self

    box = column = row

    def menu(self, name, text, icon):
        self.noted.append(("menu", text))

    def label(self, text, icon):
        self.noted.append(("label", text))

    def operator(self, name, **_):
        self.noted.append(("operator", name))
        return Layout([])


def drawn(addon, strip):
    import importlib

    panel = importlib.import_module(addon.mixdown.__name__.rpartition(".addon.")[0] + ".addon.panels.sounds")
    noted = []
    panel.draw_choice(Layout(noted), strip)
    panel.draw_others(Layout(noted), strip)
    return noted
