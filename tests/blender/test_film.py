"""From a song to a film: one button sets up the scene, adds a strip that moves, bakes, and shows the first picture."""

from __future__ import annotations

import bpy
import pytest
from timeline import sequencer, trim


@pytest.fixture
def fresh(store):
    """The scene of a new file, as Blender makes it."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.context.preferences.filepaths.use_relative_paths = True
    scene = bpy.context.scene
    with sequencer(scene):
        yield scene


def film(**given):
    assert bpy.ops.bend.film_from_song(**given) == {"FINISHED"}
    return bpy.context.scene.sequence_editor.active_strip


def test_a_song_becomes_a_scene_a_strip_with_curves_and_a_first_picture(fresh, addon, song_file, tmp_path, store):
    fresh.render.resolution_x, fresh.render.resolution_y = 1920, 1080
    fresh.render.filepath = "/tmp/"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    strip = film(filepath=song_file)
    scene = bpy.context.scene
    (song,) = addon.mixdown.sound_strips(scene)
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (1, 48, 1)
    assert (scene.sync_mode, scene.view_settings.view_transform) == ("AUDIO_SYNC", "Standard")
    assert (scene.render.image_settings.file_format, scene.render.ffmpeg.audio_codec) == ("FFMPEG", "AAC")
    assert scene.render.filepath == "//song.mp4"
    settings = strip.bend_settings
    assert (settings.width, settings.height) == (448, 256)
    assert addon.compat.left_handle(strip) == 1 and addon.compat.duration(strip) == addon.compat.duration(song)
    routed = [parameter.key for parameter, _ in settings.routed()]
    assert len(routed) >= 2 and all(len(addon.strips.find_curve(strip, key).keyframe_points) > 1 for key in routed)
    assert (store / strip.elements[0].filename).is_file() and len(strip.elements[0].filename) == 64 + 4
    assert len(strip.elements[1].filename) != 64 + 4, "only the first picture is made"


@pytest.mark.parametrize(
    ("frame", "size"),
    [((1920, 1080), (448, 256)), ((1080, 1920), (256, 448)), ((1000, 1000), (256, 256)), ((4096, 1716), (448, 256))],
)
def test_the_strip_has_the_shape_of_the_scene(fresh, addon, frame, size):
    fresh.render.resolution_x, fresh.render.resolution_y = frame
    assert addon.new_film.shape(fresh) == size


def test_what_a_person_has_set_stays(fresh, addon, song_file):
    fresh.frame_end, fresh.sync_mode, fresh.view_settings.view_transform = 500, "FRAME_DROP", "Filmic"
    fresh.render.filepath = "//mine/"
    fresh.render.image_settings.file_format = "OPEN_EXR"
    fresh.sequence_editor_create()
    sound = fresh.sequence_editor.strips.new_sound("Song", song_file, 1, 1)
    assert addon.new_film.prepare(fresh, sound) == []
    assert (fresh.frame_end, fresh.sync_mode, fresh.view_settings.view_transform) == (500, "FRAME_DROP", "Filmic")
    assert (fresh.render.filepath, fresh.render.image_settings.file_format) == ("//mine/", "OPEN_EXR")


def test_the_selected_song_is_taken_where_there_are_two(fresh, addon, song_file):
    fresh.sequence_editor_create()
    first = fresh.sequence_editor.strips.new_sound("First", song_file, 1, 1)
    second = fresh.sequence_editor.strips.new_sound("Second", song_file, 2, 101)
    first.select, second.select = False, True
    strip = film()
    assert addon.compat.left_handle(strip) == 101
    assert [one.name for one in addon.mixdown.measured_sounds(fresh, strip)] == ["Second"]


def test_without_a_song_it_says_what_to_do_and_leaves_nothing(fresh):
    with pytest.raises(RuntimeError, match="no song"):
        bpy.ops.bend.film_from_song()
    assert not fresh.sequence_editor or not fresh.sequence_editor.strips


def test_one_undo_takes_all_of_it_back(fresh, addon, song_file):
    bpy.ops.ed.undo_push(message="before")
    film(filepath=song_file)
    bpy.ops.ed.undo_push(message="Make Film from Song")  # Blender does it for a button, not for a script
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert not scene.sequence_editor or not scene.sequence_editor.strips
    assert (scene.frame_end, scene.sync_mode) == (250, "NONE")


def test_generate_bakes_what_was_never_baked(bend_strip, scene, addon, curve):
    key = "Rotate Channels · angle"
    assert curve(bend_strip, key) is None
    assert bpy.ops.bend.preview_frame() == {"FINISHED"}
    baked = [point.co.y for point in curve(bend_strip, key).keyframe_points]
    assert len(set(baked)) > 2, "the film does not stand still"


def test_generate_leaves_curves_drivers_and_silent_scenes_alone(bend_strip, scene, addon, curve, song):
    key = "Rotate Channels · angle"
    parameter = bend_strip.bend_settings.bends[0].parameters["angle"]
    bend_strip.keyframe_insert(f'["{key}"]', frame=1)
    assert addon.bake_queue.unbaked([bend_strip]) == []
    bend_strip.keyframe_delete(f'["{key}"]', frame=1)
    assert [order.keys for order in addon.bake_queue.unbaked([bend_strip])] == [(parameter.key,)]
    bend_strip.bend_settings.bends[0].enabled = False
    assert addon.bake_queue.unbaked([bend_strip]) == []
    bend_strip.bend_settings.bends[0].enabled = True
    scene.driver_add(addon.strips.data_path(bend_strip, key))
    assert addon.bake_queue.unbaked([bend_strip]) == []
    scene.driver_remove(addon.strips.data_path(bend_strip, key))
    bend_strip.bend_settings.sounds.clear()
    scene.sequence_editor.strips.remove(song)
    assert addon.bake_queue.unbaked([bend_strip]) == [], "there is nothing that could be heard"


def test_a_render_is_never_a_film_that_stands_still(bend_strip, scene, addon, core, tmp_path):
    scene.render.filepath = str(tmp_path / "out" / "f_")
    addon.compat.set_image_output(scene)
    trim(bend_strip, 1, 3)
    scene.frame_end = 2
    with pytest.raises(RuntimeError, match="follows the sound but was never baked"):
        bpy.ops.render.render(animation=True)
    assert addon.activity.last_failure.code == core.errors.Code.NOT_BAKED
    assert not (tmp_path / "out").exists()


def test_render_film_bakes_generates_and_renders(bend_strip, scene, addon, curve, tmp_path):
    scene.render.filepath = str(tmp_path / "out" / "f_")
    addon.compat.set_image_output(scene)
    trim(bend_strip, 1, 4)
    scene.frame_end = 3
    assert bpy.ops.bend.render_film() == {"FINISHED"}
    assert len(curve(bend_strip, "Rotate Channels · angle").keyframe_points) > 2
    assert len({element.filename for element in list(bend_strip.elements)[:3]}) == 3
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_a_film_is_two_operators_away_from_a_song(fresh, addon, song_file, tmp_path):
    """What is dropped onto an empty file, and one click."""
    assert bpy.ops.bend.film_from_song(filepath=song_file) == {"FINISHED"}
    fresh.frame_end = 2  # a film as long as the song would take minutes
    fresh.render.filepath = str(tmp_path / "film.mp4")
    assert bpy.ops.bend.render_film() == {"FINISHED"}
    assert addon.activity.last_failure is None
    assert (tmp_path / "film.mp4").stat().st_size > 1000


def ready(strip):
    """The frames that a strip has pictures for."""
    return [index + 1 for index, element in enumerate(strip.elements) if len(element.filename) == 68]


def test_render_film_makes_only_frames_that_the_film_shows(bend_strip, scene, addon, store, tmp_path):
    scene.render.filepath = str(tmp_path / "out" / "f_")
    addon.compat.set_image_output(scene)
    scene.frame_start, scene.frame_end, scene.frame_step = 3, 7, 2
    assert bpy.ops.bend.render_film() == {"FINISHED"}
    made = {path.name for path in store.glob("*.png") if len(path.name) == 68}
    assert made == {bend_strip.elements[number - 1].filename for number in (3, 5, 7)}
    assert {3, 5, 7} <= set(ready(bend_strip)), "others may be the same pictures"


@pytest.mark.parametrize("how", ["strip", "channel", "meta"])
def test_render_film_renders_nothing_where_all_bend_strips_are_muted(bend_strip, scene, addon, how):
    if how == "strip":
        bend_strip.mute = True
    elif how == "channel":
        scene.sequence_editor.channels[bend_strip.channel].mute = True
    else:
        meta = scene.sequence_editor.strips.new_meta("Meta", 5, 1)
        bend_strip.move_to_meta(meta)
        trim(meta, 1, 7)
        meta.mute = True
    with pytest.raises(RuntimeError, match="No bend strip is seen"):
        bpy.ops.bend.render_film()
    assert ready(bend_strip) == [] and addon.activity.current is None


def test_a_film_shows_what_is_in_meta_strips_and_scene_strips_once(bend_strip, scene, addon):
    outer = bpy.data.scenes.new("Outer")
    outer.sequence_editor_create()
    for channel, first in ((1, 11), (2, 13)):
        inner = outer.sequence_editor.strips.new_scene("Inner", scene, channel, first)
        inner.scene_input = "SEQUENCER"
    outer.frame_start, outer.frame_end = 12, 14
    assert [(owner.name, numbers) for owner, _, numbers in addon.shown.film(outer)] == [(scene.name, [1, 2, 3, 4])]
    meta = scene.sequence_editor.strips.new_meta("Meta", 5, 1)
    bend_strip.move_to_meta(meta)
    trim(meta, 1, 3)
    assert [numbers for _, _, numbers in addon.shown.film(outer)] == [[1, 2]]


def test_render_film_says_why_it_cannot(bend_strip, scene, addon, song, tmp_path):
    scene.render.filepath = str(tmp_path / "out" / "f_")
    addon.compat.set_image_output(scene)
    bend_strip.bend_settings.bends[0].site = "unet:mid_blok"
    with pytest.raises(RuntimeError, match="unet:mid_block"):
        bpy.ops.bend.render_film()
    assert addon.activity.current is None and not (tmp_path / "out").exists()
