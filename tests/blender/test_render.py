"""Rendering with Blender: the frames are there, bit for bit, or the render stops and says why."""

from __future__ import annotations

import contextlib
from pathlib import Path

import bpy
import numpy as np
import pytest
from timeline import sequencer, trim

ANGLE = "Rotate Channels · angle"


@pytest.fixture
def film(bend_strip, scene, song, curve, tmp_path):
    """Six different frames, to be rendered as PNG into a folder of their own."""
    trim(bend_strip, 1, 7)
    bpy.ops.bend.bake()
    for index, key in enumerate(curve(bend_strip, ANGLE).keyframe_points):
        key.co.y = 0.2 * (index + 1)
    bend_strip.transform.scale_x = bend_strip.transform.scale_y = 1.0
    bend_strip.bend_settings.fitted_size = 64, 64
    song.mute = True
    scene.frame_start, scene.frame_end = 1, 6
    scene.render.filepath = str(tmp_path / "out" / "f_")
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    return bend_strip


def written(scene) -> list[Path]:
    return sorted(Path(scene.render.filepath).parent.glob("*"))


def pixels(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.name = "Non-Color"
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    width, height = image.size
    bpy.data.images.remove(image)
    return values.reshape(height, width, -1)[:, :, :3]


def add_colour(scene):
    """Something else to render: with nothing to show the sequencer asks for a camera."""
    length = {"length": 20} if bpy.app.version >= (5, 0) else {"frame_end": 21}
    scene.sequence_editor.strips.new_effect(name="Blue", type="COLOR", channel=9, frame_start=1, **length)


def break_engine(addon):
    addon.engine_client.shut_down()
    addon.preferences.preferences().engine_python = "/nowhere/python"


def test_an_empty_store_is_filled_and_the_film_shows_its_frames_bit_for_bit(film, scene, store):
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    files = written(scene)
    assert [file.name for file in files] == [f"f_{number:04}.png" for number in range(1, 7)]
    for file, element in zip(files, film.elements, strict=False):
        assert np.array_equal(pixels(file), pixels(store / element.filename))
    assert len({pixels(file).tobytes() for file in files}) == 6


def test_with_a_full_store_the_engine_is_never_started(film, scene, addon):
    addon.generate.fill_store(scene, film)
    break_engine(addon)
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    assert len(written(scene)) == 6
    assert not addon.engine_client.running()


def test_a_render_does_not_wait_for_a_generation_which_then_goes_on(film, scene, addon, store):
    film.bend_settings.steps = 20
    work = addon.generate.Generation(addon.slices.at_once(addon.generate.plan(scene, film)))
    scene.frame_set(6)
    assert bpy.ops.render.render(write_still=True) == {"FINISHED"}
    made = {file.name for file in store.glob("*.png") if len(file.stem) == 64}
    assert film.elements[5].filename in made and len(made) < 6
    work.wait()
    assert work.rendered + 1 == 6
    assert [element.filename for element in list(film.elements)[:6]] == [
        f"{key}.png" for key in work.plan.keys.values()
    ]


def test_a_stale_frame_is_never_rendered(film, scene, addon, curve):
    addon.generate.fill_store(scene, film)
    curve(film, ANGLE).keyframe_points[2].co.y = 3.0
    stale = film.elements[2].filename
    bpy.ops.render.render(animation=True)
    assert film.elements[2].filename != stale
    assert np.array_equal(
        pixels(written(scene)[2]), pixels(Path(bpy.path.abspath(film.directory)) / film.elements[2].filename)
    )


def test_a_broken_engine_stops_the_render_with_the_reason_and_leaves_no_wrong_frame(film, scene, addon):
    addon.generate.fill_store(scene, film, [1, 2, 3])
    before = [element.filename for element in film.elements]
    output = scene.render.filepath
    break_engine(addon)
    with pytest.raises(RuntimeError, match=r"Bend stopped the render at frame 4.*Python not found at"):
        bpy.ops.render.render(animation=True)
    assert scene.render.filepath == output
    assert [file.name for file in written(scene)] == ["f_0001.png", "f_0002.png", "f_0003.png"]
    assert [element.filename for element in film.elements] == before
    assert addon.activity.last_failure.action == "bend.open_preferences"


def test_after_the_repair_the_next_render_goes_through(film, scene, addon):
    break_engine(addon)
    with pytest.raises(RuntimeError):
        bpy.ops.render.render(animation=True)
    addon.preferences.preferences().engine_python = ""
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    assert len(written(scene)) == 6


def test_a_film_is_stopped_too_and_its_settings_come_back(film, scene, addon, tmp_path):
    addon.generate.fill_store(scene, film, [1, 2])
    break_engine(addon)
    addon.compat.set_film_output(scene)
    scene.render.filepath = str(tmp_path / "film.mp4")
    with pytest.raises(RuntimeError, match="Bend stopped the render at frame 3"):
        bpy.ops.render.render(animation=True)
    assert scene.render.image_settings.file_format == "FFMPEG"
    assert scene.render.filepath == str(tmp_path / "film.mp4")


def test_a_still_renders_only_its_own_frame(film, scene, store):
    scene.frame_set(3)
    bpy.ops.render.render(write_still=True)
    assert len([file for file in store.glob("*.png") if len(file.stem) == 64]) == 1


def test_a_still_that_cannot_be_stopped_shows_the_failure_not_a_stale_frame(film, scene, addon, tmp_path):
    addon.generate.fill_store(scene, film)
    film.bend_settings.seed = 99
    break_engine(addon)
    scene.frame_set(3)
    bpy.ops.render.render()
    assert addon.activity.last_failure is not None
    picture = addon.strips.ensure_failure_picture(tmp_path, (64, 64))
    assert pixels(picture)[0, 0, 0] > 3 * pixels(picture)[0, 0, 1]


def test_muted_and_hidden_strips_are_left_alone(film, scene, addon, store):
    break_engine(addon)
    add_colour(scene)
    film.mute = True
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    film.mute = False
    scene.sequence_editor.channels[film.channel].mute = True
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}


