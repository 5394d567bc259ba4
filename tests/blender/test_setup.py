"""Set Up in Blender: refusals that say why, and a set-up engine that is then used."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import bpy
import pytest
from processes import resident_bytes
from timeline import MODULE

WHEELS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bend-tests" / "wheels"


@pytest.fixture
def setup(store):
    module = importlib.import_module(f"{MODULE}.blender_bend.addon.process.engine_setup")
    yield module
    module.remove().wait()


def refusal(setup, core, **wish):
    """What is said when a wish cannot be met."""
    with pytest.raises(core.errors.BendError) as raised:
        setup.start(setup.Wish(**wish))
    assert raised.value.hint and raised.value.action == "bend.set_up_engine"
    return raised.value


def test_without_online_access_it_is_refused_and_says_why(setup, core, monkeypatch):
    bpy.context.preferences.system.use_online_access = False
    if bpy.app.online_access:
        pytest.skip("this Blender was started with online access")
    error = refusal(setup, core)
    assert error.code == core.errors.Code.OFFLINE and "Online Access" in error.hint


def test_a_file_that_is_no_python_is_named(setup, core, tmp_path):
    (tmp_path / "python").write_text("no")
    assert refusal(setup, core, python=str(tmp_path / "python")).code == core.errors.Code.PYTHON_UNFIT


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_python_that_fails_is_quoted(setup, core, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho \"No module named 'ensurepip' in $HOME/x\" >&2; exit 1\n")
    program.chmod(0o755)
    error = refusal(setup, core, python=str(program))
    assert error.code == core.errors.Code.PYTHON_UNFIT and "No module named 'ensurepip' in ~/x" in error.message


def test_a_folder_that_lacks_wheels_is_named(setup, core, tmp_path):
    error = refusal(setup, core, tier="audio", wheels=str(tmp_path))
    assert "audioread" in error.message


def test_the_engine_runs_in_what_was_set_up(setup, addon, tmp_path):
    """The record decides; a record whose Python is gone counts as none."""
    before = addon.preferences.engine_python()
    folder = setup.base() / "environment-test"
    python = setup.environment.interpreter(folder)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    setup.Record("environment-test", "3.11.7", "audio", "", "old", 1).write(setup.base())
    assert addon.preferences.engine_python() == python
    assert setup.is_outdated(setup.installed())
    python.unlink()
    assert addon.preferences.engine_python() == before


def test_the_report_says_where_it_ran_and_keeps_the_home_folder_private(setup):
    text = setup.report()
    assert bpy.app.version_string in text and str(Path.home()) not in text


def test_of_a_long_log_the_report_reads_the_end_and_nothing_private_that_was_cut(setup):
    log, line = setup.log_file(), f"from {Path.home()}/film with hf_{'secret' * 3}\n"
    lines = line * (2 * setup.REPORTED_BYTES // len(line))
    for shift in range(len(line)):
        log.write_text("x" * shift + lines + "done\n")
        text = setup.report()
        assert text.endswith("hf_…\ndone") and "secret" not in text
    log.unlink()
    with log.open("wb") as file:
        file.truncate(1 << 32)
        file.seek(0, 2)
        file.write(b"\nthe end\n")
    before = resident_bytes()
    assert setup.report().endswith("the end")
    assert resident_bytes() - before < 64 * 2**20
    log.unlink()


@pytest.mark.skipif(os.environ.get("BEND_TEST_ALL") != "1", reason="the engine's tests set it up for real")
def test_the_button_sets_the_audio_tier_up(setup, addon):
    assert bpy.ops.bend.set_up_engine(tier="audio", wheels=str(WHEELS)) == {"FINISHED"}
    assert setup.installed().tier == "audio"
    assert addon.preferences.engine_python() == setup.installed().interpreter(setup.base())
    assert addon.activity.current is None
