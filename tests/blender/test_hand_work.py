"""What a person did to baked curves survives every further bake."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ANGLE = "Rotate Channels · angle"


@pytest.fixture
def angle(bend_strip, curve):
    """The baked curve."""
    bpy.ops.bend.bake()
    return lambda: curve(bend_strip, ANGLE)


def keys_of(curve):
    return {round(key.co.x, 3): round(key.co.y, 4) for key in curve.keyframe_points}


def rebake_louder(strip, **options):
    """Bake again with another range, so that every key of the bake's own gets another value."""
    parameter = strip.bend_settings.bends[0].parameters["angle"]
    parameter.low, parameter.high = 2.0, 3.0
    return bpy.ops.bend.bake(**options)


def test_a_moved_key_stays_where_it_was_put_and_leaves_no_key_behind(bend_strip, angle):
    key = angle().keyframe_points[9]
    key.co = 10.5, 7.0
    angle().update()
    rebake_louder(bend_strip)
    keys = keys_of(angle())
    assert keys[10.5] == 7.0
    assert 10.0 not in keys
    assert all(2.0 <= value <= 3.0 for frame, value in keys.items() if frame != 10.5)


def test_a_changed_value_stays(bend_strip, angle):
    angle().keyframe_points[19].co.y = -1.0
    rebake_louder(bend_strip)
    keys = keys_of(angle())
    assert keys[20.0] == -1.0
    assert len(keys) == 96


def test_an_added_key_stays(bend_strip, angle):
    angle().keyframe_points.insert(30.25, 5.0)
    rebake_louder(bend_strip)
    assert keys_of(angle())[30.25] == 5.0


def test_deleted_keys_stay_deleted_also_after_a_third_bake(bend_strip, angle):
    for _ in range(10):
        angle().keyframe_points.remove(angle().keyframe_points[40])
    rebake_louder(bend_strip)
    rebake_louder(bend_strip)
    keys = keys_of(angle())
    assert not any(41 <= frame <= 50 for frame in keys)
    assert len(keys) == 86


def test_hand_set_handles_and_interpolation_stay(bend_strip, angle):
    bpy.ops.bend.bake(mode="SIMPLIFIED")
    key = angle().keyframe_points[2]
    frame, value = key.co
    key.interpolation = "CONSTANT"
    rebake_louder(bend_strip, mode="SIMPLIFIED")
    kept = next(key for key in angle().keyframe_points if abs(key.co.x - frame) < 1e-3)
    assert (kept.interpolation, kept.co.y) == ("CONSTANT", pytest.approx(value))


def test_a_keyframe_set_with_the_keyboard_on_a_baked_frame_stays(bend_strip, scene, angle, addon):
    bend_strip[ANGLE] = 0.125
    scene.keyframe_insert(addon.strips.data_path(bend_strip, ANGLE), frame=15)
    rebake_louder(bend_strip)
    assert keys_of(angle())[15.0] == 0.125


def test_without_keep_hand_keys_the_bake_starts_afresh(bend_strip, angle):
    angle().keyframe_points[19].co.y = -1.0
    angle().keyframe_points.insert(30.5, 5.0)
    rebake_louder(bend_strip, keep_hand_keys=False)
    keys = keys_of(angle())
    assert list(keys) == [float(frame) for frame in range(1, 97)]
    assert min(keys.values()) >= 2.0


def test_the_report_counts_what_was_kept(bend_strip, scene, angle, addon):
    angle().keyframe_points[19].co.y = -1.0
    angle().keyframe_points.remove(angle().keyframe_points[50])
    report = addon.bake.Bake(scene, bend_strip, addon.bake.Options()).finish()
    assert (report.keys, report.kept) == (94, 2)
    assert "2 kept by hand" in report.summary()


def test_one_undo_returns_hand_keys_and_baked_keys(bend_strip, angle, addon, curve):
    angle().keyframe_points[9].co = 10.5, 7.0
    angle().keyframe_points[30].co.y = -2.0
    angle().update()
    before = keys_of(angle())
    bpy.ops.ed.undo_push(message="by hand")
    name = bend_strip.name
    bend_strip.bend_settings.bends[0].parameters["angle"].high = 3.0
    bpy.ops.bend.bake("EXEC_DEFAULT", True)
    assert keys_of(angle()) != before
    bpy.ops.ed.undo()
    strip = addon.strips.find(bpy.context.scene.name, name)
    assert keys_of(curve(strip, ANGLE)) == before


edits = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(0, 200), st.floats(0.0, 100.0, width=16)),
        st.tuples(st.just("value"), st.integers(0, 200), st.floats(-5.0, 5.0, width=16)),
        st.tuples(st.just("add"), st.floats(1.0, 96.0, width=16), st.floats(-5.0, 5.0, width=16)),
        st.tuples(st.just("delete"), st.integers(0, 200), st.just(0)),
        st.tuples(st.just("bake"), st.floats(0.5, 3.0, width=16), st.booleans()),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits)
def test_no_sequence_of_edits_and_bakes_loses_hand_work(edits, bend_strip, scene, addon, core, curve):
    """The keys a person last left are followed in a plain dictionary and must be in the curve at the end."""
    afresh = addon.bake.Options(keep_hand_keys=False)
    seen = bake(bend_strip, addon, curve, 1.0, afresh)  # the frames of all keys after the last bake
    by_hand: dict[float, float] = {}
    cleared: set[float] = set()
    for kind, first, second in edits:
        points = curve(bend_strip, ANGLE).keyframe_points
        if kind == "bake":
            seen = bake(bend_strip, addon, curve, first, addon.bake.Options(simplify=second))
        elif kind == "add":
            points.insert(first, second)
            by_hand[round(first, 3)] = second
        elif len(points) > 2:
            key = points[first % len(points)]
            frame, value = round(key.co.x, 3), key.co.y
            if kind == "value":
                key.co.y = second
                if abs(second - value) > 1e-3:
                    by_hand[frame] = second
            elif kind == "delete":
                points.remove(key)
                by_hand.pop(frame, None)
                cleared |= {frame} & seen
            elif not any(abs(other.co.x - second) < 0.01 for other in points):
                key.co.x = second
                by_hand.pop(frame, None)
                cleared |= {frame} & seen
                by_hand[round(second, 3)] = value
        curve(bend_strip, ANGLE).update()
    left = bake(bend_strip, addon, curve, 2.0, addon.bake.Options())
    keys = {round(key.co.x, 3): key.co.y for key in curve(bend_strip, ANGLE).keyframe_points}
    for frame, value in by_hand.items():
        assert keys[frame] == pytest.approx(value, abs=1e-3)
    assert not (cleared - by_hand.keys()) & left


def bake(strip, addon, curve, high, options):
    """Write keys as a bake does, from values that need no sound; the frames of all keys afterwards."""
    parameter = strip.bend_settings.bends[0].parameters["angle"]
    parameter.low, parameter.high = 0.0, high
    values = high * np.abs(np.sin(np.arange(96) / 7.0))
    addon.bake._write(strip, parameter, values, addon.strips.frame_range(strip), options, addon.bake.Report())
    return {round(key.co.x, 3) for key in curve(strip, ANGLE).keyframe_points}