def test_a_bend_strip_within_a_meta_strip_is_filled(film, scene, store):
    meta = scene.sequence_editor.strips.new_meta("Meta", 5, 1)
    film.move_to_meta(meta)
    trim(meta, 1, 7)
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    assert len([file for file in store.glob("*.png") if len(file.stem) == 64]) == 6


def test_a_bend_strip_of_a_scene_strip_is_filled_at_the_right_frame(film, scene, store, addon, tmp_path):
    outer = bpy.data.scenes.new("Outer")
    outer.sequence_editor_create()
    outer.render.fps = 24
    outer.render.resolution_x = outer.render.resolution_y = 64
    outer.view_settings.view_transform = "Standard"
    inner = outer.sequence_editor.strips.new_scene("Inner", scene, 1, 11)
    inner.scene_input = "SEQUENCER"
    outer.frame_start = outer.frame_end = 13
    outer.render.filepath = str(tmp_path / "outer" / "f_")
    outer.render.image_settings.file_format = "PNG"
    outer.render.image_settings.color_mode = "RGB"
    with sequencer(outer):
        assert bpy.ops.render.render(animation=True, scene="Outer") == {"FINISHED"}
    rendered = [element.filename for element in film.elements if len(element.filename) == 68]
    assert rendered == [film.elements[2].filename]
    assert np.array_equal(pixels(tmp_path / "outer" / "f_0013.png"), pixels(store / rendered[0]))


def test_a_scene_that_shows_itself_through_another_ends(film, scene, addon):
    other = bpy.data.scenes.new("Other")
    other.sequence_editor_create()
    first = other.sequence_editor.strips.new_scene("A", scene, 1, 1)
    first.scene_input = "SEQUENCER"
    second = scene.sequence_editor.strips.new_scene("B", other, 9, 1)
    second.scene_input = "SEQUENCER"
    found = list(addon.shown.visible(scene, range(2, 3)))
    assert [(owner.name, numbers) for owner, _, numbers in found].count((scene.name, [2])) == 1


def test_after_a_hard_split_both_halves_show_their_own_frames(film, scene, store, addon):
    bpy.ops.render.render(animation=True)
    before = [pixels(file) for file in written(scene)]
    for file in written(scene):
        file.unlink()
    scene.sequence_editor.active_strip = film
    film.select = True
    right = film.split(frame=4, split_method="HARD")
    for strip in (film, right):
        for element in strip.elements:
            element.filename = addon.strips.ensure_placeholder(store, (64, 64)).name
    assert addon.compat.left_handle(right) == 4
    bpy.ops.render.render(animation=True)
    assert all(np.array_equal(pixels(file), old) for file, old in zip(written(scene), before, strict=True))


def test_a_strip_held_beyond_its_end_shows_its_last_frame(film, scene, store):
    trim(film, 1, 7)
    while len(film.elements) > 6:
        film.elements.pop(len(film.elements) - 1)
    trim(film, 1, 9)
    scene.frame_start = scene.frame_end = 8
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    assert np.array_equal(pixels(written(scene)[0]), pixels(store / film.elements[5].filename))


def test_a_strip_split_within_its_held_end_shows_its_last_frame(film, scene, store):
    while len(film.elements) > 6:
        film.elements.pop(len(film.elements) - 1)
    trim(film, 1, 12)
    right = film.split(frame=9, split_method="SOFT")
    scene.frame_start = scene.frame_end = 10
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    assert np.array_equal(pixels(written(scene)[0]), pixels(store / right.elements[5].filename))
    assert len(Path(right.elements[5].filename).stem) == 64


def test_a_strip_played_backwards_is_filled_whole(film, scene, store):
    film.use_reverse_frames = True
    scene.frame_start = scene.frame_end = 2
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    assert len([file for file in store.glob("*.png") if len(file.stem) == 64]) == 6


def test_a_render_that_could_not_begin_does_not_blind_the_next_one(film, scene, addon, tmp_path, store):
    other = bpy.data.scenes.new("Elsewhere")
    other.sequence_editor_create()
    add_colour(other)
    addon.compat.set_film_output(other)
    other.render.filepath = "/proc/nope/x.mp4"
    with contextlib.suppress(RuntimeError), sequencer(other):
        bpy.ops.render.render(animation=True, scene="Elsewhere")
    assert bpy.ops.render.render(animation=True, scene=scene.name) == {"FINISHED"}
    assert len([file for file in store.glob("*.png") if len(file.stem) == 64]) == 6


def test_a_deleted_property_stops_the_render_and_is_named(film, scene, store):
    del film["Rotate Channels · mix"]
    with pytest.raises(RuntimeError, match="Rotate Channels"):
        bpy.ops.render.render(animation=True)
    assert not written(scene)


def test_scenes_without_bend_strips_render_without_the_engine(scene, addon, tmp_path):
    break_engine(addon)
    add_colour(scene)
    scene.frame_start = scene.frame_end = 1
    scene.render.filepath = str(tmp_path / "empty" / "f_")
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
