"""Models of the hub in Blender: downloaded, used, deleted; a small hub runs in this test."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import bpy
import pytest
from hub_server import TOKEN, Hub, Model
from timeline import MODULE, ROOT

MINI = ROOT / "blender_bend" / "models" / "mini"


@pytest.fixture
def hub(store, tmp_path, monkeypatch):
    """A hub that has mini under another name, and an empty cache."""
    files = {file.relative_to(MINI).as_posix(): file.read_bytes() for file in MINI.rglob("*") if file.is_file()}
    server = Hub({"owner/painter": Model(files), "owner/gated": Model(files, gated=True)})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in [name for name in os.environ if name.startswith("HF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hugging face"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    system = bpy.context.preferences.system
    before, system.use_online_access = system.use_online_access, True
    yield server
    system.use_online_access = before
    server.shutdown()


@pytest.fixture
def library(hub):
    module = importlib.import_module(f"{MODULE}.blender_bend.addon.host.model_list")
    module.stored(fresh=True)
    yield module
    module.stored(fresh=True)


def row(library, name):
    library.stored(fresh=True)
    return next((row for row in library.rows() if row.name == name), None)


def test_a_model_of_the_strip_is_downloaded_used_and_deleted(library, bend_strip, scene, addon, core, store):
    bend_strip.bend_settings.model = "owner/painter"
    with pytest.raises(core.errors.BendError) as raised:
        addon.snapshot.take(scene, bend_strip, [1])
    assert raised.value.code == core.errors.Code.MODEL_MISSING
    assert raised.value.action == "bend.download_model"
    assert bpy.ops.bend.download_model() == {"FINISHED"}
    assert row(library, "owner/painter").whole
    assert addon.generate.fill_store(scene, bend_strip, [1]).rendered == 1
    listed = [name for name, _ in addon.suggestions.models(None, bpy.context, "")]
    assert listed[:2] == ["mini", "owner/painter"]

    assert bpy.ops.bend.delete_model(model="owner/painter") == {"FINISHED"}
    assert row(library, "owner/painter") is None
    with pytest.raises(RuntimeError, match="couldn't be deleted"):
        bpy.ops.bend.delete_model(model="owner/painter")


def test_a_download_that_is_cancelled_is_kept_and_goes_on(library, hub, addon, core):
    hub.models["owner/painter"].rate = 3 << 20
    downloads = importlib.import_module(f"{MODULE}.blender_bend.addon.process.model_library")
    run = downloads.download("owner/painter")
    while not run.shown.bytes:
        run.tick()
    assert 0 < run.shown.fraction < 1 and " of " in run.shown.text()
    assert bpy.ops.bend.cancel() == {"FINISHED"}
    run.tick()
    with pytest.raises(core.errors.BendError) as raised:
        run.wait()
    assert raised.value.code == core.errors.Code.CANCELLED
    assert addon.activity.current is None and addon.activity.last_failure is None
    begun = row(library, "owner/painter")
    assert not begun.whole and begun.here.missing
    hub.models["owner/painter"].rate = 0
    assert bpy.ops.bend.download_model(model="owner/painter") == {"FINISHED"}
    assert row(library, "owner/painter").whole


def test_a_gated_model_says_so_and_comes_with_a_token_that_bend_does_not_keep(library, addon, core, tmp_path):
    with pytest.raises(RuntimeError, match="must accept its license"):
        bpy.ops.bend.download_model(model="owner/gated")
    failure = addon.activity.last_failure
    assert (failure.code, failure.action) == (core.errors.Code.MODEL_GATED, "bend.log_in")
    with pytest.raises(RuntimeError, match="rejected this token"):
        bpy.ops.bend.log_in(token="hf_wrong")
    assert bpy.ops.bend.log_in(token=f" {TOKEN}\n") == {"FINISHED"}
    assert core_hub(core).has_token()
    assert bpy.ops.bend.download_model(model="owner/gated") == {"FINISHED"}
    assert row(library, "owner/gated").whole
    kept = [file for file in Path(bpy.utils.resource_path("USER")).rglob("*") if file.is_file()]
    assert not any(TOKEN.encode() in file.read_bytes() for file in kept)
    assert bpy.ops.bend.log_out() == {"FINISHED"}
    assert not core_hub(core).has_token()


def core_hub(core):
    return sys.modules[f"{MODULE}.blender_bend.core.models.hub_cache"]


def test_a_name_that_is_no_hub_id_is_refused(library):
    with pytest.raises(RuntimeError, match="isn't a Hugging Face model ID"):
        bpy.ops.bend.download_model(model="mini")


def test_without_online_access_nothing_is_asked(library, hub, core):
    bpy.context.preferences.system.use_online_access = False
    if bpy.app.online_access:
        pytest.skip("this Blender was started with online access")
    assert not bpy.ops.bend.download_model.poll()
    downloads = importlib.import_module(f"{MODULE}.blender_bend.addon.process.model_library")
    with pytest.raises(core.errors.BendError) as raised:
        downloads.download("owner/painter")
    assert raised.value.code == core.errors.Code.OFFLINE


def test_the_list_shows_the_known_models_first(library):
    rows = library.rows()
    assert [row.name for row in rows[:2]] == ["stabilityai/sd-turbo", "stable-diffusion-v1-5/stable-diffusion-v1-5"]
    assert not any(row.here for row in rows)


def test_an_engine_without_the_packages_for_pictures_is_named(library, addon, core, tmp_path):
    """The engine was set up for sound only: there is no huggingface_hub."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    addon.preferences.preferences().engine_python = str(tmp_path / "bare" / "bin" / "python")
    with pytest.raises(RuntimeError, match="stopped"):
        bpy.ops.bend.download_model(model="owner/painter")
    failure = addon.activity.last_failure
    assert (failure.code, failure.action) == (core.errors.Code.ENGINE_DIED, "bend.set_up_engine")
    assert "A package is missing" in failure.message and "huggingface_hub" in failure.message
    addon.preferences.preferences().engine_python = ""
