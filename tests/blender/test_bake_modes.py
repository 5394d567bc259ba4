"""Every mode of bake keeps its promise on Blender's own curves; ranges, additions, loops, and bakes of many strips."""

from __future__ import annotations

import importlib
import subprocess
import sys

import bpy
import numpy as np
import pytest
from counting import steps_of_slices
from sounds import clicks, tone, write_wav
from timeline import MODULE, ROOT, slide

ANGLE = "Rotate Channels · angle"
FRAMES = range(1, 97)
RATE = 48000


def values(curve, frames=FRAMES):
    return np.array([curve.evaluate(frame) for frame in frames])


def route(strip):
    return strip.bend_settings.bends[0].parameters["angle"]


@pytest.fixture(scope="session")
def music(tmp_path_factory):
    """Twelve seconds of the demo's music; it is made outside of Blender, as the demo makes it."""
    path = tmp_path_factory.mktemp("music") / "song.wav"
    subprocess.run(
        [sys.executable, "-c", f"import pathlib, music; music.compose(pathlib.Path({str(path)!r}))"],
        cwd=ROOT / "tools" / "demo_parts",
        check=True,
    )
    return path


@pytest.mark.parametrize("feature", ["onset", "rms", "centroid", "low"])
def test_simplified_curves_of_music_keep_the_stated_error_with_a_fifth_of_the_keys(scene, music, addon, curve, feature):
    scene.sequence_editor.strips.new_sound("Song", str(music), 1, 1)
    bpy.ops.bend.add_strip()
    strip = scene.sequence_editor.active_strip
    frames = addon.strips.frame_range(strip)
    route(strip).feature, route(strip).low, route(strip).high = feature, 0.5, 2.5
    bpy.ops.bend.bake(mode="DENSE")
    exact = values(curve(strip, ANGLE), frames)
    bpy.ops.bend.bake(mode="SIMPLIFIED", tolerance=0.05)
    assert np.abs(values(curve(strip, ANGLE), frames) - exact).max() <= 0.05 * 2.0 * 1.001
    assert len(curve(strip, ANGLE).keyframe_points) <= len(frames) / 5


