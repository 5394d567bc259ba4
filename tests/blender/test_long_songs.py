"""A long song costs in proportion to its length, in slices that do not grow with it, and a selection costs nothing."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from counting import steps_of_slices
from timeline import trim

FEW, MANY = 120, 1200


@pytest.fixture
def film(scene, store, addon, core):
    """A strip of so many frames with so many bends, each with a key on every frame."""

    def make(frames, bends=3, name="Bend"):
        strip = addon.strips.create(scene, name, 1, 1 + frames, (64, 64), store)
        for _ in range(bends):
            bend = addon.stack.add_bend(strip, "rotate_channels")
            curve = addon.compat.ensure_fcurve(
                scene, addon.strips.data_path(strip, bend.parameters["angle"].key), strip.name
            )
            values = np.sin(np.arange(frames) / 9 + len(strip.bend_settings.bends))
            addon.keys.write_keys(curve, addon.keys.table_of(core.keys.dense(values, 1)))
        scene.sequence_editor.active_strip = strip
        return strip

    return make


def assert_grows_in_slices(few, many):
    """Ten times the frames are at most twelve times the work, in slices that take no longer."""
    assert sum(many) <= 12 * sum(few)
    assert max(many) <= 1.5 * max(few)


def test_a_job_is_taken_in_slices(scene, film, addon, monkeypatch):
    monkeypatch.setattr(addon.snapshot, "PIECE", 100)
    costs = []
    for frames in (FEW, MANY):
        strip = film(frames, name=f"Of {frames}")
        addon.snapshot.take(scene, strip)  # what is cached is no longer read
        costs.append(steps_of_slices(addon.snapshot.take_in_slices(scene, strip)))
    assert_grows_in_slices(*costs)


def test_a_strip_that_is_gone_meanwhile_is_said(scene, film, addon, core):
    taking = addon.snapshot.take_in_slices(scene, film(FEW))
    next(taking)
    scene.sequence_editor.strips.remove(scene.sequence_editor.strips["Bend"])
    with pytest.raises(core.errors.BendError) as caught:
        list(taking)
    assert caught.value.code == core.errors.Code.STRIP_MISSING


def test_a_curve_that_is_gone_meanwhile_leaves_the_value(scene, film, addon):
    strip = film(FEW, bends=1)
    key = strip.bend_settings.bends[0].parameters["angle"].key
    strip[key] = 0.25
    taking = addon.snapshot.take_in_slices(scene, strip)
    next(taking)
    addon.compat.fcurves(scene).remove(addon.strips.find_curve(strip, key))
    job = addon.slices.at_once(taking)
    assert {frame.values[0]["angle"] for frame in job.frames} == {0.25}


def test_frames_are_played_for_drivers_in_slices_and_the_playhead_comes_back(scene, film, addon, monkeypatch):
    strip = film(FEW, bends=1)
    key = strip.bend_settings.bends[0].parameters["mix"].key
    driver = scene.driver_add(addon.strips.data_path(strip, key)).driver
    driver.expression = "frame / 1000"
    scene.frame_set(7, subframe=0.5)
    monkeypatch.setattr(addon.curve_values, "PLAYING_SECONDS", 0.0)
    taking, seen = addon.snapshot.take_in_slices(scene, strip), []
    try:
        while True:
            next(taking)
            seen.append((scene.frame_current, scene.frame_subframe))
    except StopIteration as done:
        job = done.value
    assert set(seen) == {(7, 0.5)} and len(seen) > FEW
    assert [frame.values[0]["mix"] for frame in job.frames] == [round(n / 1000, 6) for n in range(1, 1 + FEW)]


@pytest.fixture
def watched(scene, addon, monkeypatch):
    """The add-on as in a window: Blender tells of updates, and the timer works until nothing is left to do."""
    monkeypatch.setattr(addon.strips, "shown", lambda: _shown(scene, addon))
    addon.curve_changes.watch()
    bpy.app.handlers.depsgraph_update_post.append(addon.changes.note_update)
    counts = []
    count = addon.status.count
    monkeypatch.setattr(addon.status, "count", lambda: (counts.append(1), count())[1])
    addon.changes.mark_changed()

    def settle(ticks=10_000):
        """How many counts were begun since the last time."""
        bpy.context.view_layer.update()
        before = len(counts)
        for _ in range(ticks):
            addon.status.idle.tick()
            if addon.status.idle.rests:
                break
        return len(counts) - before

    yield settle
    bpy.app.handlers.depsgraph_update_post.remove(addon.changes.note_update)
    addon.curve_changes.unregister()
    addon.status.unregister()


def _shown(scene, addon):
    strip = addon.strips.active_bend_strip_of(scene)
    return (scene, strip) if strip else (None, None)


def test_a_selection_starts_no_count(scene, film, song, addon, watched):
    film(FEW)
    assert watched() == 1 and addon.status.shown.missing == FEW
    told = []
    bpy.app.handlers.depsgraph_update_post.append(lambda *_: told.append(1))
    for strip in (song, scene.sequence_editor.strips["Bend"]):
        strip.select = not strip.select
        assert watched() == 0
    bpy.app.handlers.depsgraph_update_post.pop()
    assert told, "Blender told of an update"


def change_of_a_key(scene, strip, addon):
    addon.strips.find_curve(strip, strip.bend_settings.bends[1].parameters["angle"].key).keyframe_points[7].co.y += 1


def change_of_a_value(scene, strip, addon):
    strip[strip.bend_settings.bends[0].parameters["mix"].key] = 0.5
    scene.update_tag()


def change_of_a_setting(scene, strip, addon):
    strip.bend_settings.prompt = "a red sea"
    scene.update_tag()


def change_of_the_bends(scene, strip, addon):
    strip.bend_settings.bends[1].enabled = False
    scene.update_tag()


def change_of_the_length(scene, strip, addon):
    trim(strip, 1, 50)


def change_of_the_rate(scene, strip, addon):
    strip.bend_settings.source = "procedural"
    scene.render.fps = 25
    scene.update_tag()


def change_of_a_marker(scene, strip, addon):
    strip.bend_settings.travel = "MARKERS"
    scene.timeline_markers.new("prompt: fire", frame=5)
    scene.update_tag()


def change_of_the_store(scene, strip, addon):
    addon.preferences.frame_folder().joinpath("0" * 64 + ".png").write_bytes(b"")
    strip.select = not strip.select


@pytest.mark.parametrize("change", [value for name, value in sorted(globals().items()) if name.startswith("change_of")])
def test_what_decides_the_frames_starts_a_count(scene, film, addon, watched, change):
    strip = film(FEW)
    assert watched() == 1
    change(scene, strip, addon)
    assert watched() == 1


def test_a_count_goes_on_through_selections_and_begins_again_after_a_change(scene, film, addon, watched, monkeypatch):
    monkeypatch.setattr(addon.idle, "TICK_SECONDS", 0.0)
    strip = film(FEW)
    assert watched(12) == 1 and addon.status.shown is None
    for _ in range(2):
        strip.select = not strip.select
        assert watched(9) == 0 and addon.status.shown is None
    strip.bend_settings.seed += 1
    scene.update_tag()
    assert watched() == 1
    assert addon.status.shown.frames == FEW


def test_frames_that_came_are_counted_though_nothing_else_changed(scene, film, addon, watched):
    film(FEW)
    watched()
    addon.changes.mark_changed()
    assert watched() == 1


def test_a_curve_is_read_once_until_blender_tells_of_a_change(scene, film, addon, watched):
    strip, read = film(FEW, bends=1), []
    curve = addon.strips.find_curve(strip, strip.bend_settings.bends[0].parameters["angle"].key)

    def look():
        return addon.curve_changes.remembered(curve, ("test",), lambda: read.append(1) or len(read))

    watched()
    assert [look(), look()] == [1, 1]
    strip.select = not strip.select
    watched()
    assert look() == 1
    curve.keyframe_points[3].co.y += 0.5
    watched()
    assert look() == 2
    addon.curve_changes.note_change()
    assert look() == 3


def test_a_redraw_reads_no_curve_of_the_sound_again(scene, film, song, addon, watched, monkeypatch):
    strip, read, points = film(FEW, bends=1), [], addon.animated.keys_of
    song.volume = 0.5
    song.keyframe_insert("volume", frame=1)
    monkeypatch.setattr(addon.animated, "keys_of", lambda *arguments: read.append(1) or points(*arguments))
    watched()
    before = [addon.sound_print.of(scene, strip) for _ in range(3)]
    assert len(read) == 1 and len(set(before)) == 1
    scene.animation_data.action.layers[0].strips[0].channelbags[0].fcurves[-1].keyframe_points[0].co.y = 0.25
    watched()
    assert addon.sound_print.of(scene, strip) != before[0] and len(read) == 2


def test_a_plan_grows_with_its_frames_and_its_slices_do_not(scene, film, addon, monkeypatch):
    monkeypatch.setattr(addon.snapshot, "PIECE", 30)
    costs = []
    for frames in (30, 120):
        strip = film(frames, name=f"Of {frames}")
        addon.slices.at_once(addon.generate.plan(scene, strip))
        costs.append(steps_of_slices(addon.generate.plan(scene, strip)))
    assert sum(costs[1]) <= 4.8 * sum(costs[0])
    assert max(costs[1]) <= 1.5 * max(costs[0])
