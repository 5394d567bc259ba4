"""Adding a song and a bend strip: at the start of the timeline, and where the timeline shows it."""

from __future__ import annotations

import importlib
import shutil
from types import SimpleNamespace

import bpy
import pytest
from drawing import Layout
from timeline import MODULE, sequencer

SINCE_5 = pytest.mark.skipif(bpy.app.version < (5, 0), reason="every scene has its sequencer")


@pytest.fixture
def bare(store):
    """An empty file whose workspace has no scene for the sequencer, as one that was added with +."""
    bpy.ops.wm.read_homefile(use_empty=True)
    if bpy.app.version >= (5, 0):
        bpy.context.workspace.sequencer_scene = None
    return bpy.context.scene


def shown_scene():
    return bpy.context.workspace.sequencer_scene if bpy.app.version >= (5, 0) else bpy.context.scene


def times(strip, addon) -> tuple[int, int]:
    return addon.compat.left_handle(strip), addon.compat.right_handle(strip)


def test_a_song_begins_where_the_scene_begins_on_a_free_channel(scene, addon, song_file):
    scene.frame_start, scene.frame_current = 11, 200
    assert bpy.ops.bend.add_sound(filepath=song_file) == {"FINISHED"}
    assert bpy.ops.bend.add_sound(filepath=song_file) == {"FINISHED"}
    first, second = addon.mixdown.sound_strips(scene)
    assert times(first, addon) == times(second, addon) == (11, 59)
    assert (first.channel, second.channel) == (1, 2)
    assert scene.sequence_editor.active_strip == second and second.select and not first.select


def test_a_song_is_kept_relative_to_the_file_as_the_preferences_say(scene, song_file, tmp_path):
    other = shutil.copy(song_file, tmp_path / "other.wav")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    with sequencer(bpy.context.scene):
        for wanted, path, expected in ((True, song_file, "//song.wav"), (False, str(other), str(other))):
            bpy.context.preferences.filepaths.use_relative_paths = wanted
            bpy.ops.bend.add_sound(filepath=path)
            assert bpy.context.scene.sequence_editor.active_strip.sound.filepath == expected
    bpy.context.preferences.filepaths.use_relative_paths = True


@pytest.mark.parametrize("content", [None, b"no sound", b""])
def test_what_is_no_sound_is_refused_in_words_and_leaves_nothing(scene, content, tmp_path):
    path = tmp_path / "song.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"missing|can't read sound"):
        bpy.ops.bend.add_sound(filepath=str(path))
    assert not scene.sequence_editor.strips and not bpy.data.sounds


def test_in_a_new_workspace_song_and_strip_are_put_where_the_timeline_shows_them(bare, addon, song_file):
    assert bpy.ops.bend.add_sound(filepath=song_file) == {"FINISHED"}
    assert bpy.ops.bend.add_strip() == {"FINISHED"}
    assert shown_scene() == bare and len(bpy.data.scenes) == 1
    song, strip = bare.sequence_editor.strips
    assert times(song, addon) == times(strip, addon) and strip.channel == song.channel + 1


def test_in_a_new_workspace_a_bend_strip_alone_is_shown_too(bare, addon):
    assert bpy.ops.bend.add_strip() == {"FINISHED"}
    assert shown_scene() == bare
    assert addon.strips.active_bend_strip(bpy.context) == bare.sequence_editor.strips[0]


@SINCE_5
def test_the_scene_that_has_the_strips_is_chosen(bare, addon, song_file):
    film = bpy.data.scenes.new("Film")
    with sequencer(film):
        bpy.ops.bend.add_sound(filepath=song_file)
    assert addon.compat.lacks_sequencer_scene(bpy.context)
    assert bpy.ops.bend.add_strip() == {"FINISHED"}
    assert shown_scene() == film and len(film.sequence_editor.strips) == 2


@SINCE_5
def test_a_bend_strip_that_the_timeline_does_not_show_is_offered(bare, addon):
    with sequencer(bare):
        bpy.ops.bend.add_strip()
    panel = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.film").BEND_PT_film
    before, after = Layout(), Layout()
    panel.draw(SimpleNamespace(layout=before), bpy.context)
    assert "The timeline isn't showing a scene" in before.said
    assert bpy.ops.bend.show_sequencer() == {"FINISHED"}
    assert shown_scene() == bare
    panel.draw(SimpleNamespace(layout=after), bpy.context)
    assert "bend.show_sequencer" not in [name for name, _, _ in after.operators]


def test_the_first_step_is_bends_own(bare):
    panel = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.film").BEND_PT_film
    layout = Layout()
    panel.draw(SimpleNamespace(layout=layout), bpy.context)
    offered = [name for name, _, _ in layout.operators]
    assert "bend.add_sound" in offered and "bend.add_strip" in offered
    assert bpy.ops.bend.add_sound.poll() and bpy.ops.bend.add_strip.poll()
