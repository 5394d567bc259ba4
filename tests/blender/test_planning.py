"""A film is planned part by part: the engine begins with the first, and little is kept of every frame."""

from __future__ import annotations

import errno
import gc
import hashlib
import importlib
import os
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from timeline import MODULE


def pictures(store: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in store.glob("*.png") if len(p.stem) == 64}


def shown(strip):
    return [element.filename for element in strip.elements[:12]]


@pytest.fixture(params=["film", "chain", "driven", "driven chain"])
def kind(request, parted, scene, addon):
    """A kind of film, which the strip is then: of links, played, both, or neither."""
    if "chain" in request.param:
        parted.bend_settings.source = "previous"
    if "driven" in request.param:
        path = addon.strips.data_path(parted, parted.bend_settings.bends[0].parameters["mix"].key)
        scene.driver_add(path).driver.expression = "0.5 + frame / 100"
    return request.param


@pytest.fixture
def parted(short, addon, monkeypatch):
    """A strip of twelve frames of which four are read and two planned at a time; the engine may begin with four."""
    monkeypatch.setattr(addon.snapshot, "SLICE", 2)
    monkeypatch.setattr(addon.snapshot, "PIECE", 4)
    monkeypatch.setattr(addon.planning, "FIRST", 4)
    return short


def begun(scene, strip, addon):
    """What Generate has planned when the engine begins."""
    return addon.slices.at_once(addon.generate.prepare(scene, strip))


def finish(work):
    """Go on as the window does."""
    while work.running:
        work.update()
        time.sleep(0.002)
    work.finish()


def test_the_engine_begins_before_the_film_is_planned(parted, scene, store, addon):
    plan = begun(scene, parted, addon)
    assert (plan.missing, list(plan.keys), plan.unknown) == ([1, 2, 3, 4], [1, 2, 3, 4], 8)
    work = addon.generate.Generation(plan)
    assert work.request is not None and work.total == 12
    finish(work)
    assert (work.done, work.rendered, work.total, work.frames) == (12, 12, 12, 12)
    made = pictures(store)
    whole = addon.slices.at_once(addon.generate.plan(scene, parted))
    assert whole.missing == [] and shown(parted) == [f"{key}.png" for key in whole.keys.values()]
    for name in made:
        (store / name).unlink()
    assert addon.generate.fill_store(scene, parted).rendered == 12
    assert pictures(store) == made


def test_it_begins_where_something_is_missing(parted, scene, addon):
    addon.generate.fill_store(scene, parted, [1, 2, 3, 4, 5, 6, 8, 11])
    plan = begun(scene, parted, addon)
    assert (plan.missing, list(plan.there), plan.unknown) == ([7], [1, 2, 3, 4, 5, 6, 8], 4)
    work = addon.generate.Generation(plan)
    finish(work)
    assert (work.rendered, work.frames) == (4, 12)
    assert {len(name) for name in shown(parted)} == {68}


def test_of_a_film_that_is_there_nothing_is_left_to_be_planned(parted, scene, addon):
    addon.generate.fill_store(scene, parted)
    plan = begun(scene, parted, addon)
    assert plan.rest is None and plan.unknown == 0 and len(plan.there) == 12


def test_who_waits_plans_the_rest_too(parted, scene, store, addon):
    work = addon.generate.Generation(begun(scene, parted, addon))
    work.wait()
    assert (work.done, work.frames, len(pictures(store))) == (12, 12, 12)


def test_the_first_part_of_any_film_is_all_that_is_read_before_the_engine_begins(
    parted, scene, addon, kind, monkeypatch
):
    read, frame = [], addon.snapshot.Film.frame
    monkeypatch.setattr(addon.snapshot.Film, "frame", lambda film, *of: read.append(of[0]) or frame(film, *of))
    plan = begun(scene, parted, addon)
    assert read == list(plan.keys) == plan.missing == [1, 2, 3, 4] and plan.unknown == 8


