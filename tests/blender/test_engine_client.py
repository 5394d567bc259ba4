"""The engine as seen from Blender: it starts, answers, dies, and nobody waits for ever."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time

import bpy
import pytest
from timeline import MODULE


@pytest.fixture
def client(store, addon):
    addon.engine_client.shut_down()
    addon.engine_client.forgive()
    yield addon.engine_client.client
    addon.engine_client.shut_down()


@pytest.fixture
def health():
    return importlib.import_module(f"{MODULE}.blender_bend.addon.process.health")


def test_the_engine_says_what_it_is(client):
    answer = client().request("hello").result()
    assert answer["pid"] == client().process.pid
    assert answer["diffusion"] and answer["audio"]


def test_one_engine_serves_all_requests(client):
    assert client() is client()


def test_a_killed_engine_ends_every_pending_request_with_the_cause(client, core):
    pending = [client().request("hello") for _ in range(3)]
    running = client()
    running.process.send_signal(signal.SIGSTOP)
    pending += [running.request("hello") for _ in range(3)]
    running.process.kill()
    for request in pending[3:]:
        with pytest.raises(core.errors.BendError, match="exit code -9") as raised:
            request.result()
        assert raised.value.code == core.errors.Code.ENGINE_DIED


def test_after_a_death_the_next_request_gets_a_new_engine(client):
    dead = client()
    dead.process.kill()
    dead.process.wait()
    assert client().request("hello").result()["pid"] != dead.process.pid


def test_a_request_to_a_dead_engine_ends(client, core):
    dead = client()
    dead.process.kill()
    dead.process.wait()
    time.sleep(0.2)
    with pytest.raises(core.errors.BendError):
        dead.request("hello").result()


def test_a_python_without_the_packages_is_named(client, addon, core, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    addon.preferences.preferences().engine_python = str(bare / "bin" / "python")
    with pytest.raises(core.errors.BendError, match="No module named 'numpy'"):
        client().request("hello").result()


def test_a_file_that_is_no_program_is_named(client, addon, core, tmp_path):
    (tmp_path / "python").write_text("not a program")
    addon.preferences.preferences().engine_python = str(tmp_path / "python")
    with pytest.raises(core.errors.BendError, match="can't be started"):
        client()


def test_check_engine_finds_a_sound_engine_well(client, health, addon, core):
    errors = core.errors
    addon.activity.end(errors.BendError(errors.Code.SETUP_FAILED, "pip failed.", "", "bend.set_up_engine"))
    assert bpy.ops.bend.check_engine() == {"FINISHED"}
    assert [finding for finding in health.found if finding.state == "problem"] == []
    assert any("Rendering a picture works" in finding.what for finding in health.found)
    assert addon.activity.last_failure is None


def test_check_engine_names_what_is_wrong_and_the_repair(client, addon, core, health, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    addon.preferences.preferences().engine_python = str(bare / "bin" / "python")
    addon.activity.end(core.errors.BendError(core.errors.Code.SETUP_FAILED, "pip failed."))
    assert bpy.ops.bend.check_engine() == {"FINISHED"}
    assert addon.activity.last_failure is not None
    addon.activity.dismiss()
    bad = [finding for finding in health.found if finding.state == "problem"]
    assert "Missing packages" in bad[0].what and bad[0].action == "bend.set_up_engine"


@pytest.mark.parametrize(
    ("code", "action", "stays"),
    [
        ("setup_failed", "bend.set_up_engine", False),
        ("engine_died", "", False),
        ("offline", "bend.set_up_engine", False),
        ("offline", "", True),
        ("model_missing", "bend.open_preferences", True),
        ("sound_silent", "", True),
    ],
)
def test_a_well_engine_ends_the_failures_of_the_engine_only(addon, core, code, action, stays):
    addon.activity.end(core.errors.BendError(core.errors.Code(code), "It failed.", "", action))
    addon.activity.engine_is_well()
    assert (addon.activity.last_failure is not None) == stays
    addon.activity.dismiss()


def test_shutting_down_leaves_no_process(client, addon):
    pid = client().process.pid
    client().request("hello").result()
    addon.engine_client.shut_down()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
