"""The gallery: presets and operators by pictures, one's own presets, and their pictures made again."""

from __future__ import annotations

import json
import time

import bpy
import numpy as np
import pytest
from timeline import ROOT

PRESET = ROOT / "presets" / "color_wheel_on_loudness.json"


@pytest.fixture
def own(addon, tmp_path):
    """A folder for own presets."""
    preferences = addon.preferences.preferences()
    preferences.preset_folder = str(tmp_path / "presets")
    yield tmp_path / "presets"
    preferences.preset_folder = ""


@pytest.fixture
def renewed(addon, tmp_path, monkeypatch):
    """A folder for renewed pictures."""
    monkeypatch.setattr(addon.library, "renewed_folder", lambda: tmp_path / "renewed")
    (tmp_path / "renewed").mkdir()
    return tmp_path / "renewed"


def state(strip):
    """What a preset holds of a strip."""
    settings = strip.bend_settings
    bends = [
        (bend.plain(), {p.name: strip[p.key] for p in bend.parameters}, [p.route_text() for p in bend.parameters])
        for bend in settings.bends
    ]
    own = [(p.name, strip[p.key], p.routed and p.route_text()) for p, _ in settings.shown_parameters()]
    return bends, own, settings.source, settings.scene, settings.palette


def test_every_preset_and_operator_has_its_picture_and_agrees_with_its_name(addon):
    seen = set()
    for kind in (addon.library.LOOKS, addon.library.BENDS, addon.library.OPERATORS):
        for entry in addon.library.entries(kind):
            assert entry.picture.is_file(), entry.name
            assert entry.name and entry.summary and not entry.problem
            seen.add(entry.path or entry.operator)
            if entry.path:
                assert entry.path.stem == entry.name.casefold().replace(" ", "_").replace("-", "_")
                tooltip = bpy.ops.bend.add_preset.get_rna_type().description
                assert tooltip
    assert {*PRESET.parent.glob("*.json")} <= seen


def test_words_find_entries_by_name_and_description(addon):
    (found,) = [entry for entry in addon.library.entries(addon.library.BENDS) if entry.matches("wheel LOUDNESS swells")]
    assert found.name == "Color Wheel on Loudness"
    assert not found.matches("wheel piano")


def test_replace_leaves_the_preset_alone_on_the_strip(bend_strip, scene, curve):
    bpy.ops.bend.bake()
    assert curve(bend_strip, "Rotate Channels · angle") is not None
    assert bpy.ops.bend.add_preset(filepath=str(PRESET), replace=True) == {"FINISHED"}
    assert [bend.name for bend in bend_strip.bend_settings.bends] == ["Color Wheel"]
    assert curve(bend_strip, "Rotate Channels · angle") is None
    assert [key for key in list(bend_strip.keys()) if key.startswith("Rotate Channels")] == []


def test_a_wrong_preset_replaces_nothing(bend_strip, tmp_path):
    (tmp_path / "wrong.json").write_text(PRESET.read_text().replace("rotate_channels", "rotate_worlds"))
    with pytest.raises(RuntimeError, match="is not a preset"):
        bpy.ops.bend.add_preset(filepath=str(tmp_path / "wrong.json"), replace=True)
    assert [bend.name for bend in bend_strip.bend_settings.bends] == ["Rotate Channels"]