def test_any_film_in_parts_is_the_film_as_a_whole(parted, scene, store, addon, kind):
    whole = addon.generate.fill_store(scene, parted).plan
    made, names = pictures(store), shown(parted)
    assert whole.rest is None and len(made) == 12
    for name in made:
        (store / name).unlink()
    work = addon.generate.Generation(begun(scene, parted, addon))
    finish(work)
    assert (work.done, work.rendered, work.total, work.frames) == (12, 12, 12, 12)
    assert pictures(store) == made and shown(parted) == names


def test_a_strip_that_is_gone_before_all_is_planned_ends_it_with_the_reason(parted, scene, store, addon, core):
    work = addon.generate.Generation(begun(scene, parted, addon))
    scene.sequence_editor.strips.remove(parted)
    with pytest.raises(core.errors.BendError) as caught:
        finish(work)
    assert caught.value.code == core.errors.Code.STRIP_MISSING
    assert work.request.ended and len(pictures(store)) <= 4


def test_cancelling_before_all_is_planned_leaves_the_rest(parted, scene, store, addon, core, kind):
    work = addon.generate.Generation(begun(scene, parted, addon))
    work.cancel()
    with pytest.raises(core.errors.BendError) as caught:
        finish(work)
    assert caught.value.code == core.errors.Code.CANCELLED
    assert len(pictures(store)) <= 4 and len(work.plans) == 1
    assert addon.generate.fill_store(scene, parted).rendered == 12 - len(work.made)


def test_a_half_made_chain_goes_on_where_it_ended_and_leaves_what_is_there(parted, scene, store, addon):
    parted.bend_settings.source = "previous"
    whole = addon.generate.fill_store(scene, parted).plan
    made = pictures(store)
    for number in range(7, 13):
        (store / f"{whole.keys[number]}.png").unlink()
    there = {path: path.stat().st_mtime_ns for path in store.glob("*.png")}
    plan = begun(scene, parted, addon)
    assert (plan.missing, list(plan.there), plan.unknown) == ([7, 8], [1, 2, 3, 4, 5, 6], 4)
    assert [bool(frame.previous) for frame in plan.job.frames] == [True, False], "what is made with it needs no key"
    work = addon.generate.Generation(plan)
    finish(work)
    assert (work.rendered, pictures(store)) == (6, made)
    assert {path: path.stat().st_mtime_ns for path in there} == there


def test_a_curve_that_is_moved_while_a_chain_is_planned_gives_no_wrong_frame(parted, scene, store, addon, core, curve):
    parted.bend_settings.source = "previous"
    work = addon.generate.Generation(begun(scene, parted, addon))
    keys = curve(parted, "Rotate Channels · angle").keyframe_points
    keys[2].co.y, keys[9].co.y = 3.0, 4.0  # of one frame that is planned, and of one that is not
    finish(work)
    for path in store.glob("*.png"):
        if len(path.stem) == 64:
            assert core.resolve.frame_key(core.stored_frames.read_origin(path)) == path.stem
    now = addon.slices.at_once(addon.generate.plan(scene, parted))
    assert now.missing == list(range(3, 13)), "the third is another frame, and so are all that follow from it"
    assert shown(parted)[:2] == [f"{now.keys[number]}.png" for number in (1, 2)]
    assert not {f"{key}.png" for key in made_keys(work)}.intersection(shown(parted)[2:])
    assert addon.generate.fill_store(scene, parted).rendered == 10
    assert shown(parted) == [f"{key}.png" for key in now.keys.values()]


def made_keys(work):
    """The keys of the frames that came."""
    return work.made.values()


def test_what_must_be_played_waits_while_blender_renders(parted, scene, addon, monkeypatch):
    path = addon.strips.data_path(parted, parted.bend_settings.bends[0].parameters["mix"].key)
    scene.driver_add(path).driver.expression = "0.5 + frame / 100"
    work = addon.generate.Generation(begun(scene, parted, addon))
    rendering, played = [True], []
    monkeypatch.setattr(addon.activity, "renders", lambda: rendering[0])
    monkeypatch.setattr(
        addon.curve_values,
        "playing",
        lambda scene, play=addon.curve_values.playing: played.append(scene) or play(scene),
    )
    while not work.request.ended:
        work.update()
        time.sleep(0.002)
    work.update()
    assert work.running and played == []
    rendering[0] = False
    finish(work)
    assert work.rendered == 12


