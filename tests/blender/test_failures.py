"""Failures that only Blender's side can meet, each with its code and its repair."""

from __future__ import annotations

import tempfile

import bpy
import pytest
from timeline import trim


@pytest.fixture
def fails(core):
    """Carries something out that fails; the error."""

    def fails(work, *arguments):
        with pytest.raises(core.errors.BendError) as raised:
            work(*arguments)
        assert raised.value.message.endswith(".") and raised.value.hint
        return raised.value

    return fails


def test_a_named_python_that_is_not_there_leads_to_the_preferences(addon, core, fails, store, tmp_path):
    addon.preferences.preferences().engine_python = str(tmp_path / "nowhere" / "python")
    error = fails(addon.engine_client.client)
    assert (error.code, error.action) == (core.errors.Code.ENGINE_MISSING, "bend.open_preferences")
    addon.preferences.preferences().engine_python = ""


def test_without_any_engine_the_set_up_is_offered(addon, core, fails, store, monkeypatch):
    monkeypatch.setattr(addon.preferences, "beside_the_extension", lambda: None)
    error = fails(addon.preferences.engine_python)
    assert (error.code, error.action) == (core.errors.Code.ENGINE_MISSING, "bend.set_up_engine")


def test_a_timeline_without_sound_is_said(addon, core, fails, scene, store):
    strip = addon.strips.create(scene, "Bend", 1, 10, (64, 64), store)
    assert fails(addon.mixdown.chosen_sounds, scene, strip).code == core.errors.Code.SOUND_NONE


def test_nothing_below_a_strip_is_said(addon, core, fails, scene, store):
    strip = addon.strips.create(scene, "Bend", 1, 10, (64, 64), store)
    strip.bend_settings.source = "pictures"
    assert fails(addon.capture.Capture, scene, strip).code == core.errors.Code.STRIP_MISSING


def test_a_strip_as_its_own_mask_is_refused(addon, core, fails, bend_strip):
    bend = bend_strip.bend_settings.bends[0]
    bend.region, bend.mask_strip = "mask", bend_strip.name
    assert fails(addon.capture.targets, bend_strip).code == core.errors.Code.STRIP_MISSING


def test_what_nobody_foresaw_is_shown_with_the_log(addon, core):
    error = addon.activity.unexpected(ZeroDivisionError("division by zero"))
    assert (error.code, error.action) == (core.errors.Code.INTERNAL, "bend.show_log")
    assert "ZeroDivisionError" in error.message
    assert hasattr(bpy.ops.bend, "show_log")


def test_a_job_that_cannot_be_written_down_is_said_and_nothing_is_left_running(
    addon, core, fails, scene, bend_strip, tmp_path, monkeypatch
):
    """The folder for passing files is a file, as on a machine whose disk for them is broken or full."""
    trim(bend_strip, 1, 3)
    (tmp_path / "temporary").write_text("no folder")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    error = fails(addon.generate.fill_store, scene, bend_strip)
    assert (error.code, error.action) == (core.errors.Code.STORE_UNWRITABLE, "bend.open_preferences")
    assert str(tmp_path / "temporary") in error.message
    for operator in (bpy.ops.bend.generate, bpy.ops.bend.bake):
        with pytest.raises(RuntimeError, match="can't be written"):
            operator()
        assert addon.activity.current is None
    monkeypatch.undo()
    assert addon.generate.fill_store(scene, bend_strip).rendered > 0, "the engine takes the next job"
