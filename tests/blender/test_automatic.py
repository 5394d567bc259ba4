"""Automatic precision: asked of the engine once, shown, and never the reason that finished frames are outdated."""

from __future__ import annotations

from dataclasses import replace

import bpy
import pytest
from timeline import trim


def machine(addon, core_speeds, **factors):
    """A machine on which precisions are so many times as fast as 32 bit."""
    seconds = {"float32": 1.0, "float16": 1 / factors["float16"], "bfloat16": 1 / factors["bfloat16"]}
    batched = dict.fromkeys(seconds, 1.0)
    return core_speeds.Speeds({}, "cpu", "it", seconds, batched, 32_000_000_000)


@pytest.fixture
def automatic(addon, scene):
    """Preferences as they come, on a machine that has not been measured."""
    preferences = addon.preferences.preferences()
    preferences.precision, preferences.batch = "auto", 0
    addon.automatic.forget()
    for file in addon.preferences.user_folder("studies").glob("speeds-*.json"):
        file.unlink()
    yield addon.automatic
    preferences.precision, preferences.batch = "float32", 1
    addon.automatic.forget()


@pytest.fixture
def on(automatic, addon):
    """Makes this machine one of other speeds."""

    def on(**factors):
        automatic.known_speeds[automatic.device_here()] = machine(addon, automatic.speeds, **factors)

    return on


@pytest.fixture
def short(bend_strip):
    """A bend strip of two frames, which differ."""
    trim(bend_strip, 1, 3)
    bend_strip.bend_settings.walk_amount = 1.0
    return bend_strip


def planned(scene, strip, addon, frames=None):
    return addon.slices.at_once(addon.generate.plan(scene, strip, frames))


FAST, SLOW = {"float16": 0.3, "bfloat16": 1.9}, {"float16": 1 / 66, "bfloat16": 1 / 38}


def test_the_engine_is_asked_once_and_its_answer_is_kept(automatic, short, scene, addon):
    assert automatic.known() is None and "measured before" in automatic.summary()
    made = addon.generate.fill_store(scene, short)
    known = automatic.known()
    assert known is not None and made.plan.job.precision == known.precision()
    assert not automatic.uncertain()
    automatic.forget()
    assert automatic.known() == known, "it is read from the disk"
    assert automatic.uncertain(), "and confirmed before the next frames are made"
    assert planned(scene, short, addon).missing == []


def test_frames_that_are_there_need_no_engine_and_no_measuring(automatic, on, short, scene, addon, tmp_path):
    on(**FAST)
    addon.generate.fill_store(scene, short)
    automatic.forget()
    addon.engine_client.shut_down()
    addon.preferences.preferences().engine_python = str(tmp_path / "gone")
    done = addon.generate.fill_store(scene, short)
    assert done.rendered == 0 and done.plan.missing == [] and automatic.known() is None
    addon.preferences.preferences().engine_python = ""


def test_looking_at_a_strip_starts_no_engine(automatic, short, scene, addon):
    addon.engine_client.shut_down()
    assert planned(scene, short, addon).job.precision == "float32"
    assert not addon.engine_client.running()


def test_frames_stay_ready_on_a_machine_that_would_choose_another_precision(on, automatic, short, scene, addon):
    on(**FAST)
    first = addon.generate.fill_store(scene, short, [1])
    assert first.plan.job.precision == "bfloat16"
    on(**SLOW)
    after = planned(scene, short, addon)
    assert (after.missing, after.job.precision) == ([2], "bfloat16"), "one film has one precision"
    assert after.keys[1] == first.plan.keys[1]
    assert automatic.slow(after.job.precision) == "bfloat16 is 38 × as slow as 32 bit on this CPU"
    assert automatic.keeps(after.job)


def test_where_none_of_its_frames_is_left_the_machine_chooses(on, short, scene, addon):
    on(**FAST)
    addon.generate.fill_store(scene, short)
    on(**SLOW)
    short.bend_settings.seed += 1
    assert planned(scene, short, addon).job.precision == "float32"


def test_a_button_lets_the_machine_choose(on, short, scene, addon):
    on(**FAST)
    addon.generate.fill_store(scene, short, [1])
    on(**SLOW)
    assert bpy.ops.bend.forget_precision() == {"FINISHED"}
    after = planned(scene, short, addon)
    assert (after.missing, after.job.precision) == ([1, 2], "float32")


def test_frames_of_a_chosen_precision_stay_when_it_becomes_automatic(on, short, scene, addon):
    on(**FAST)
    preferences = addon.preferences.preferences()
    preferences.precision = "float32"
    addon.generate.fill_store(scene, short, [1])
    preferences.precision = "auto"
    after = planned(scene, short, addon)
    assert (after.missing, after.job.precision) == ([2], "float32")