def test_events_put_a_key_on_every_click_and_rest_in_between(scene, bend_strip, curve):
    route(bend_strip).low, route(bend_strip).high = 0.25, 1.25
    bpy.ops.bend.bake(mode="EVENTS", events="onsets", decay=0.1, accent=0.0)
    _, starts = clicks(4.0, 48000)
    baked = values(curve(bend_strip, ANGLE))
    on_clicks = {1 + int(start * 24 // 48000) for start in starts}
    peaks = {frame for frame in FRAMES if baked[frame - 1] == pytest.approx(1.25, abs=1e-4)}
    assert len(on_clicks & peaks) >= 0.9 * len(on_clicks)
    assert all(min(abs(peak - click) for click in on_clicks) <= 1 for peak in peaks)
    quiet = [frame for frame in FRAMES if all(not -4 <= click - frame <= 1 for click in peaks)]
    assert quiet and baked[[frame - 1 for frame in quiet]] == pytest.approx(0.25, abs=1e-4)
    assert len(curve(bend_strip, ANGLE).keyframe_points) <= 4 * len(peaks) + 2


def test_held_events_are_constant_and_keep_their_value_for_the_decay(bend_strip, curve):
    bpy.ops.bend.bake(mode="EVENTS", shape="hold", decay=3 / 24, accent=0.0)
    keys = curve(bend_strip, ANGLE).keyframe_points
    assert {key.interpolation for key in keys} == {"CONSTANT"}
    high = [round(key.co.x) for key in keys if key.co.y > 1.0]
    assert high and all(curve(bend_strip, ANGLE).evaluate(frame + 2) > 1.0 for frame in high)
    bpy.ops.bend.bake(mode="EVENTS", shape="hold", decay=3 / 24, accent=0.0)
    assert len(curve(bend_strip, ANGLE).keyframe_points) == len(keys), "a second bake takes them for its own"


def test_a_sound_that_is_added_twice_is_added_once(bend_strip, scene, curve, addon):
    bend_strip[ANGLE] = 0.0
    scene.keyframe_insert(addon.strips.data_path(bend_strip, ANGLE), frame=1)
    bend_strip[ANGLE] = 2.0
    scene.keyframe_insert(addon.strips.data_path(bend_strip, ANGLE), frame=96)
    drawn = values(curve(bend_strip, ANGLE))
    bpy.ops.bend.bake(mode="DENSE", add=True)
    once = values(curve(bend_strip, ANGLE))
    assert (once - drawn).max() == pytest.approx(np.pi / 2, abs=0.01)
    assert (once - drawn).min() == pytest.approx(0.0, abs=1e-4)
    for mode in ("DENSE", "SIMPLIFIED", "DENSE"):
        bpy.ops.bend.bake(mode=mode, add=True)
    assert values(curve(bend_strip, ANGLE)) == pytest.approx(once, abs=1e-3)


def test_a_change_on_top_of_an_addition_stays_a_change_of_what_is_under_it(bend_strip, curve):
    bend_strip[ANGLE] = 0.0
    bpy.ops.bend.bake(add=True)
    before = values(curve(bend_strip, ANGLE))
    curve(bend_strip, ANGLE).keyframe_points[39].co.y += 0.5
    curve(bend_strip, ANGLE).update()
    route(bend_strip).high = 1.0
    bpy.ops.bend.bake(add=True)
    changed = values(curve(bend_strip, ANGLE))
    sound = before / (np.pi / 2)
    assert changed[39] == pytest.approx(0.5 + sound[39], abs=1e-3)
    assert np.delete(changed, 39) == pytest.approx(np.delete(sound, 39), abs=1e-3)


def test_a_modifier_on_the_curve_is_not_baked_into_the_keys(bend_strip, curve):
    bpy.ops.bend.bake(add=True)
    before = [key.co.y for key in curve(bend_strip, ANGLE).keyframe_points]
    curve(bend_strip, ANGLE).modifiers.new("NOISE").strength = 3.0
    bpy.ops.bend.bake(add=True)
    assert [key.co.y for key in curve(bend_strip, ANGLE).keyframe_points] == pytest.approx(before, abs=1e-4)
    assert not curve(bend_strip, ANGLE).modifiers[0].mute


@pytest.mark.parametrize("mode", ["DENSE", "SIMPLIFIED", "EVENTS"])
def test_only_the_chosen_frames_are_baked(bend_strip, curve, mode):
    bpy.ops.bend.bake(mode="SIMPLIFIED")
    before = values(curve(bend_strip, ANGLE))
    route(bend_strip).low, route(bend_strip).high = 2.0, 3.0
    bpy.ops.bend.bake(mode=mode, use_range=True, first=30, last=60)
    after = values(curve(bend_strip, ANGLE))
    inside = slice(29, 60)
    assert after[inside].min() >= 2.0 - 0.02
    assert np.delete(after, range(29, 60)) == pytest.approx(np.delete(before, range(29, 60)), abs=1e-3)


def test_frames_beside_the_strip_are_refused_in_words(bend_strip):
    with pytest.raises(RuntimeError, match="outside the bend strip"):
        bpy.ops.bend.bake(use_range=True, first=500, last=600)


@pytest.mark.parametrize("mode", ["DENSE", "SIMPLIFIED", "EVENTS"])
def test_a_cyclic_curve_repeats_without_a_seam_until_it_is_switched_off(bend_strip, curve, mode):
    bpy.ops.bend.bake(mode=mode, cyclic=True)
    baked = curve(bend_strip, ANGLE)
    assert baked.evaluate(97) == pytest.approx(baked.evaluate(1), abs=1e-4)
    assert values(baked, range(97, 193)) == pytest.approx(values(baked), abs=1e-3)
    bpy.ops.bend.bake(mode=mode, cyclic=False)
    assert not curve(bend_strip, ANGLE).modifiers
    assert round(curve(bend_strip, ANGLE).keyframe_points[-1].co.x) == 96


def test_beyond_its_keys_the_curve_does_what_was_chosen(bend_strip, curve):
    bpy.ops.bend.bake(extrapolation="LINEAR")
    assert curve(bend_strip, ANGLE).extrapolation == "LINEAR"
    bpy.ops.bend.bake(extrapolation="CONSTANT")
    assert curve(bend_strip, ANGLE).extrapolation == "CONSTANT"


def test_a_curve_can_come_later_than_the_sound(bend_strip, curve):
    bpy.ops.bend.bake()
    before = values(curve(bend_strip, ANGLE))
    route(bend_strip).offset = 5 / 24
    bpy.ops.bend.bake()
    assert values(curve(bend_strip, ANGLE))[5:] == pytest.approx(before[:-5], abs=1e-4)


def test_several_features_drive_one_parameter(bend_strip, curve, addon):
    parameter = route(bend_strip)
    parameter.release = 0.0
    bpy.ops.bend.bake()
    onsets = values(curve(bend_strip, ANGLE))
    assert bpy.ops.bend.add_layer() == {"FINISHED"}
    further = parameter.layers[0]
    further.feature, further.combine, further.amount = "rms", "multiply", 1.0
    bpy.ops.bend.bake()
    both = values(curve(bend_strip, ANGLE))
    assert np.all(both <= onsets + 1e-4) and not np.allclose(both, onsets)
    further.feature = "NONE"
    bpy.ops.bend.bake()
    assert values(curve(bend_strip, ANGLE)) == pytest.approx(onsets, abs=1e-4)


def test_features_are_asked_for_as_they_are_spelled(bend_strip):
    parameter = route(bend_strip)
    parameter.feature, parameter.part, parameter.low_hz, parameter.high_hz = "band", "percussive", 200.0, 800.0
    assert parameter.asked() == ["percussive/band:200-800"]
    parameter.feature, parameter.which, parameter.part = "chroma", 40, "all"
    assert parameter.asked() == ["chroma:12"]
    parameter.feature, parameter.part = "paper_rms", "harmonic"
    assert parameter.asked() == ["paper_rms"]


def test_a_channel_is_asked_for_as_it_is_spelled(bend_strip):
    parameter = route(bend_strip)
    parameter.feature, parameter.channel = "rms", "left"
    assert parameter.asked() == ["left/rms"]
    parameter.feature, parameter.part, parameter.channel = "chroma", "harmonic", "side"
    assert parameter.asked() == [f"side/harmonic/chroma:{parameter.which}"]
    parameter.feature = "midi_velocity"
    assert parameter.asked() == ["midi_velocity"]


def test_left_and_right_drive_what_they_are_chosen_for(scene, bend_strip, curve, song, tmp_path, addon):
    """A loud left and a silent right; another channel is another route, so its curve is known to be out of date."""
    left = tone(4.0, RATE)
    song.sound.filepath = str(write_wav(tmp_path / "left.wav", np.stack([left, 0.1 * left], axis=1), RATE))
    parameter = route(bend_strip)
    parameter.feature, parameter.scale, parameter.least, parameter.most = "rms", "fixed", 0.0, 1.0
    parameter.low, parameter.high = 0.0, 1.0
    found = {}
    for channel in ("left", "right", "heard", "side"):
        parameter.channel = channel
        if found:
            assert addon.bake.stale_parameters(scene, bend_strip) == [parameter]
        bpy.ops.bend.bake()
        assert not addon.bake.stale_parameters(scene, bend_strip)
        found[channel] = float(np.median(values(curve(bend_strip, ANGLE))))
    energy = np.sqrt((1 + 0.01) / 2)
    assert found["right"] == pytest.approx(0.1 * found["left"], rel=0.02)
    assert found["heard"] == pytest.approx(energy * found["left"], rel=0.02)
    assert found["side"] == pytest.approx(0.45 * found["left"], rel=0.02)


def test_a_song_of_opposite_channels_is_baked(bend_strip, curve, song, tmp_path):
    samples, _ = clicks(4.0, RATE)
    bpy.ops.bend.bake()
    song.sound.filepath = str(write_wav(tmp_path / "wide.wav", np.stack([samples, -samples], axis=1), RATE))
    bpy.ops.bend.bake()
    assert np.ptp(values(curve(bend_strip, ANGLE))) > 0.5


def test_a_route_survives_as_plain_data(bend_strip, core):
    layers = (
        core.routes.Layer("percussive/band:200-800", gate=0.25, median=0.5, scale="fixed", least=-1.0, most=2.0),
        core.routes.Layer("left/chroma:4", combine="max", amount=0.5, first=3, last=40, offset=-0.25, invert=True),
        core.routes.Layer("midi_note:60", chain="papers", kernel=5, keep=0.5),
    )
    wanted = core.routes.Route(layers, low=0.5, high=1.5, levels=4)
    route(bend_strip).set_route(wanted)
    assert route(bend_strip).route() == wanted


def test_layers_are_moved_and_removed(bend_strip):
    for _ in range(3):
        bpy.ops.bend.add_layer()
    for layer, feature in zip(route(bend_strip).layers, ("rms", "low", "high"), strict=True):
        layer.feature = feature
    bpy.ops.bend.move_layer(index=2, direction="UP")
    bpy.ops.bend.remove_layer(index=0)
    assert [layer.feature for layer in route(bend_strip).layers] == ["high", "low"]


def test_a_duplicate_has_all_the_features_of_the_route(bend_strip):
    bpy.ops.bend.add_layer()
    route(bend_strip).layers[0].feature = "low"
    bpy.ops.bend.duplicate_bend()
    copy = bend_strip.bend_settings.bends[1].parameters["angle"]
    assert copy.route() == route(bend_strip).route()
    copy.layers[0].feature = "high"
    assert route(bend_strip).layers[0].feature == "low"


def test_both_halves_of_a_split_strip_have_all_the_features_of_the_route(scene, bend_strip, curve):
    bpy.ops.bend.add_layer()
    bpy.ops.bend.bake()
    right = bend_strip.split(frame=50, split_method="SOFT")
    assert route(right).route() == route(bend_strip).route()
    assert route(right).baked == route(bend_strip).baked
    assert len(curve(right, ANGLE).keyframe_points) == 96


def test_the_mode_is_remembered_on_the_strip(bend_strip, curve):
    bpy.ops.bend.bake(mode="SIMPLIFIED", tolerance=0.1)
    few = len(curve(bend_strip, ANGLE).keyframe_points)
    assert bend_strip.bend_settings.baking.mode == "SIMPLIFIED"
    bpy.ops.bend.bake()
    assert len(curve(bend_strip, ANGLE).keyframe_points) == few < 60


def test_the_panel_says_what_the_last_bake_did(bend_strip, curve):
    bpy.ops.bend.bake()
    curve(bend_strip, ANGLE).keyframe_points[19].co.y = -1.0
    bpy.ops.bend.bake()
    assert bend_strip.bend_settings.baking.report == "95 keys on 1 curve, kept 1 manual key"


@pytest.fixture
def three(scene, bend_strip, tmp_path):
    """Three bend strips: over the song, over another sound later, and one without any route."""
    samples, _ = clicks(2.0, 48000, seed=4)
    path = write_wav(tmp_path / "other.wav", samples, 48000)
    other = scene.sequence_editor.strips.new_sound("Other", str(path), 3, 200)
    for strip in scene.sequence_editor.strips_all:
        strip.select = strip == other
    bpy.ops.bend.add_strip()
    second = scene.sequence_editor.active_strip
    bpy.ops.bend.add_strip()
    idle = scene.sequence_editor.active_strip
    route(idle).feature = "NONE"
    return [bend_strip.name, second.name, idle.name]


def strips_of(names):
    return [bpy.context.scene.sequence_editor.strips_all[name] for name in names]


def test_all_strips_are_baked_with_one_undo(three, curve):
    strips_of(three)[1].bend_settings.baking.mode = "SIMPLIFIED"
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.bend.bake_all("EXEC_DEFAULT", True) == {"FINISHED"}
    first, second, idle = strips_of(three)
    assert len(curve(first, ANGLE).keyframe_points) == 96
    assert 2 <= len(curve(second, ANGLE).keyframe_points) < 48
    assert curve(idle, ANGLE) is None
    bpy.ops.ed.undo()
    assert [curve(strip, ANGLE) for strip in strips_of(three)] == [None, None, None]


def test_cancelling_in_the_second_strip_writes_nothing_at_all(scene, three, addon, core, curve):
    work = addon.bake_queue.Bakes(scene, addon.bake_queue.everything(scene))
    seen = set()
    while work.update():
        seen.add(addon.activity.current.text())
        if any("Strip 2 of 2" in text for text in seen):
            work.cancel()
    with pytest.raises(core.errors.BendError) as raised:
        work.finish()
    addon.activity.end()
    assert raised.value.code == core.errors.Code.CANCELLED
    assert any(text.startswith("Strip 1 of 2") for text in seen)
    assert [curve(strip, ANGLE) for strip in strips_of(three)] == [None, None, None]


def test_a_strip_whose_sound_is_gone_does_not_keep_the_others_from_being_baked(scene, three, curve):
    scene.sequence_editor.strips.remove(scene.sequence_editor.strips_all["Other"])
    assert bpy.ops.bend.bake_all() == {"FINISHED"}
    first, second, _ = strips_of(three)
    assert len(curve(first, ANGLE).keyframe_points) == 96
    assert curve(second, ANGLE) is None


def test_only_what_has_changed_is_baked_again_and_as_it_was(scene, three, addon, curve):
    bpy.ops.bend.bake_all()
    first, second, _ = strips_of(three)
    scene.sequence_editor.active_strip = second
    bpy.ops.bend.bake(mode="SIMPLIFIED")
    assert addon.bake_queue.changed(scene) == []
    second.bend_settings.baking.mode = "DENSE"
    before = values(curve(second, ANGLE), range(200, 248))
    slide(scene.sequence_editor.strips_all["Other"], 6)
    assert [order.strip for order in addon.bake_queue.changed(scene)] == [second.name]
    curve(first, ANGLE).keyframe_points[5].co.y = 9.0
    assert bpy.ops.bend.rebake() == {"FINISHED"}
    assert len(curve(second, ANGLE).keyframe_points) < 30, "it was simplified, and is again"
    assert curve(first, ANGLE).keyframe_points[5].co.y == 9.0
    moved = values(curve(second, ANGLE), range(206, 248))
    assert np.corrcoef(moved, before[:-6])[0, 1] > 0.9
    assert addon.bake_queue.changed(scene) == []


def test_a_changed_route_is_baked_again(scene, bend_strip, addon, curve):
    bend_strip.bend_settings.bends[0].parameters["mix"].feature = "rms"
    bpy.ops.bend.bake()
    route(bend_strip).high = 3.0
    [order] = addon.bake_queue.changed(scene)
    assert order.keys == (ANGLE,)
    bpy.ops.bend.rebake()
    assert values(curve(bend_strip, ANGLE)).max() == pytest.approx(3.0, abs=1e-4)
    assert not addon.bake_queue.changed(scene)


def test_nothing_that_has_changed_is_said_in_words(bend_strip):
    bpy.ops.bend.bake()
    with pytest.raises(RuntimeError, match="nothing to bake"):
        bpy.ops.bend.rebake()


def test_the_numbers_under_the_playhead_are_what_a_bake_writes_there(scene, bend_strip, addon, curve):
    assert addon.at_playhead.numbers(bend_strip, route(bend_strip), 20) is None, "nothing is measured yet"
    addon.measured.Measuring(scene, bend_strip).finish()
    bpy.ops.bend.bake()
    for frame in (1, 20, 96):
        found = addon.at_playhead.numbers(bend_strip, route(bend_strip), frame)
        assert found.value == pytest.approx(curve(bend_strip, ANGLE).evaluate(frame), abs=1e-4)
        assert found.unit == "dB"
    assert addon.at_playhead.numbers(bend_strip, route(bend_strip), 97) is None
    addon.measured.forget()


def test_the_engine_is_told_where_the_midi_file_begins(scene, bend_strip, addon, tmp_path):
    bend_strip.bend_settings.midi_file, bend_strip.bend_settings.midi_start = str(tmp_path / "a.mid"), 12
    asked = addon.measurement.request(
        scene, bend_strip, addon.timing.Placement.of(bend_strip), ["onset"], tmp_path
    ).to_data()
    assert set(asked) == {"sound", "fps", "frames", "features", "cache", "out", "beats", "midi"}
    assert asked["midi"] == {"path": str(tmp_path / "a.mid"), "start": pytest.approx(0.5)}


def test_midi_alone_needs_no_sound_on_the_timeline(scene, bend_strip, addon, song, tmp_path):
    bend_strip.bend_settings.sounds.clear()
    scene.sequence_editor.strips.remove(song)
    asked = addon.measurement.request(
        scene, bend_strip, addon.timing.Placement.of(bend_strip), ["midi_velocity"], tmp_path
    )
    assert (tmp_path / "sound.wav").exists() and asked.features == ("midi_velocity",)


@pytest.fixture
def measured(scene, bend_strip, addon):
    """A bake of three bends whose sound has been measured."""
    for feature in ("rms", "centroid"):
        bend = addon.stack.add_bend(bend_strip, "rotate_channels")
        bend.parameters["angle"].feature = feature
    work = addon.bake.Bake(scene, bend_strip, addon.bake_settings.Options())
    work.collect()
    return work


def own_keys(strip, addon):
    return [parameter.key for parameter, _ in strip.bend_settings.routed()]


def test_keys_are_written_curve_by_curve_in_slices_that_do_not_grow_with_the_bends(bend_strip, addon, measured):
    slices = steps_of_slices(measured.write())
    assert len(slices) == 1 + 3 * 4
    assert max(slices) < 0.25 * sum(slices)
    curves = [addon.strips.find_curve(bend_strip, key) for key in own_keys(bend_strip, addon)]
    assert [len(curve.keyframe_points) for curve in curves] == [96] * 3


def key_of_a_person(strip, curve):
    curve.keyframe_points.insert(30, 1.5).type = "KEYFRAME"


def curve_that_is_gone(strip, curve):
    curve.id_data.layers[0].strips[0].channelbags[0].fcurves.remove(curve)


def sliding(strip, curve):
    for moved in (strip, strip.id_data.sequence_editor.strips_all["Song"]):
        slide(moved, 5)


@pytest.mark.parametrize(
    ("edit", "moment"),
    [
        *((key_of_a_person, moment) for moment in (5, 7, 8, 9)),
        *((curve_that_is_gone, moment) for moment in (6, 8, 9)),
        *((sliding, moment) for moment in (3, 7, 12)),
    ],
)
def test_an_edit_between_two_slices_is_as_one_before_or_after_the_bake(
    scene, bend_strip, addon, measured, edit, moment
):
    addon.slices.at_once(measured.write())
    again = addon.bake.Bake(scene, bend_strip, addon.bake_settings.Options())
    again.collect()
    key = own_keys(bend_strip, addon)[1]
    writing = again.write()
    for _ in range(moment):
        next(writing)
    edit(bend_strip, addon.strips.find_curve(bend_strip, key))
    report = addon.slices.at_once(writing)
    points = {
        name: len(curve.keyframe_points) if (curve := addon.strips.find_curve(bend_strip, name)) else 0
        for name in own_keys(bend_strip, addon)
    }
    lacking = edit is curve_that_is_gone and moment > 8  # when the curve was written already
    assert points.pop(key) == (0 if lacking else 96) and set(points.values()) == {96}
    found = addon.strips.find_curve(bend_strip, key)
    if edit is key_of_a_person:
        assert found.evaluate(30) == pytest.approx(1.5)
        assert report.kept == (1 if moment <= 8 else 0)
    if not lacking:
        expected = addon.bake.shaped(
            *bend_strip.bend_settings.routed()[1],
            again.measured,
            addon.timing.Placement.of(bend_strip).sound_frames,
            again.rate,
            again.options[key],
        )
        others = np.array(expected.frames) != 30
        assert np.allclose(values(found, expected.frames)[others], expected.values[others], atol=1e-4)


def test_a_route_that_is_changed_before_its_keys_are_written_is_called_stale(scene, bend_strip, addon, measured):
    key, writing = own_keys(bend_strip, addon)[1], measured.write()
    for _ in range(7):
        next(writing)
    bend_strip.bend_settings.bends[1].parameters["angle"].high = 2.5
    addon.slices.at_once(writing)
    assert [parameter.key for parameter in addon.bake.stale_parameters(scene, bend_strip)] == [key]


def test_what_is_being_written_is_written_to_the_end(scene, three, addon, curve, monkeypatch):
    monkeypatch.setattr(addon.bake_queue, "WRITING_SECONDS", 0.0)
    work = addon.bake_queue.Bakes(scene, addon.bake_queue.everything(scene))
    while not work.writing:
        assert work.update()
    work.cancel()
    report = work.finish()
    addon.activity.end()
    assert report.curves == 2 and all(curve(strip, ANGLE) for strip in strips_of(three)[:2])


def test_the_button_writes_the_keys_in_slices(three, addon, curve, monkeypatch):
    monkeypatch.setattr(addon.bake_queue, "WRITING_SECONDS", 0.0)
    module, said, writing = importlib.import_module(f"{MODULE}.blender_bend.addon.operators.bake"), [], 0
    own = {
        "orders": lambda self, context: addon.bake_queue.everything(context.scene),
        "report": lambda self, kind, text: said.append(text),
    }
    button = type("Button", (module.Baking,), own)()
    button.start(bpy.context)
    while button.update():
        writing += addon.activity.current.text() == "Writing the keys"
    assert all(curve(strip, ANGLE) for strip in strips_of(three)[:2])
    button.finish()
    addon.activity.end()
    assert writing >= 8 and len(said) == 1 and said[0].endswith("keys on 2 curves")
