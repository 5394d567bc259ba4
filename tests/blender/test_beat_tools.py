"""Markers at beats, keys that snap to them, keys on every so many, and the grid corrected by hand."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from counting import steps_of
from timeline import slide


@pytest.fixture
def steady(bend_strip):
    """A fixed tempo of 120: a beat every 12 frames from frame 1 on, 8 beats in all."""
    beats = bend_strip.bend_settings.beats
    beats.source, beats.bpm = "TEMPO", 120.0
    return bend_strip


@pytest.fixture
def angle(steady, addon):
    """A curve with straight keys at the given frames and values, all selected."""

    def make(*keys):
        curve = addon.compat.ensure_fcurve(
            steady.id_data, addon.strips.data_path(steady, "Rotate Channels · angle"), "Bend"
        )
        for frame, value in keys:
            point = curve.keyframe_points.insert(frame, value)
            point.interpolation, point.select_control_point = "LINEAR", True
        return curve

    return make


def markers(scene):
    return sorted((marker.frame, marker.name) for marker in scene.timeline_markers)


def keys(curve):
    return [(round(point.co.x, 3), round(point.co.y, 3)) for point in curve.keyframe_points]


def test_beats_are_marked_by_bar_and_beat(scene, steady):
    assert bpy.ops.bend.mark_beats(kind="BEATS") == {"FINISHED"}
    names = [f"beat {bar}.{beat}" for bar in (1, 2) for beat in (1, 2, 3, 4)]
    assert markers(scene) == list(zip(range(1, 97, 12), names, strict=True))


def test_a_second_run_replaces_own_markers_and_leaves_those_of_the_artist(scene, steady):
    for name, frame in (("prompt: a calm sea", 13), ("my bar", 13), ("drop", 30)):
        scene.timeline_markers.new(name, frame=frame)
    bpy.ops.bend.mark_beats(kind="BEATS")
    bpy.ops.bend.mark_beats(kind="BARS")
    assert markers(scene) == [(1, "bar 1"), (13, "my bar"), (13, "prompt: a calm sea"), (30, "drop"), (49, "bar 2")]
    assert bpy.ops.bend.remove_markers() == {"FINISHED"}
    assert markers(scene) == [(13, "my bar"), (13, "prompt: a calm sea"), (30, "drop")]


def test_a_marker_that_was_moved_by_hand_stays(scene, steady):
    bpy.ops.bend.mark_beats(kind="BARS")
    scene.timeline_markers["bar 2"].frame = 51
    bpy.ops.bend.mark_beats(kind="BARS")
    assert markers(scene) == [(1, "bar 1"), (49, "bar 2"), (51, "bar 2")]


def test_markers_of_a_moved_strip_are_replaced_too(scene, steady):
    bpy.ops.bend.mark_beats(kind="BARS")
    slide(steady, 24)
    bpy.ops.bend.mark_beats(kind="BARS")
    assert markers(scene) == [(25, "bar 1"), (73, "bar 2")]


def test_beats_before_the_first_bar_belong_to_bar_nought(scene, steady):
    steady.bend_settings.beats.one = 1
    bpy.ops.bend.mark_beats(kind="BEATS")
    assert markers(scene)[:3] == [(1, "beat 0.4"), (13, "beat 1.1"), (25, "beat 1.2")]


def test_sections_are_lettered_and_the_first_begins_with_the_strip(addon, core):
    rate = core.timebase.FrameRate(core.timebase.Fraction(24))
    placed = addon.beat_tools.section_markers(np.arange(1, 28) * 1.0, rate, 5)
    assert placed[:3] == [("section A", 5), ("section B", 29), ("section C", 53)]
    assert placed[26:] == [("section AA", 5 + 26 * 24), ("section AB", 5 + 27 * 24)]
    assert all(addon.beat_tools.OWN_NAME.fullmatch(name) for name, _ in placed)


def test_selected_keys_snap_with_their_handles_and_others_stay(scene, steady, angle):
    curve = angle((3, 0.1), (23, 0.5), (50, 0.9))
    points = curve.keyframe_points
    points[1].interpolation = "BEZIER"
    points[1].handle_left_type = points[1].handle_right_type = "FREE"
    points[1].handle_left, points[1].handle_right = (20, 0.4), (28, 0.7)
    points[2].select_control_point = False
    assert bpy.ops.bend.snap_keys() == {"FINISHED"}
    assert keys(curve) == [(1, 0.1), (25, 0.5), (50, 0.9)]
    snapped = curve.keyframe_points[1]
    assert (tuple(snapped.handle_left), tuple(snapped.handle_right)) == (
        pytest.approx((22, 0.4)),
        pytest.approx((30, 0.7)),
    )
    assert [point.select_control_point for point in curve.keyframe_points] == [True, True, False]


def test_keys_that_meet_become_the_one_nearest_to_the_beat(scene, steady, angle):
    curve = angle((10, 0.1), (12, 0.2), (15, 0.3), (25, 0.4))
    curve.keyframe_points[3].select_control_point = False
    bpy.ops.bend.snap_keys()
    assert keys(curve) == [(13, 0.2), (25, 0.4)]


def test_a_snapped_key_takes_the_place_of_one_that_is_not_selected(scene, steady, angle):
    curve = angle((13, 0.1), (14, 0.2))
    curve.keyframe_points[0].select_control_point = False
    bpy.ops.bend.snap_keys()
    assert keys(curve) == [(13, 0.2)]


def test_without_a_selected_key_it_says_so(scene, steady, angle):
    curve = angle((3, 0.1))
    curve.keyframe_points[0].select_control_point = False
    assert bpy.ops.bend.snap_keys() == {"CANCELLED"}
    assert keys(curve) == [(3, 0.1)]


def test_keys_on_every_second_beat_have_the_values_of_the_curve(scene, steady, angle):
    curve = angle((1, 0.0), (97, 9.6))
    assert bpy.ops.bend.key_beats(every=2, offset=1) == {"FINISHED"}
    assert keys(curve) == [(1, 0), *((frame, round((frame - 1) / 10, 3)) for frame in (13, 37, 61, 85)), (97, 9.6)]
    assert {point.type for point in curve.keyframe_points} == {"KEYFRAME"}
    assert {point.interpolation for point in curve.keyframe_points} == {"LINEAR"}


def test_keys_on_beats_of_a_parameter_without_a_curve_hold_its_value(scene, steady, addon):
    steady["Rotate Channels · angle"] = 0.75
    assert bpy.ops.bend.key_beats(every=4, offset=0) == {"FINISHED"}
    curve = addon.strips.find_curve(steady, "Rotate Channels · angle")
    assert keys(curve) == [(1, 0.75), (49, 0.75)]


def test_keys_on_beats_outlive_the_next_bake(scene, song, steady, addon):
    assert bpy.ops.bend.bake() == {"FINISHED"}
    curve = addon.strips.find_curve(steady, "Rotate Channels · angle")
    bpy.ops.bend.key_beats(every=4, offset=0)
    held = {frame: value for frame, value in keys(curve) if frame in (1, 49)}
    song.volume = 0.1
    steady.bend_settings.bends[0].parameters["angle"].high = 0.01
    bpy.ops.bend.bake()
    assert {frame: value for frame, value in keys(curve) if frame in (1, 49)} == held


def one_by_one(curve, frames):
    """Keys on frames as they were set before: every one by itself, and each told what it is."""
    values = [curve.evaluate(frame) for frame in frames]
    before = [[point for point in curve.keyframe_points if point.co.x <= frame] for frame in frames]
    runs = [points[-1].interpolation if points else "BEZIER" for points in before]
    for frame, value, interpolation in zip(frames, values, runs, strict=True):
        point = curve.keyframe_points.insert(frame, value, options={"FAST"})
        point.type, point.interpolation = "KEYFRAME", interpolation
    curve.update()


@pytest.mark.parametrize("seed", range(12))
def test_keys_on_beats_are_as_if_set_one_by_one(scene, steady, addon, seed):
    random, made = np.random.default_rng(seed), []
    frames = np.unique(random.integers(-10, 120, 30 * (seed % 3)))
    frames = frames + random.choice([0.0, 0.004, 0.3], len(frames))
    kinds = random.integers(0, 3, len(frames))
    beats = np.unique(random.integers(-20, 130, 20))
    for name in ("one", "other"):
        curve = addon.compat.ensure_fcurve(scene, addon.strips.data_path(steady, name), "Bend")
        for frame, value, kind in zip(frames.tolist(), np.sin(frames).tolist(), kinds.tolist(), strict=True):
            point = curve.keyframe_points.insert(frame, value)
            point.interpolation, point.type = ("CONSTANT", "LINEAR", "BEZIER")[kind], "EXTREME"
            point.handle_left_type = point.handle_right_type = ("VECTOR", "AUTO_CLAMPED", "VECTOR")[kind]
        curve.update()
        made.append(curve)
    values = np.array([made[0].evaluate(frame) for frame in beats.tolist()])
    addon.keys.set_hand_keys(made[0], beats.astype(np.float32), values.astype(np.float32))
    one_by_one(made[1], beats.tolist())
    one, other = (addon.keys.read_keys(curve) for curve in made)
    for name in addon.keys.ATTRIBUTES:
        np.testing.assert_allclose(one[name], other[name], atol=1e-4, err_msg=name)


def test_keys_on_beats_walk_no_other_keys(scene, steady, addon, core):
    curve = addon.compat.ensure_fcurve(scene, addon.strips.data_path(steady, "Rotate Channels · angle"), "Bend")
    counts = []
    for length in (100, 100, 10_000):  # of code that is traced for the first time, Python tells only in part
        keys = addon.keys.table_of(core.keys.dense(np.sin(np.arange(length) / 9), 1))
        addon.keys.write_keys(curve, keys)
        counts.append(steps_of(lambda: bpy.ops.bend.key_beats(every=1)))
    assert counts[2] < 1.25 * counts[1]


@pytest.mark.parametrize("operator", ["snap_keys", "key_beats"])
def test_before_beats_are_detected_it_says_what_to_do(bend_strip, addon, operator):
    addon.measured.forget()
    with pytest.raises(addon.measured.BendError) as caught:
        addon.measured.require_grid(bend_strip.id_data, bend_strip, addon.timing.Placement.of(bend_strip))
    assert caught.value.action == "bend.measure"
    assert getattr(bpy.ops.bend, operator)() == {"CANCELLED"}


@pytest.mark.parametrize(("bpm", "frame_of_first"), [(92.0, 17.3), (150.0, 1.0)])
def test_tapping_while_it_plays_sets_tempo_and_beats(scene, bend_strip, addon, bpm, frame_of_first):
    taps = addon.beat_tools.Taps()
    random = np.random.default_rng(4)
    for number in range(16):
        moment = number * 60 / bpm + random.normal(0, 0.008)
        taps.tap(500.0 + moment, int(frame_of_first + 24 * moment))  # the window shows whole frames
    assert taps.apply(bend_strip) == pytest.approx(bpm, rel=0.01)
    beats = bend_strip.bend_settings.beats
    period = 24 * 60 / beats.bpm
    off = (beats.first + 1 - frame_of_first + period / 2) % period - period / 2
    assert beats.source == "TEMPO"
    assert abs(off) < 1.0


def test_tapping_while_it_stands_leaves_the_first_beat(scene, steady, addon):
    steady.bend_settings.beats.first = 7.0
    taps = addon.beat_tools.Taps()
    taps.tap(0.0, 40)
    assert taps.apply(steady) is None
    for number in range(1, 6):
        taps.tap(0.75 * number, 40)
    assert taps.apply(steady) == pytest.approx(80)
    assert steady.bend_settings.beats.first == 7.0


def test_after_a_pause_tapping_begins_anew(scene, steady, addon):
    taps = addon.beat_tools.Taps()
    for moment in (0.0, 0.5, 1.0, 30.0, 30.4, 30.8):
        taps.tap(moment, 1)
    assert taps.apply(steady) == pytest.approx(150)


def test_half_and_double_correct_the_grid_at_once(scene, steady, addon):
    beats = steady.bend_settings.beats

    def frames():
        rate = addon.timing.frame_rate(scene)
        return (addon.measured.grid(steady, addon.timing.Placement.of(steady)).frames(rate) + 1).tolist()

    beats.factor = "HALF"
    assert frames() == [1, 25, 49, 73]
    beats.factor = "DOUBLE"
    assert frames() == list(range(1, 97, 6))
    beats.factor, beats.shift = "NORMAL", 0.25
    assert frames()[:2] == [7, 19]


@pytest.mark.parametrize("bar", [False, True])
def test_the_grid_is_corrected_by_the_playhead(scene, steady, addon, bar):
    scene.frame_set(28)
    assert bpy.ops.bend.beat_here(bar=bar) == {"FINISHED"}
    grid, rate = addon.measured.grid(steady, addon.timing.Placement.of(steady)), addon.timing.frame_rate(scene)
    if bar:
        assert (grid.frames(rate) + 1)[grid.numbers == 1].tolist() == [25, 73]
    else:
        assert (grid.frames(rate) + 1).tolist()[:3] == [4, 16, 28]
