"""A strip of any length is made at once, and is the same as one made picture by picture."""

from __future__ import annotations

import bpy
import pytest
from counting import steps_of
from timeline import sequencer


@pytest.fixture
def picture(store, addon):
    return addon.strips.ensure_placeholder(store, (64, 32))


def everything(data):
    """All the numbers, words and choices that Blender keeps of a strip, but its name, place and selection."""
    found = {}
    for item in data.bl_rna.properties:
        name = item.identifier
        if name in {"transform", "crop", "colorspace_settings"}:
            found[name] = everything(getattr(data, name))
        elif item.type not in {"POINTER", "COLLECTION"} and name not in {"name", "channel"} and "select" not in name:
            value = getattr(data, name)
            found[name] = tuple(value) if getattr(item, "is_array", False) else value
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_is_as_a_strip_made_picture_by_picture(scene, picture, addon):
    made = addon.image_strips.new(scene, "Bend", picture, 3, 5, 12)
    slow = addon.image_strips.one_by_one(scene, "Bend", picture, 3, 5, 12)
    assert everything(made) == everything(slow)
    assert [element.filename for element in made.elements] == [element.filename for element in slow.elements]
    assert (made.name, made.channel, slow.name) == ("Bend", 3, "Bend.001")


def test_ten_times_the_frames_are_no_more_work(scene, picture, addon):
    def new(count):
        assert len(addon.image_strips.new(scene, "Bend", picture, 1, 1, count).elements) == count

    assert steps_of(lambda: new(1440)) < 2 * steps_of(lambda: new(144))


def test_what_is_selected_active_and_shown_stays(scene, song, picture, addon):
    editor = scene.sequence_editor
    view, song.select, editor.active_strip = scene.view_settings.view_transform, True, song
    areas = [area.type for window in bpy.context.window_manager.windows for area in window.screen.areas]
    strip = addon.image_strips.new(scene, "Bend", picture, 2, 1, 12)
    assert song.select and editor.active_strip == song
    assert scene.view_settings.view_transform == view
    assert areas == [area.type for window in bpy.context.window_manager.windows for area in window.screen.areas]
    assert addon.compat.content_start(strip) == 1


def test_it_lies_outside_of_the_meta_strips_that_are_open(scene, song, picture, addon):
    editor = scene.sequence_editor
    outer = editor.strips.new_meta("Outer", 2, 1)
    inner = outer.strips.new_meta("Inner", 1, 1)
    for meta in (outer, inner):
        editor.display_stack(meta)
    song.select = True
    strip = addon.image_strips.new(scene, "Bend", picture, 4, 1, 12)
    assert strip.parent_meta() is None and strip.name in editor.strips
    assert [meta.name for meta in editor.meta_stack] == ["Outer", "Inner"]
    assert song.select


def test_a_locked_or_muted_channel_is_as_good(scene, picture, addon):
    channels = scene.sequence_editor.channels
    channels[3].lock = channels[3].mute = True
    assert addon.image_strips.new(scene, "Bend", picture, 3, 1, 12).channel == 3


def test_one_frame_is_one_element(scene, picture, addon):
    strip = addon.image_strips.new(scene, "Bend", picture, 3, 7, 1)
    assert (len(strip.elements), addon.compat.left_handle(strip), addon.compat.right_handle(strip)) == (1, 7, 8)


def test_it_is_made_in_the_scene_that_is_meant(scene, picture, addon):
    other = bpy.data.scenes.new("Other")
    other.sequence_editor_create()
    strip = addon.image_strips.new(other, "Bend", picture, 1, 1, 12)
    assert strip.id_data == other and not len(scene.sequence_editor.strips)
    with sequencer(other):
        assert addon.image_strips.new(scene, "Bend", picture, 1, 1, 12).id_data == scene
