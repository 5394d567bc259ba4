"""Bake: sound becomes keyframes on the strip, in time, in bulk, within the stated error."""

from __future__ import annotations

import os

import bpy
import numpy as np
import pytest
from sounds import clicks, write_wav
from timeline import slide

ANGLE = "Rotate Channels · angle"
LONG = os.environ.get("BEND_TEST_ALL") == "1"


def test_a_new_bend_strip_covers_the_selected_sound_and_follows_it(scene, bend_strip, addon):
    assert addon.strips.frame_range(bend_strip) == range(1, 97)
    assert [item.name for item in bend_strip.bend_settings.sounds] == ["Song"]
    assert bend_strip.bend_settings.bends[0].parameters["angle"].feature == "onset"


def test_baked_keys_are_of_the_generated_type_one_a_frame(bend_strip, curve):
    assert bpy.ops.bend.bake() == {"FINISHED"}
    keys = curve(bend_strip, ANGLE).keyframe_points
    assert [round(key.co.x) for key in keys] == list(range(1, 97))
    assert {key.type for key in keys} == {"GENERATED"}


def test_values_lie_within_the_range_of_the_route_and_reach_it(bend_strip, curve):
    parameter = bend_strip.bend_settings.bends[0].parameters["angle"]
    parameter.low, parameter.high = 0.25, 1.25
    bpy.ops.bend.bake()
    values = [key.co.y for key in curve(bend_strip, ANGLE).keyframe_points]
    assert min(values) == pytest.approx(0.25, abs=1e-4)
    assert max(values) == pytest.approx(1.25, abs=1e-4)


def test_an_inverted_route_gives_the_high_value_in_silence(bend_strip, curve):
    bend_strip.bend_settings.bends[0].parameters["angle"].invert = True
    bpy.ops.bend.bake()
    assert curve(bend_strip, ANGLE).evaluate(1) == pytest.approx(np.pi / 2, abs=1e-4)


def test_the_custom_property_shows_limits_unit_and_tooltip(bend_strip, core):
    described = bend_strip.id_properties_ui(ANGLE).as_dict()
    parameter = core.catalogue.operator("rotate_channels").parameters[0]
    assert described["subtype"] == "ANGLE"
    assert described["description"] == parameter.summary
    assert (described["soft_min"], described["soft_max"]) == pytest.approx(parameter.soft)


def test_simplified_curves_stay_within_the_stated_error_with_far_fewer_keys(bend_strip, curve):
    bpy.ops.bend.bake()
    exact = [curve(bend_strip, ANGLE).evaluate(frame) for frame in range(1, 97)]
    bpy.ops.bend.bake(mode="SIMPLIFIED", tolerance=0.03)
    simplified = curve(bend_strip, ANGLE)
    error = max(abs(simplified.evaluate(frame) - value) for frame, value in zip(range(1, 97), exact, strict=True))
    assert error <= 0.03 * np.pi / 2 * 1.001
    assert len(simplified.keyframe_points) <= 96 / 3


def test_sliding_the_strip_moves_the_baked_keys_and_a_new_bake_finds_them_unchanged(
    bend_strip, song, scene, curve, addon
):
    bpy.ops.bend.bake()
    before = [curve(bend_strip, ANGLE).evaluate(frame) for frame in range(1, 97)]
    for strip in (bend_strip, song):
        slide(strip, 50)
    assert round(curve(bend_strip, ANGLE).keyframe_points[0].co.x) == 51
    report = _bake(scene, bend_strip, addon)
    assert report.kept == 0
    assert [curve(bend_strip, ANGLE).evaluate(frame) for frame in range(51, 147)] == pytest.approx(before, abs=1e-4)


def test_one_undo_takes_a_whole_bake_back(bend_strip, scene, curve, addon):
    bpy.ops.ed.undo_push(message="before")
    bend_strip.bend_settings.bends[0].parameters["mix"].feature = "rms"
    bpy.ops.ed.undo_push(message="routes")
    bpy.ops.bend.bake("EXEC_DEFAULT", True)
    name = bend_strip.name
    assert addon.compat.fcurves(bpy.context.scene)
    bpy.ops.ed.undo()
    strip = addon.strips.find(bpy.context.scene.name, name)
    assert curve(strip, ANGLE) is None and curve(strip, "Rotate Channels · mix") is None
    assert strip.bend_settings.bends[0].parameters["mix"].feature == "rms"


def test_baking_leaves_the_scene_as_it_was(bend_strip, scene):
    scene.frame_start, scene.frame_end, scene.use_audio = 20, 30, False
    scene.frame_set(25)
    bpy.ops.bend.bake()
    assert (scene.frame_start, scene.frame_end, scene.use_audio, scene.frame_current) == (20, 30, False, 25)