def test_an_explicit_precision_is_not_changed_by_what_the_strip_remembers(on, short, scene, addon):
    on(**FAST)
    addon.generate.fill_store(scene, short)
    addon.preferences.preferences().precision = "float32"
    after = planned(scene, short, addon)
    assert (after.missing, after.job.precision) == ([1, 2], "float32")


def test_frames_that_were_decoded_in_tiles_stay_after_a_restart(on, short, scene, addon, core, automatic):
    on(**SLOW)
    settings = short.bend_settings
    settings.width = settings.height = 128
    plan = planned(scene, short, addon, [1])
    tiled = replace(plan.job, decode="tiled")
    plan.remember(core.ways.way_of(tiled))
    generation = addon.generate.Generation(replace(plan, job=tiled))
    generation.wait()
    after = planned(scene, short, addon)
    assert (after.missing, after.job.decode) == ([2], "whole"), "memory may suffice by now"


def test_frames_in_every_remembered_way_count_as_used(on, short, scene, addon):
    on(**FAST)
    addon.generate.fill_store(scene, short)
    frames = {path.name for path in addon.preferences.frame_folder().glob("*.png") if len(path.stem) == 64}
    on(**SLOW)
    used = addon.slices.at_once(addon.frame_use.planned(scene, short.name))
    assert len(frames) == 2 and frames <= used


def test_the_preferences_say_what_automatic_means_and_what_is_slow(on, automatic):
    on(**FAST)
    assert automatic.summary() == "Automatic: bfloat16, 1.9 × as fast as 32 bit on this CPU"
    on(**SLOW)
    assert automatic.slow("float16") == "16 bit is 66 × as slow as 32 bit on this CPU"
    assert automatic.slow("float32") == ""


def test_a_picture_that_does_not_fit_is_said_to_before_it_is_made(on, automatic, short, scene, addon):
    on(**FAST)
    place = automatic.device_here()
    automatic.known_speeds[place] = replace(automatic.known_speeds[place], memory=60_000_000)
    short.bend_settings.width = short.bend_settings.height = 1024
    advice = automatic.advice(planned(scene, short, addon).job)
    assert not advice.fits
    lines = advice.lines()
    assert lines[0].startswith("Needs about") and "this machine has 0.1 GB" in lines[0]


def test_where_the_way_is_open_all_frames_are_looked_for_before_the_engine_begins(on, short, scene, addon, monkeypatch):
    monkeypatch.setattr(addon.snapshot, "SLICE", 1)
    for name in ("FIRST", "SLICE"):
        monkeypatch.setattr(addon.planning, name, 1)
    on(**FAST)
    made = addon.generate.fill_store(scene, short).plan
    files = {number: made.store / f"{key}.png" for number, key in made.keys.items()}
    on(**SLOW)
    files[1].unlink()
    plan = addon.slices.at_once(addon.planning.begin(scene, short))
    assert (plan.missing, plan.job.precision, plan.rest) == ([1], made.job.precision, None), "the second keeps its way"
    files[2].unlink()
    plan = addon.slices.at_once(addon.planning.begin(scene, short))
    assert (plan.missing, plan.job.precision, plan.unknown) == ([1], "float32", 1), "none keeps it"
    rest = addon.slices.at_once(plan.rest)
    assert (rest.missing, rest.job.precision, rest.rest) == ([2], "float32", None)


@pytest.mark.parametrize("source", ["noise", "previous"])
def test_where_the_way_is_open_but_no_frame_can_be_there_the_engine_begins_at_once(
    on, short, scene, addon, monkeypatch, source
):
    monkeypatch.setattr(addon.stored, "FEW", 0)
    monkeypatch.setattr(addon.snapshot, "SLICE", 1)
    for name in ("FIRST", "SLICE"):
        monkeypatch.setattr(addon.planning, name, 1)
    on(**FAST)
    short.bend_settings.source = source
    made = addon.generate.fill_store(scene, short).plan
    on(**SLOW)
    for key in made.keys.values():
        (made.store / f"{key}.png").unlink()
    plan = addon.slices.at_once(addon.planning.begin(scene, short))
    assert (plan.missing, plan.job.precision, plan.unknown) == ([1], "float32", len(made.keys) - 1)
    rest = addon.slices.at_once(plan.rest)
    assert [*plan.missing, *rest.missing] == list(made.keys)


def test_a_chain_is_looked_through_no_further_than_its_way_is_open(on, short, scene, addon, monkeypatch):
    looked, look = [], addon.searching.Search.look
    monkeypatch.setattr(addon.snapshot, "SLICE", 1)
    on(**FAST)
    short.bend_settings.source = "previous"
    made = addon.generate.fill_store(scene, short).plan
    on(**SLOW)
    monkeypatch.setattr(
        addon.searching.Search, "look", lambda search, frames: looked.append(frames) or look(search, frames)
    )
    plan = addon.slices.at_once(addon.generate.plan(scene, short))
    assert plan.missing == [] and plan.job.precision == made.job.precision
    assert len(looked) == len(made.keys) + 1, "one link that is there, and then every one"