@pytest.mark.parametrize("path", sorted(PRESET.parent.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_saved_is_what_was_there(path, bend_strip, addon, own):
    bpy.ops.bend.add_preset(filepath=str(path), replace=True)
    before = state(bend_strip)
    assert bpy.ops.bend.save_preset(name="My Own", summary="what I like", with_source=True) == {"FINISHED"}
    bend_strip.bend_settings.source = "noise"
    bpy.ops.bend.add_preset(filepath=str(own / "my_own.json"), replace=True)
    assert state(bend_strip) == before
    (entry,) = addon.library.entries(addon.library.OWN)
    assert (entry.name, entry.summary, entry.problem) == ("My Own", "what I like", "")


def test_bends_that_are_off_are_not_saved_and_values_set_by_hand_are(bend_strip, own):
    bpy.ops.bend.add_bend(operator="zoom")
    settings = bend_strip.bend_settings
    settings.bends[0].enabled = False
    bend_strip["Zoom · factor"] = 1.7251234
    bpy.ops.bend.save_preset(name="Closer", with_source=False)
    saved = json.loads((own / "closer.json").read_text())
    assert [bend["operator"] for bend in saved["bends"]] == ["zoom"]
    assert saved["bends"][0]["values"] == {"factor": 1.7251234}
    assert "strip" not in saved


@pytest.mark.parametrize("name", ["", "   ", "///", "x" * 61, "Color Wheel on Loudness", "paper CUT"])
def test_a_name_that_cannot_be_used_is_refused_in_words_and_nothing_is_written(name, bend_strip, own):
    with pytest.raises(RuntimeError, match=r"name|called"):
        bpy.ops.bend.save_preset(name=name)
    assert not own.exists() or list(own.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(bend_strip, own):
    own.write_text("a file, not a folder")
    with pytest.raises(RuntimeError, match="can't be written"):
        bpy.ops.bend.save_preset(name="Mine")


def test_own_presets_can_be_deleted_and_others_not(bend_strip, addon, own):
    bpy.ops.bend.save_preset(name="Mine")
    (own / "mine.png").write_bytes(b"picture")
    with pytest.raises(RuntimeError, match="your own"):
        bpy.ops.bend.delete_preset(filepath=str(PRESET))
    assert PRESET.exists()
    assert bpy.ops.bend.delete_preset(filepath=str(own / "mine.json")) == {"FINISHED"}
    assert list(own.iterdir()) == []


def test_a_damaged_own_preset_is_shown_with_what_is_wrong(addon, own):
    own.mkdir()
    (own / "broken.json").write_text('{"schema": 1')
    (entry,) = addon.library.entries(addon.library.OWN)
    assert entry.name == "broken" and "not a preset" in entry.problem


def test_a_saved_preset_has_the_picture_of_the_frame_under_the_playhead(short, scene, addon, own):
    addon.generate.fill_store(scene, short)
    scene.frame_set(4)
    bpy.ops.bend.save_preset(name="Pictured")
    pixels = addon.png.read(own / "pictured.png")
    assert pixels.shape == (128, 128, 3) and pixels.std() > 5


def test_pictures_are_renewed_with_the_own_film_and_restored(short, scene, addon, renewed):
    gallery = bpy.context.window_manager.bend_gallery
    gallery.kind, gallery.search = addon.library.BENDS, "color wheel on"
    scene.frame_set(4)
    assert bpy.ops.bend.renew_pictures() == {"FINISHED"}
    files = sorted(file.name for file in renewed.iterdir())
    assert "color_wheel_on_loudness.png" in files and len(files) == len(gallery.shown()) < 8
    assert {entry.picture.name for entry in gallery.shown()} == set(files)
    gallery.kind, gallery.search = addon.library.OPERATORS, "Zoom"
    bpy.ops.bend.renew_pictures()
    assert (renewed / "operator_zoom.png").is_file()
    bpy.ops.bend.restore_pictures()
    assert list(renewed.iterdir()) == []
    gallery.search = ""


def test_a_renewal_that_is_stopped_keeps_what_was_made(short, scene, addon, renewed):
    entries = addon.library.entries(addon.library.OPERATORS)[:6]
    work = addon.renewing.Renewing(scene, short, 4, entries)
    while work.made < 2:
        work.update()
        time.sleep(0.005)
    work.close()
    assert not work.running
    assert len(list(renewed.iterdir())) == 2


def test_a_small_picture_is_the_mean_of_the_middle_of_a_large_one(addon):
    pixels = np.zeros((300, 500, 3), np.uint8)
    pixels[:150, 100:400], pixels[:, :100], pixels[:, 400:] = (200, 100, 50), 255, 255
    small = addon.thumbnail.thumbnail(pixels, 128)
    assert small.shape == (128, 128, 3)
    assert (small[0, 0] == (200, 100, 50)).all() and (small[-1, -1] == 0).all()
    assert np.abs(small.mean(axis=(0, 1)) - (100, 50, 25)).max() < 1
    assert addon.thumbnail.thumbnail(pixels[:40, :40], 128).shape == (128, 128, 3)


def test_pages_turn_within_their_number_and_a_search_begins_at_the_first(bend_strip, addon):
    gallery = bpy.context.window_manager.bend_gallery
    gallery.kind = addon.library.OPERATORS
    assert gallery.pages() == 4
    for _ in range(5):
        bpy.ops.bend.gallery_page(by=1)
    assert gallery.page == 3
    gallery.search = "noise"
    assert gallery.page == 0 and gallery.pages() == 1
    gallery.search = ""


def test_a_dropped_preset_file_is_added(bend_strip, registered_handlers):
    assert registered_handlers["BEND_FH_preset"].bl_import_operator == "bend.add_preset"


@pytest.fixture
def registered_handlers():
    return {cls.__name__: cls for cls in bpy.types.FileHandler.__subclasses__()}


def test_pictures_are_renewed_on_a_strip_that_starts_from_the_frame_before(short, scene, addon, renewed):
    short.bend_settings.source = "previous"
    addon.generate.fill_store(scene, short, [1, 2, 3])
    scene.frame_set(4)
    entries = addon.library.entries(addon.library.BENDS)[:2] + addon.library.entries(addon.library.LOOKS)[:1]
    work = addon.renewing.Renewing(scene, short, 4, entries)
    while work.running:
        work.update()
        time.sleep(0.005)
    work.close()
    assert (work.made, work.left_out) == (3, [])