def test_after_a_failure_the_rest_is_not_begun(parted, scene, store, addon, core):
    plan = begun(scene, parted, addon)
    work = addon.generate.Generation(replace(plan, job=replace(plan.job, model=str(store / "no model"))))
    first = work.request
    with pytest.raises(core.errors.BendError) as caught:
        finish(work)
    assert caught.value.code == core.errors.Code.MODEL_INVALID or "model" in caught.value.message
    assert work.request is first and pictures(store) == {}


def test_the_rest_is_made_in_the_way_in_which_the_first_part_had_to_be(parted, scene, store, addon, core, monkeypatch):
    way = core.ways.Way("float32", 2)
    monkeypatch.setattr(addon.memory_fit, "fitting", lambda job: way)
    addon.preferences.preferences().batch = 4
    plan = begun(scene, parted, addon)
    work = addon.generate.Generation(replace(plan, job=replace(plan.job, batch=4)))
    finish(work)
    assert core.ways.way_of(work.current.job) == way
    assert core.ways.read(parted.bend_settings.made)[-1] == way
    assert len(pictures(store)) == 12 and set(shown(parted)) == set(pictures(store))


def test_a_chain_of_which_a_part_had_to_be_decoded_in_tiles_is_one_in_tiles(
    parted, scene, store, addon, core, monkeypatch
):
    parted.bend_settings.source = "previous"
    parted.bend_settings.width = parted.bend_settings.height = 128
    way = core.ways.Way("float32", 1, "tiled")
    plan = begun(scene, parted, addon)
    monkeypatch.setattr(addon.memory_fit, "fitting", lambda job: way)
    work = addon.generate.Generation(replace(plan, job=replace(plan.job, decode="tiled")))
    finish(work)
    assert (work.rendered, work.frames, work.done, work.total) == (12, 12, 12, 12)
    assert core.ways.way_of(work.current.job) == way
    now = addon.slices.at_once(addon.generate.plan(scene, parted))
    assert now.missing == [] and now.job.decode == "tiled"
    assert set(shown(parted)) == set(pictures(store)) == {f"{key}.png" for key in now.keys.values()}


def test_a_chain_that_is_there_in_another_way_is_resolved_once_in_each(parted, scene, addon, core, monkeypatch):
    parted.bend_settings.source = "previous"
    parted.bend_settings.width = parted.bend_settings.height = 128
    way = core.ways.Way("float32", 1, "tiled")
    plan = begun(scene, parted, addon)
    monkeypatch.setattr(addon.memory_fit, "fitting", lambda job: way)
    finish(addon.generate.Generation(replace(plan, job=replace(plan.job, decode="tiled"))))
    monkeypatch.setattr(addon.memory_fit, "fitting", lambda job: core.ways.way_of(job))
    resolved, resolve = [], core.resolve.Resolver.resolve
    monkeypatch.setattr(
        core.resolve.Resolver, "resolve", lambda self, frame: resolved.append(self.job.decode) or resolve(self, frame)
    )
    now = addon.slices.at_once(addon.generate.plan(scene, parted))
    assert now.missing == [] and now.job.decode == "tiled"
    assert [resolved.count(decode) for decode in ("whole", "tiled")] == [12, 12]


def test_what_is_there_is_not_shown_at_one_go(parted, scene, addon, monkeypatch):
    addon.generate.fill_store(scene, parted, range(1, 12))
    plan, told = begun(scene, parted, addon), []
    monkeypatch.setattr(addon.strips, "show", lambda *given: told.append(given))
    work = addon.generate.Generation(plan)
    assert told == []
    work.cancel()


@pytest.fixture
def long_film(scene, store, addon, core):
    """A film of 1,000 frames with ten bends that move."""
    strip = addon.strips.create(scene, "Bend", 1, 1001, (64, 64), store)
    for _ in range(10):
        bend = addon.stack.add_bend(strip, "rotate_channels")
        curve = addon.compat.ensure_fcurve(
            scene, addon.strips.data_path(strip, bend.parameters["angle"].key), strip.name
        )
        values = np.sin(np.arange(1000) / 9 + len(strip.bend_settings.bends))
        addon.keys.write_keys(curve, addon.keys.table_of(core.keys.dense(values, 1)))
    return strip


