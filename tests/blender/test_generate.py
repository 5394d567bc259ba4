"""Generate: only what is missing, frames on the strip as they come, cancelled and resumed without a trace."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import time
from pathlib import Path

import bpy
import pytest
from timeline import MODULE, trim

ANGLE = "Rotate Channels · angle"


def pictures(store: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in store.glob("*.png") if len(p.stem) == 64}


def shown(strip, first=1, last=12):
    start = strip.elements
    return [start[index - 1].filename for index in range(first, last + 1)]


def test_the_frames_of_the_strip_are_in_the_store_and_on_the_strip(short, scene, store, addon, core):
    assert bpy.ops.bend.generate() == {"FINISHED"}
    job = addon.snapshot.take(scene, short)
    keys = [core.resolve.file_name(traced.key) for traced in core.resolve.trace(job)]
    assert shown(short) == keys
    assert set(pictures(store)) == set(keys)
    assert Path(bpy.path.abspath(short.directory)) == store


def test_after_one_key_changed_exactly_the_frames_whose_values_changed_are_rendered(short, scene, addon, curve):
    addon.generate.fill_store(scene, short)
    key = curve(short, ANGLE).keyframe_points[5]
    key.co.y = 2.0
    work = addon.generate.fill_store(scene, short)
    assert (work.plan.missing, work.rendered) == ([6], 1)
    curve(short, ANGLE).keyframe_points.remove(curve(short, ANGLE).keyframe_points[8])
    curve(short, ANGLE).keyframe_points[8].co.y = 3.0
    work = addon.generate.fill_store(scene, short)
    assert (work.plan.missing, work.rendered) == ([9, 10], 2)


def test_undo_needs_nothing_rendered(short, scene, addon, curve):
    addon.generate.fill_store(scene, short)
    name, before = short.name, shown(short)
    bpy.ops.ed.undo_push(message="generated")
    curve(short, ANGLE).keyframe_points[5].co.y = 2.0
    bpy.ops.ed.undo_push(message="edited")
    addon.generate.fill_store(scene, short)
    bpy.ops.ed.undo()
    strip = addon.strips.find(bpy.context.scene.name, name)
    work = addon.generate.fill_store(bpy.context.scene, strip)
    assert (work.plan.missing, work.rendered) == ([], 0)
    assert shown(strip) == before


def test_equal_frames_are_rendered_once(short, scene, addon, curve, store):
    for key in curve(short, ANGLE).keyframe_points:
        key.co.y = 0.5 if key.co.x > 6 else 0.0
    work = addon.generate.fill_store(scene, short)
    assert len(work.plan.missing) == 12
    assert work.rendered == 2
    assert len(pictures(store)) == 2
    assert len(set(shown(short))) == 2


def test_a_second_run_gives_the_same_bytes(short, scene, addon, store):
    addon.generate.fill_store(scene, short)
    first = pictures(store)
    for file in store.glob("*.png"):
        file.unlink()
    addon.engine_client.shut_down()
    addon.generate.fill_store(scene, short)
    assert pictures(store) == first


def test_a_cancelled_and_resumed_run_gives_the_same_bytes(short, scene, addon, core, store, tmp_path):
    work = addon.generate.Generation(addon.slices.at_once(addon.generate.plan(scene, short)))
    while work.done < 3:
        work.update()
        time.sleep(0.01)
    work.cancel()
    with pytest.raises(core.errors.BendError) as raised:
        work.wait()
    assert raised.value.code == core.errors.Code.CANCELLED
    part = pictures(store)
    assert 3 <= len(part) < 12
    assert sum(len(name) == 68 for name in shown(short)) == work.done
    work = addon.generate.fill_store(scene, short)
    assert len(work.plan.missing) == 12 - len(part)
    whole = pictures(store)
    addon.preferences.preferences().frame_folder = str(tmp_path / "undisturbed")
    addon.generate.fill_store(scene, short)
    assert pictures(tmp_path / "undisturbed") == whole


def test_frames_appear_on_the_strip_while_the_engine_works(short, scene, addon):
    work = addon.generate.Generation(addon.slices.at_once(addon.generate.plan(scene, short)))
    seen = set()
    while work.running:
        work.update()
        seen.add(sum(len(name) == 68 for name in shown(short)))
        time.sleep(0.005)
    work.finish()
    assert seen >= {0, 12} and len(seen) > 4


def test_a_generation_by_hand_comes_from_rough_to_fine_from_the_playhead_on(short, scene, addon, monkeypatch):
    came, poll = [], addon.engine_request.Request.poll

    def watched(request):
        news = poll(request)
        came.extend(message.data["number"] for message in news if message.type == "frame")
        return news

    monkeypatch.setattr(addon.engine_request.Request, "poll", watched)
    scene.frame_set(3)
    work = addon.film_work.FilmWork(scene, short)
    while work.update():
        time.sleep(0.005)
    addon.activity.end()
    assert came == [3, 11, 7, 5, 9, 1, 4, 6, 8, 10, 12, 2]


def test_preview_frame_renders_the_current_frame_only(short, scene, store):
    scene.frame_set(4)
    assert bpy.ops.bend.preview_frame() == {"FINISHED"}
    assert len(pictures(store)) == 1
    assert [len(name) == 68 for name in shown(short)].index(True) == 3


def test_preview_frame_beside_the_strip_says_so(short, scene):
    scene.frame_set(50)
    assert not bpy.ops.bend.preview_frame.poll()


def test_frames_that_are_not_in_a_new_frame_folder_are_not_shown(short, scene, addon, tmp_path):
    addon.generate.fill_store(scene, short)
    short.bend_settings.seed += 1
    addon.preferences.preferences().frame_folder = str(tmp_path / "elsewhere")
    scene.frame_set(2)
    bpy.ops.bend.preview_frame()
    assert [len(name) == 68 for name in shown(short)] == [False, True] + [False] * 10


def test_frames_beside_a_saved_file_are_named_relative_to_it(short, scene, addon, tmp_path):
    (tmp_path / "film").mkdir()
    addon.preferences.preferences().frame_folder = ""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film" / "film.blend"))
    scene = bpy.context.scene
    strip = next(addon.strips.bend_strips(scene))
    addon.generate.fill_store(scene, strip, [1])
    assert strip.directory.startswith("//bend_frames")
    assert len(pictures(tmp_path / "film" / "bend_frames")) == 1


def test_saving_the_file_brings_its_frames_along(short, scene, addon, tmp_path):
    addon.preferences.preferences().frame_folder = ""
    addon.generate.fill_store(scene, short)
    for folder in ("film", "second version"):
        (tmp_path / folder).mkdir()
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / folder / "film.blend"))
        scene = bpy.context.scene
        strip = next(addon.strips.bend_strips(scene))
        work = addon.generate.fill_store(scene, strip)
        assert (work.plan.missing, work.rendered) == ([], 0)
        assert strip.directory.startswith("//bend_frames")
        assert len(pictures(tmp_path / folder / "bend_frames")) == 12


def test_after_save_as_a_render_of_single_frames_brings_each_of_them_along(short, scene, addon, tmp_path):
    addon.preferences.preferences().frame_folder = ""
    addon.generate.fill_store(scene, short)
    for folder in ("film", "second version", "third version"):
        (tmp_path / folder).mkdir()
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / folder / "film.blend"))
        scene = bpy.context.scene
        strip = next(addon.strips.bend_strips(scene))
        frames = {"film": [1, 2], "second version": [2], "third version": range(1, 13)}[folder]
        assert [addon.generate.fill_store(scene, strip, [frame]).rendered for frame in frames] == [0] * len(frames)


def test_another_size_keeps_the_picture_filling_the_frame(short, scene, addon):
    addon.generate.fill_store(scene, short, [1])
    before = 64 * short.transform.scale_x
    short.bend_settings.width = short.bend_settings.height = 128
    addon.generate.fill_store(scene, short, [1])
    assert 128 * short.transform.scale_x == pytest.approx(before)


def test_a_strip_deleted_while_it_is_generated_harms_nothing(short, scene, addon, store):
    work = addon.generate.Generation(addon.slices.at_once(addon.generate.plan(scene, short)))
    scene.sequence_editor.strips.remove(short)
    work.wait()
    assert len(pictures(store)) == 12


def test_a_wrong_site_names_the_nearest_right_one(short, scene, store):
    short.bend_settings.bends[0].site = "unet:mid_blok"
    with pytest.raises(RuntimeError, match="unet:mid_block"):
        bpy.ops.bend.generate()
    assert not pictures(store)


def test_an_unwritable_store_is_said(short, scene, addon, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    addon.preferences.preferences().frame_folder = str(tmp_path / "file" / "frames")
    with pytest.raises(RuntimeError, match="can't be written"):
        bpy.ops.bend.generate()


def test_the_work_is_counted_in_steps_and_timed_by_the_last_run(short, scene, addon, core):
    panel = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.film")
    addon.activity.seconds_per_state = None
    short.bend_settings.steps = 4
    short.bend_settings.bends[0].start = 0.5
    short.bend_settings.bends[0].end = 1.0
    plan = addon.slices.at_once(addon.generate.plan(scene, short))
    assert (len(plan.missing), plan.work.states) == (12, 2 + 12 * 2)
    known = addon.status.Status(scene.name, short.name, len(plan.keys), len(plan.missing), plan.work.states)
    assert panel.counts(known) == ["12 frames: 0 ready", "12 to render, 26 steps"]
    addon.generate.fill_store(scene, short, [1, 2, 3])
    assert addon.activity.seconds_per_state > 0
    addon.activity.seconds_per_state = 1.0
    plan = addon.slices.at_once(addon.generate.plan(scene, short))
    known = addon.status.Status(scene.name, short.name, len(plan.keys), len(plan.missing), plan.work.states)
    assert panel.counts(known) == ["12 frames: 3 ready", "9 to render, about 20 s"]


def test_a_plan_for_ten_thousand_frames_stays_in_slices(short, scene, addon):
    name = short.elements[0].filename
    while len(short.elements) < 10_000:
        short.elements.append(name)
    trim(short, 1, 10_001)
    short.bend_settings.walk_amount = 0.5
    slices, began = [], time.perf_counter()
    planning = addon.generate.plan(scene, short)
    with contextlib.suppress(StopIteration):
        while True:
            next(planning)
            slices.append(time.perf_counter() - began)
            began = time.perf_counter()
    assert len(slices) > 300
    assert sorted(slices)[-10] < 0.1
