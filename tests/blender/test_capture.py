"""Capture: pictures of what lies below, and of masks, in the store; the scene as before, and changes noticed."""

from __future__ import annotations

import os
from pathlib import Path

import bpy
import numpy as np
import pytest
from timeline import slide, trim

RED, GREEN = (200, 20, 20), (10, 180, 60)


def paint(addon, path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> Path:
    """A picture of one colour, with a brighter left half."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:] = colour
    pixels[:, : size[0] // 2] += 40
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(addon.png.encode(pixels))
    return path


def add_picture(scene, path: Path, channel: int, length: int = 8, first: int = 1):
    strip = scene.sequence_editor.strips.new_image("Picture", str(path), channel, first, fit_method="FIT")
    trim(strip, first, first + length)
    return strip


def add_colour(scene, channel: int, colour, name: str = "Colour", length: int = 8):
    end = {"length": length} if bpy.app.version >= (5, 0) else {"frame_end": 1 + length}
    strip = scene.sequence_editor.strips.new_effect(name=name, type="COLOR", channel=channel, frame_start=1, **end)
    strip.color = [value / 255 for value in colour]
    return strip


@pytest.fixture
def over(bend_strip, scene):
    """A bend strip of eight frames, high enough to have something below it, that starts from the strips below."""
    bend_strip.channel = 10
    trim(bend_strip, 1, 9)
    bend_strip.bend_settings.source = "pictures"
    return bend_strip


@pytest.fixture
def still(over, scene, addon, tmp_path):
    """The same with a still picture below."""
    add_picture(scene, paint(addon, tmp_path / "pictures" / "red.png", RED), 3)
    return over


def captured_pictures(addon, store: Path, holder) -> dict[int, np.ndarray]:
    known = addon.record.decode(holder.captured, 1000)
    return {number: addon.png.read(addon.capture.input_path(store, digest)) for number, digest in known.items()}


def outdated(addon, strip) -> str:
    return addon.slices.at_once(addon.capture.outdated(strip))


def state(scene) -> dict:
    render, image = scene.render, scene.render.image_settings
    editor = scene.sequence_editor
    return {
        "mutes": {strip.name: strip.mute for strip in editor.strips_all},
        "channels": [channel.mute for channel in editor.channels],
        "render": (render.filepath, render.resolution_percentage, render.use_stamp, render.dither_intensity),
        "image": (image.file_format, image.color_mode, image.color_depth, image.compression),
        "frame": scene.frame_current,
    }


def test_a_still_is_captured_once_and_bit_for_bit(still, scene, addon, store, tmp_path):
    assert bpy.ops.bend.capture() == {"FINISHED"}
    pictures = captured_pictures(addon, store, still.bend_settings)
    assert sorted(pictures) == list(range(8))
    assert len(list((store / "inputs").glob("*.png"))) == 1
    assert np.array_equal(pictures[0], addon.png.read(tmp_path / "pictures" / "red.png"))


def test_the_scene_is_as_before_also_after_an_error_and_a_cancel(still, scene, addon, monkeypatch):
    add_colour(scene, 12, GREEN, "Above").mute = True
    scene.sequence_editor.channels[5].mute = True
    addon.compat.set_film_output(scene)
    scene.render.use_stamp, scene.render.dither_intensity = True, 1.0
    scene.frame_set(5)
    before = state(scene)
    bpy.ops.bend.capture()
    assert state(scene) == before
    work = addon.capture.Capture(scene, still)
    work.advance(3)
    assert state(scene) == before and work.running

    def fail(*_):
        raise OSError("broken")

    monkeypatch.setattr(addon.png, "read", fail)
    with pytest.raises(OSError, match="broken"):
        work.advance(3)
    assert state(scene) == before and not addon.activity.grabbing


def test_strips_above_and_beside_are_not_in_the_picture(still, scene, addon, store):
    add_colour(scene, 12, GREEN, "Above")
    add_colour(scene, 10, GREEN, "Beside", 8).channel = 11
    bpy.ops.bend.capture()
    assert captured_pictures(addon, store, still.bend_settings)[0][0, 63].tolist() == list(RED)


def test_only_the_part_that_the_strip_covers_is_captured(over, scene, addon, store, tmp_path):
    scene.render.resolution_x, scene.render.resolution_y = 256, 128
    add_picture(scene, paint(addon, tmp_path / "wide.png", GREEN, (256, 128)), 2)
    bpy.ops.bend.capture()
    picture = captured_pictures(addon, store, over.bend_settings)[0]
    assert picture.shape == (64, 64, 3)
    assert abs(int(picture[32, 10, 0]) - (GREEN[0] + 40)) <= 1 and abs(int(picture[32, 50, 0]) - GREEN[0]) <= 1


def test_a_film_below_gives_its_frame_to_every_frame(over, scene, addon, store, tmp_path):
    for number in range(8):
        paint(addon, tmp_path / "film" / f"{number:03}.png", (20 * number, 100, 50))
    film = scene.sequence_editor.strips.new_image("Film", str(tmp_path / "film" / "000.png"), 3, 1)
    for number in range(1, 8):
        film.elements.append(f"{number:03}.png")
    bpy.ops.bend.capture()
    pictures = captured_pictures(addon, store, over.bend_settings)
    assert [int(pictures[number][0, 63, 0]) for number in range(8)] == [20 * number for number in range(8)]


def test_a_movie_and_a_text_below_are_captured(over, scene, addon, store, tmp_path):
    film = bpy.data.scenes.new("Film")
    film.sequence_editor_create()
    film.render.resolution_x = film.render.resolution_y = 64
    film.render.resolution_percentage = 100
    film.frame_start, film.frame_end = 1, 8
    colour = add_colour(film, 1, GREEN)
    colour.blend_alpha = 0.0
    colour.keyframe_insert("blend_alpha", frame=1)
    colour.blend_alpha = 1.0
    colour.keyframe_insert("blend_alpha", frame=8)
    addon.compat.set_film_output(film)
    film.render.filepath = str(tmp_path / "film.mp4")
    bpy.ops.render.render(animation=True, scene="Film")
    scene.sequence_editor.strips.new_movie("Movie", str(tmp_path / "film.mp4"), 2, 1)
    end = {"length": 8} if bpy.app.version >= (5, 0) else {"frame_end": 9}
    scene.sequence_editor.strips.new_effect(name="Text", type="TEXT", channel=4, frame_start=1, **end)
    bpy.ops.bend.capture()
    pictures = captured_pictures(addon, store, over.bend_settings)
    greens = [int(picture[2, 2, 1]) for _, picture in sorted(pictures.items())]
    assert greens == sorted(greens) and greens[-1] - greens[0] > 100


def test_a_scene_with_a_sequencer_of_its_own_and_a_meta_are_captured(over, scene, addon, store, tmp_path):
    inner = bpy.data.scenes.new("Inner")
    inner.sequence_editor_create()
    inner.render.resolution_x = inner.render.resolution_y = 64
    inner.render.resolution_percentage = 100
    inner.view_settings.view_transform = "Standard"
    add_colour(inner, 1, GREEN)
    shown = scene.sequence_editor.strips.new_scene("Inner", inner, 1, 1)
    shown.scene_input = "SEQUENCER"
    meta = scene.sequence_editor.strips.new_meta("Meta", 2, 1)
    shown.move_to_meta(meta)
    trim(meta, 1, 9)
    bpy.ops.bend.capture()
    picture = captured_pictures(addon, store, over.bend_settings)[3]
    assert abs(int(picture[0, 0, 1]) - GREEN[1]) <= 2


def test_a_3d_scene_below_is_captured(over, scene, addon, store):
    if "CYCLES" not in {getattr(engine, "bl_idname", "") for engine in bpy.types.RenderEngine.__subclasses__()}:
        pytest.skip("this Blender has no Cycles")
    space = bpy.data.scenes.new("Space")
    space.render.engine = "CYCLES"
    space.cycles.samples = 1
    space.world = bpy.data.worlds.new("Sky")
    if space.world.node_tree is None:
        space.world.use_nodes = True
    space.world.node_tree.nodes["Background"].inputs[0].default_value = 0.0, 1.0, 0.0, 1.0
    space.render.resolution_x = space.render.resolution_y = 16
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    space.collection.objects.link(camera)
    space.camera = camera
    shown = scene.sequence_editor.strips.new_scene("Space", space, 2, 1)
    shown.scene_input = "CAMERA"
    trim(over, 1, 3)
    bpy.ops.bend.capture()
    picture = captured_pictures(addon, store, over.bend_settings)[1]
    assert picture[32, 32, 1] > 200 > 2 * picture[32, 32, 0]
    assert addon.render_handler.under_way is None


def test_a_bend_strip_within_a_meta_sees_what_is_below_the_meta(still, scene, addon, store):
    meta = scene.sequence_editor.strips.new_meta("Meta", 11, 1)
    still.move_to_meta(meta)
    trim(meta, 1, 9)
    still = next(addon.strips.bend_strips(scene))
    assert addon.capture.capture_all(scene, still) == 8
    assert captured_pictures(addon, store, still.bend_settings)[0][0, 63].tolist() == list(RED)


def test_a_mask_is_captured_alone_though_it_is_muted_in_the_film(still, scene, addon, store):
    bend = still.bend_settings.bends[0]
    mask = add_colour(scene, 14, (255, 255, 255), "Mask", 4)
    mask.mute = True
    bend.region, bend.mask_strip = "mask", "Mask"
    assert addon.capture.capture_all(scene, still) == 16
    pictures = captured_pictures(addon, store, bend)
    assert [int(pictures[number].min()) for number in range(8)] == [255] * 4 + [0] * 4
    assert mask.mute
    job = addon.snapshot.take(scene, still)
    assert job.frames[0].masks[0] != job.frames[7].masks[0]


def test_without_a_capture_panel_and_render_say_it_with_the_button(still, scene, addon, core):
    bpy.ops.bend.bake()
    with pytest.raises(core.errors.BendError, match="haven't been captured yet") as raised:
        addon.slices.at_once(addon.generate.plan(scene, still))
    assert (raised.value.code, raised.value.action) == (core.errors.Code.CAPTURE_MISSING, "bend.capture")
    scene.frame_start = scene.frame_end = 2
    with pytest.raises(RuntimeError, match="haven't been captured yet"):
        bpy.ops.render.render(animation=True)


def test_nothing_below_is_said(over):
    with pytest.raises(RuntimeError, match="nothing visible below"):
        bpy.ops.bend.capture()


def test_captured_pictures_that_are_gone_are_asked_for_again(still, scene, addon, core, store):
    bpy.ops.bend.capture()
    for file in (store / "inputs").iterdir():
        file.unlink()
    with pytest.raises(core.errors.BendError) as raised:
        addon.slices.at_once(addon.generate.plan(scene, still))
    assert raised.value.action == "bend.capture"


def test_captured_pictures_come_along_to_another_frame_folder(still, scene, addon, tmp_path):
    bpy.ops.bend.capture()
    addon.generate.fill_store(scene, still, [1])
    addon.preferences.preferences().frame_folder = str(tmp_path / "elsewhere")
    still.bend_settings.seed += 1
    addon.generate.fill_store(scene, still, [1])
    assert len(list((tmp_path / "elsewhere" / "inputs").glob("*.png"))) == 1


CHANGES = {
    "handles": lambda scene, strip, path: trim(strip, 2, 9),
    "position": lambda scene, strip, path: slide(strip, 1),
    "mute": lambda scene, strip, path: setattr(strip, "mute", True),
    "transform": lambda scene, strip, path: setattr(strip.transform, "offset_x", 3),
    "opacity": lambda scene, strip, path: setattr(strip, "blend_alpha", 0.5),
    "curve": lambda scene, strip, path: strip.keyframe_insert("blend_alpha", frame=3),
    "path": lambda scene, strip, path: setattr(strip.elements[0], "filename", "other.png"),
    "file time": lambda scene, strip, path: os.utime(path, (1, 1)),
    "another strip": lambda scene, strip, path: add_colour(scene, 4, GREEN, "New"),
    "order": lambda scene, strip, path: setattr(strip, "channel", 7),
    "modifier": lambda scene, strip, path: strip.modifiers.new("Curves", "BRIGHT_CONTRAST"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_below_is_noticed_until_it_is_captured_again(still, scene, addon, tmp_path, change):
    add_colour(scene, 2, RED, "Ground")
    bpy.ops.bend.capture()
    assert outdated(addon, still) == ""
    CHANGES[change](scene, scene.sequence_editor.strips["Picture"], tmp_path / "pictures" / "red.png")
    assert outdated(addon, still) == "The strips below have changed"
    bpy.ops.bend.capture()
    assert outdated(addon, still) == ""


def test_what_does_not_change_the_picture_is_not_a_change(still, scene, addon):
    picture = scene.sequence_editor.strips["Picture"]
    picture.blend_alpha = 0.0
    picture.keyframe_insert("blend_alpha", frame=1)
    picture.blend_alpha = 1.0
    picture.keyframe_insert("blend_alpha", frame=8)
    bpy.ops.bend.capture()
    scene.frame_set(5)
    picture.name, picture.select, picture.color_tag = "Renamed", True, "COLOR_01"
    add_colour(scene, 12, GREEN, "Above")
    still.bend_settings.prompt = "fire"
    assert outdated(addon, still) == ""


def test_strips_that_move_together_need_no_new_capture(still, scene, addon):
    bpy.ops.bend.capture()
    before = addon.snapshot.take(scene, still).frames[3].picture
    for strip in (still, scene.sequence_editor.strips["Picture"]):
        slide(strip, 20)
    assert outdated(addon, still) == ""
    assert addon.snapshot.take(scene, still).frames[3].picture == before


def test_a_lower_bend_strip_must_be_rendered_first(still, scene):
    bpy.ops.bend.add_strip()
    lower = scene.sequence_editor.active_strip
    lower.channel = 5
    scene.sequence_editor.active_strip = still
    with pytest.raises(RuntimeError, match="haven't been rendered"):
        bpy.ops.bend.capture()


def test_frames_painted_over_a_picture_follow_it_by_their_strength(still, scene, addon, store):
    settings = still.bend_settings
    settings.steps = 4
    settings.bends[0].enabled = False
    bpy.ops.bend.capture()
    source = captured_pictures(addon, store, settings)[0].astype(float)
    distance = []
    for strength in (0.0, 1.0):
        still["Source · strength"] = strength
        addon.generate.fill_store(scene, still, [1])
        picture = addon.png.read(store / still.elements[0].filename).astype(float)
        distance.append(np.abs(picture - source).mean())
    assert distance[0] < 0.6 * distance[1]


def test_undo_takes_a_capture_back(still, addon, scene):
    name = still.name
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.bend.capture("EXEC_DEFAULT", True)
    assert still.bend_settings.captured
    bpy.ops.ed.undo()
    assert not addon.strips.find(bpy.context.scene.name, name).bend_settings.captured


def test_a_record_of_many_frames_is_read_back_and_a_still_is_small(addon):
    record = {number: f"{number % 7:064x}" for number in range(-5, 10_000)}
    assert addon.record.decode(addon.record.encode(record), 10_000) == record
    assert len(addon.record.encode(dict.fromkeys(range(10_000), "ab" * 32))) < 1000
    assert addon.record.decode("nonsense", 9) == {} and addon.record.decode("", 9) == {}