def test_a_plan_keeps_little_of_every_frame(scene, long_film, addon):
    addon.slices.at_once(addon.generate.plan(scene, long_film, range(1, 50)))
    gc.collect()
    before = len(gc.get_objects())
    tracemalloc.start()
    try:
        plan = addon.slices.at_once(addon.generate.plan(scene, long_film))
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    gc.collect()
    assert len(plan.missing) == 1000
    assert kept / 1000 < 1500, "bytes a frame: a block that is not full is not packed yet"
    assert most < kept + 4e6
    assert len(gc.get_objects()) - before < 1500, "one object a frame would be 1,000; frames that are not packed 12,000"


def test_so_little_lives_between_two_slices_that_nothing_is_collected(scene, long_film, addon):
    """Collecting garbage takes longer than a slice, and begins when many objects have come to live."""
    addon.slices.at_once(addon.generate.plan(scene, long_film, range(1, 50)))
    planning, most = addon.generate.plan(scene, long_film), 0
    gc.collect()
    gc.disable()
    try:
        for _ in planning:
            most = max(most, gc.get_count()[0])
    finally:
        gc.enable()
    assert most < 2000


def listed(addon, folder, frames=100):
    stored = addon.stored.Stored(folder, frames)
    slices = sum(1 for _ in stored.look())
    return stored, slices


KEYS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(7)]


def test_a_store_is_listed_in_slices(addon, tmp_path, monkeypatch):
    monkeypatch.setattr(addon.stored, "SLICE", 2)
    for key in KEYS[:5]:
        (tmp_path / f"{key}.png").touch()
    for name in ("not-rendered-64x64.png", f"{KEYS[5]}.jpg", f"{KEYS[5]}x.png", f"{KEYS[5].upper()}.png"):
        (tmp_path / name).touch()
    stored, slices = listed(addon, tmp_path)
    assert slices == 4
    assert [stored.has(key) for key in KEYS] == [True] * 5 + [False] * 2
    (tmp_path / f"{KEYS[6]}.png").touch()
    assert not stored.has(KEYS[6]) and stored.look_for(KEYS[5:]) == {KEYS[5]} and stored.has(KEYS[6])


def test_a_few_frames_are_looked_for_one_by_one(addon, tmp_path):
    stored, slices = listed(addon, tmp_path, addon.stored.FEW)
    (tmp_path / f"{KEYS[0]}.png").touch()
    assert slices == 0 and stored.has(KEYS[0]) and not stored.has(KEYS[1])


def test_a_store_that_is_not_there_has_nothing(addon, tmp_path):
    stored, _ = listed(addon, tmp_path / "nothing")
    assert not stored.has(KEYS[0])


def test_a_network_that_loses_sight_of_a_store_is_asked_again(addon, tmp_path, monkeypatch):
    (tmp_path / f"{KEYS[0]}.png").touch()
    look, lost = os.scandir, [OSError(errno.ESTALE, "stale")]

    def scandir(folder):
        if lost:
            raise lost.pop()
        return look(folder)

    monkeypatch.setattr(addon.stored.os, "scandir", scandir)
    stored, _ = listed(addon, tmp_path)
    assert stored.has(KEYS[0])


def test_the_button_follows_what_is_not_planned_to_its_end_yet(parted, addon):
    module, said, totals = importlib.import_module(f"{MODULE}.blender_bend.addon.operators.generate"), [], set()
    own = {"frames": lambda self, context: None, "report": lambda self, kind, text: said.append(text)}
    button = type("Button", (module.Generating,), own)()
    button.start(bpy.context)
    while button.update():
        totals.add(addon.activity.current.total)
        time.sleep(0.002)
    button.finish()
    addon.activity.end()
    assert said == ["12 frames ready, 12 newly rendered"] and totals - {0} == {
        12
    }  # 0 while it plans, if anybody looks in time
    assert {len(name) for name in shown(parted)} == {68}