def test_a_strip_that_begins_before_frame_0_is_baked_in_time(scene, bend_strip, song, curve):
    bpy.ops.bend.bake()
    before = {frame: curve(bend_strip, ANGLE).evaluate(frame) for frame in range(1, 97)}
    for strip in (bend_strip, song):
        slide(strip, -50)
    curve(bend_strip, ANGLE).keyframe_points.clear()
    bend_strip.bend_settings.bends[0].parameters["angle"].baked = ""
    bpy.ops.bend.bake()
    peaks = [frame for frame in range(60, 90) if before[frame] > 1.2]
    assert peaks
    assert all(curve(bend_strip, ANGLE).evaluate(frame - 50) > 0.9 for frame in peaks)


def test_a_cancelled_bake_writes_nothing(scene, bend_strip, addon, core, curve):
    bake = addon.bake.Bake(scene, bend_strip, addon.bake_settings.Options())
    bake.cancel()
    with pytest.raises(core.errors.BendError) as raised:
        bake.finish()
    assert raised.value.code == core.errors.Code.CANCELLED
    assert curve(bend_strip, ANGLE) is None


def test_keys_measured_while_everything_is_slid_are_written_at_the_new_place(scene, bend_strip, song, addon, curve):
    bake = addon.bake.Bake(scene, bend_strip)
    slide(bend_strip, 7)
    slide(song, 7)
    bend_strip.name = "Renamed"
    bake.finish()
    assert [round(key.co.x) for key in curve(bend_strip, ANGLE).keyframe_points] == list(range(8, 104))
    assert not addon.bake.stale_parameters(scene, bend_strip)


def test_keys_of_a_sound_that_changed_while_it_was_measured_are_not_written(
    scene, bend_strip, song, addon, core, curve
):
    bake = addon.bake.Bake(scene, bend_strip)
    slide(song, 7)
    with pytest.raises(core.errors.BendError) as raised:
        bake.finish()
    assert raised.value.code == core.errors.Code.STRIP_CHANGED
    assert curve(bend_strip, ANGLE) is None


def test_ten_thousand_keys_are_written_and_read_back_whole(scene, bend_strip, addon, core, curve):
    random = np.random.default_rng(5).standard_normal(10_000)
    table = addon.keys.table_of(core.keys.dense(random, 1))
    key = addon.compat.ensure_fcurve(scene, addon.strips.data_path(bend_strip, ANGLE), "Bend")
    addon.keys.write_keys(key, table)
    again = addon.keys.read_keys(curve(bend_strip, ANGLE))
    assert np.allclose(again["co"], table["co"])
    assert np.array_equal(again["type"], table["type"])


RATES = {
    "23.976": (24, 1.001),
    "24": (24, 1.0),
    "25": (25, 1.0),
    "29.97": (30, 1.001),
    "59.94": (60, 1.001),
    "60": (60, 1.0),
}


@pytest.mark.parametrize("sample_rate", [44100, 48000])
@pytest.mark.parametrize("rate", RATES)
def test_the_onset_peak_is_in_the_frame_of_the_click(scene, tmp_path, addon, core, curve, rate, sample_rate):
    scene.render.fps, scene.render.fps_base = RATES[rate]
    samples, starts = clicks(600.0 if LONG else 100.0, sample_rate)
    path = write_wav(tmp_path / "clicks.wav", samples, sample_rate)
    scene.sequence_editor.strips.new_sound("Clicks", str(path), 1, 1)
    assert bpy.ops.bend.add_strip() == {"FINISHED"}
    strip = scene.sequence_editor.active_strip
    strip.bend_settings.bends[0].parameters["angle"].release = 0.0
    _bake(scene, strip, addon)
    frames = addon.strips.frame_range(strip)
    values = np.array([curve(strip, ANGLE).evaluate(frame) for frame in frames])
    fps = core.timebase.FrameRate.from_blender(*RATES[rate])
    expected = fps.frame_of(starts, sample_rate)
    off = np.array([int(np.argmax(values[max(0, at - 3) : at + 4])) + max(0, at - 3) - at for at in expected])
    assert np.mean(off == 0) >= 0.99
    assert np.abs(off).max() <= 1
    end = len(off) // 10
    assert np.mean(off[-end:]) == pytest.approx(np.mean(off[:end]), abs=0.1), "the end drifts against the start"


def _bake(scene, strip, addon):
    return addon.bake.Bake(scene, strip, addon.bake_settings.Options()).finish()
