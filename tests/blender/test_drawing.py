"""What panels and preferences draw: short words, and only what Blender knows."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import bpy
import pytest
from drawing import Layout
from timeline import MODULE, trim

WIDEST = 44


@pytest.fixture(scope="module")
def panels():
    package = f"{MODULE}.blender_bend.addon.panels"
    names = ("baking", "frames", "film", "main", "preferences.models", "preferences.setup")
    modules = [importlib.import_module(f"{package}.{name}") for name in names]
    return SimpleNamespace(**{module.__name__.rpartition(".")[2]: module for module in modules})


def draw(panel) -> Layout:
    """What a panel draws."""
    layout = Layout()
    panel.draw(SimpleNamespace(layout=layout), bpy.context)
    assert max(map(len, layout.said)) <= WIDEST, max(layout.said, key=len)
    return layout


def names(layout: Layout) -> list[str]:
    return [name for name, _, _ in layout.operators]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub."""
    listed = importlib.import_module(f"{MODULE}.blender_bend.addon.host.model_list")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    listed.stored(fresh=True)
    yield tmp_path
    listed.stored(fresh=True)


def test_frames_on_disk_offers_the_deletion_once_something_is_found(panels, bend_strip, scene, addon, store):
    addon.frame_use.found = None
    trim(bend_strip, 1, 3)
    first = draw(panels.frames.BEND_PT_frames)
    assert names(first) == ["bend.find_unused_frames", "bend.export_frames", "bend.collect", "bend.clear_caches"]
    addon.generate.fill_store(scene, bend_strip, [1])
    addon.store_size.forget()
    while addon.store_size.known(store) is None:
        addon.store_size.look()
    bend_strip.bend_settings.seed += 1
    addon.generate.fill_store(scene, bend_strip, [1])
    addon.slices.at_once(addon.frame_use.search())
    found = draw(panels.frames.BEND_PT_frames)
    assert found.said[0].startswith("1 frame, ") and "Unused: 1 frame" in found.said
    assert any(text.startswith("Delete 1 File (") for text in found.said)
    assert "bend.delete_unused_frames" in names(found)
    dialog = Layout()
    operators = importlib.import_module(f"{MODULE}.blender_bend.addon.operators.frames")
    operators.BEND_OT_delete_unused_frames.draw(SimpleNamespace(layout=dialog), bpy.context)
    assert dialog.said[0].startswith("Delete 1 frame (") and str(store) in dialog.said
    assert any("Other .blend files" in text for text in dialog.said)
    bpy.ops.bend.delete_unused_frames()
    assert "All frames are in use" in draw(panels.frames.BEND_PT_frames).said


def test_the_preferences_list_models_with_size_licence_and_page(panels, cache, core):
    layout = Layout()
    panels.models.draw_models(layout)
    for text in ("SD Turbo", "5.2 GB", "Apache 2.0", "Log In…"):
        assert text in layout.said
    wanted = [given["model"] for name, text, given in layout.operators if text == "Download"]
    assert wanted[0] == "stabilityai/sd-turbo" and len(wanted) >= 6
    assert "bend.delete_model" not in names(layout)


def test_a_model_that_is_here_can_be_deleted_and_a_begun_one_resumed(panels, cache):
    listed = importlib.import_module(f"{MODULE}.blender_bend.addon.host.model_list")
    snapshot = cache / "models--stabilityai--sd-turbo" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    index = '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}'
    (snapshot / "model_index.json").write_text(index)
    (cache / "token").write_text("hf_x")
    listed.stored(fresh=True)
    layout = Layout()
    panels.models.draw_models(layout)
    drawn = {(name, text): given.get("model") for name, text, given in layout.operators}
    assert drawn["bend.download_model", "Resume"] == "stabilityai/sd-turbo"
    assert drawn["bend.delete_model", ""] == "stabilityai/sd-turbo"
    assert "bend.log_out" in names(layout)


def test_a_download_shows_how_much_has_come(panels, addon):
    tasks = importlib.import_module(f"{MODULE}.blender_bend.addon.process.tasks")
    addon.activity.current = tasks.Working("Downloading owner/painter", bytes=340_000_000, total_bytes=5_300_000_000)
    try:
        layout = Layout()
        panels.setup.draw_progress(layout)
    finally:
        addon.activity.current = None
    assert layout.said == ["Downloading owner/painter, 340 MB of 5.3 GB"]
    assert names(layout) == ["bend.cancel"]


def test_what_has_changed_since_the_bake_is_told_once(panels, bend_strip, song):
    def told() -> list[str]:
        layout = Layout()
        panels.baking.draw_bake(layout, bpy.context, bend_strip, None)
        said = draw(panels.film.BEND_PT_film).said + layout.said
        return [text for text in said if "since the bake" in text]

    bpy.ops.bend.bake()
    assert told() == []
    bend_strip.bend_settings.bends[0].parameters["angle"].high = 2.5
    assert told() == ["A route has changed since the bake"]
    song.volume = 0.5
    assert sorted(told()) == ["A route has changed since the bake", "The sound has changed since the bake"]
    bpy.ops.bend.rebake()
    assert told() == []
    song.volume = 0.25
    assert told() == ["The sound has changed since the bake"]


def test_what_is_under_way_is_shown_at_the_top_of_the_tab(panels, bend_strip, addon):
    assert "bend.cancel" not in names(draw(panels.film.BEND_PT_film))
    addon.activity.current = addon.activity.Activity(addon.bake_queue.TITLE, says="Measuring loudness")
    try:
        shown = draw(panels.film.BEND_PT_film)
    finally:
        addon.activity.current = None
    assert "bend.cancel" in names(shown) and "Measuring loudness" in shown.said


def test_an_engine_that_is_missing_is_told_once(panels, bend_strip, addon):
    def told() -> int:
        return sum(text.startswith("Python not found") for text in draw(panels.film.BEND_PT_film).said)

    preferences = addon.preferences.preferences()
    before, preferences.engine_python = preferences.engine_python, "/gone/python"
    try:
        with pytest.raises(RuntimeError, match="Python not found"):
            bpy.ops.bend.preview_frame()
        assert told() == 1
        bpy.ops.bend.dismiss()
        assert told() == 1
    finally:
        preferences.engine_python = before


def test_the_film_panel_tells_of_curves_that_were_never_baked(panels, bend_strip):
    assert "1 curve not baked yet" in draw(panels.film.BEND_PT_film).said
    bpy.ops.bend.bake()
    assert not [text for text in draw(panels.film.BEND_PT_film).said if "not baked" in text]


def test_the_whole_page_of_preferences_is_drawn(addon, cache, store):
    preferences = addon.preferences.preferences()
    layout = Layout()
    type(preferences).draw(_Preferences(layout, preferences), bpy.context)
    assert {"Local Models", "Decoders", "LoRA"} <= set(layout.said)
    assert "bend.set_up_engine" in names(layout)


class _Preferences:
    """The preferences, with another layout."""

    def __init__(self, layout: Layout, preferences: bpy.types.AddonPreferences) -> None:
        self.layout, self._preferences = layout, preferences

    def __getattr__(self, name: str):
        return getattr(self._preferences, name)
