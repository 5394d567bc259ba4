"""What a person did to baked curves survives every further bake."""

from __future__ import annotations

import os

import bpy
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ANGLE = "Rotate Channels · angle"
LONG = os.environ.get("BEND_TEST_ALL") == "1"


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
    report = addon.bake.Bake(scene, bend_strip, addon.bake_settings.Options()).finish()
    assert (report.keys, report.kept) == (94, 2)
    assert "kept 2 manual keys" in report.summary()


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


frames = st.floats(1.0, 96.0, width=16)
values = st.floats(-5.0, 5.0, width=16)
by_hand = st.one_of(
    st.tuples(st.just("move"), st.integers(0, 200), st.floats(0.0, 100.0, width=16)),
    st.tuples(st.just("value"), st.integers(0, 200), values),
    st.tuples(st.just("add"), frames, values),
    st.tuples(st.just("delete"), st.integers(0, 200), st.just(0)),
)
settings_of_bakes = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["DENSE", "SIMPLIFIED", "EVENTS"]),
        "shape": st.sampled_from(["exponential", "linear", "smooth", "hold"]),
        "attack": st.sampled_from([0.0, 0.2]),
        "cyclic": st.booleans(),
        "use_range": st.booleans(),
        "first": st.integers(1, 96),
    },
    optional={"tolerance": st.sampled_from([0.01, 0.1])},
).map(lambda chosen: chosen | {"last": min(96, chosen["first"] + 30)})
bakes = st.tuples(st.just("bake"), st.floats(0.5, 3.0, width=16), settings_of_bakes)
edits = st.lists(st.one_of(by_hand, bakes), min_size=1, max_size=14)
many = settings(
    max_examples=400 if LONG else 40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Person:
    """Edits a curve and remembers in plain dictionaries what must come of it."""

    def __init__(self, curve, seen):
        self.curve, self.seen = curve, seen  # the frames of all keys after the last bake
        self.keys: dict[float, float] = {}
        self.cleared: set[float] = set()

    def edit(self, kind, first, second):
        points = self.curve.keyframe_points
        if kind == "add":
            key = points.insert(first, second)  # less than 0.01 frames beside another key Blender takes for that one
            self.keys[round(key.co.x, 3)] = second
        elif len(points) > 2:
            key = points[first % len(points)]
            frame, value = round(key.co.x, 3), key.co.y
            if kind == "value":
                key.co.y = second
                if abs(second - value) > 1e-3:
                    self.keys[frame] = second
            elif kind == "delete":
                points.remove(key)
                self.keys.pop(frame, None)
                self.cleared |= {frame} & self.seen
            elif not any(abs(other.co.x - second) < 0.01 for other in points):
                key.co.x = second
                self.keys.pop(frame, None)
                self.cleared |= {frame} & self.seen
                self.keys[round(second, 3)] = value
        self.curve.update()


@many
@given(edits=edits)
def test_no_sequence_of_edits_and_bakes_in_any_mode_loses_hand_work(edits, bend_strip, addon, core, curve):
    write(bend_strip, addon, core, 1.0, keep_hand_keys=False)
    person = Person(curve(bend_strip, ANGLE), frames_of(curve(bend_strip, ANGLE)))
    for kind, first, second in edits:
        if kind == "bake":
            write(bend_strip, addon, core, first, **second)
            person.seen = frames_of(person.curve)
        else:
            person.edit(kind, first, second)
    write(bend_strip, addon, core, 2.0)
    keys = {round(key.co.x, 3): key.co.y for key in person.curve.keyframe_points}
    for frame, value in person.keys.items():
        assert keys[frame] == pytest.approx(value, abs=1e-3)
    assert not (person.cleared - person.keys.keys()) & keys.keys()


@many
@given(before=st.lists(bakes, max_size=4), how=settings_of_bakes, first=st.integers(2, 80))
def test_a_bake_of_some_frames_leaves_every_other_frame_as_it_is(before, how, first, bend_strip, addon, core, curve):
    """Also where the range cuts a Bézier piece in two."""
    write(bend_strip, addon, core, 1.0, keep_hand_keys=False)
    for _, strength, options in before:
        write(bend_strip, addon, core, strength, **options)
    last = first + 10
    outside = [frame for frame in range(1, 97) if not first <= frame <= last]
    drawn = [curve(bend_strip, ANGLE).evaluate(frame) for frame in outside]
    write(bend_strip, addon, core, 2.5, **(how | {"use_range": True, "first": first, "last": last, "cyclic": False}))
    assert [curve(bend_strip, ANGLE).evaluate(frame) for frame in outside] == pytest.approx(drawn, abs=2e-3)


@many
@given(
    edits=st.lists(by_hand, max_size=6),
    sounds=st.lists(st.tuples(st.floats(0.5, 3.0, width=16), settings_of_bakes), min_size=1, max_size=5),
)
def test_an_added_sound_can_be_taken_back_whatever_was_added_in_between(edits, sounds, bend_strip, addon, core, curve):
    """What the person drew is under every bake: adding silence at the end brings it back on every frame."""
    write(bend_strip, addon, core, 1.0, keep_hand_keys=False)
    person = Person(curve(bend_strip, ANGLE), set())
    for edit in edits:
        person.edit(*edit)
    drawn = [person.curve.evaluate(frame) for frame in range(1, 97)]
    for strength, how in sounds:
        write(bend_strip, addon, core, strength, **(how | {"add": True, "cyclic": False}))
    write(bend_strip, addon, core, 0.0, add=True)
    assert [person.curve.evaluate(frame) for frame in range(1, 97)] == pytest.approx(drawn, abs=2e-3)


def test_a_curve_that_was_deleted_is_baked_anew(bend_strip, angle):
    angle().keyframe_points.clear()
    rebake_louder(bend_strip)
    assert len(angle().keyframe_points) == 96


def frames_of(curve):
    return {round(key.co.x, 3) for key in curve.keyframe_points}


def write(strip, addon, core, strength, **options):
    """Write keys as a bake does, from values that need no sound."""
    parameter = strip.bend_settings.bends[0].parameters["angle"]
    frames = addon.strips.frame_range(strip)
    sound = addon.curve_writer.Sound(
        values=strength * np.abs(np.sin(np.arange(len(frames)) / 7.0)),
        frames=frames,
        limits=(-100.0, 100.0),
        rate=core.timebase.FrameRate.from_blender(24, 1.0),
        span=strength,
        rest=0.0,
        full=strength,
        hits=np.arange(frames.start + 5, frames.stop, 12),
    )
    addon.curve_writer.write(
        strip, parameter, sound, addon.bake_settings.Options(**options), addon.curve_writer.Report()
    )
