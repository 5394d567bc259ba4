"""Shortcuts are few, free in Blender, and taken out again; every parameter leads to its curve."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import bpy
import pytest
from timeline import MODULE

#: Keymaps that are asked while the mouse is over the sequencer, its tools left aside.
AROUND = {"Window", "Screen", "Screen Editing", "View2D", "Frames", "Markers", "Animation", "User Interface"}


@pytest.fixture(scope="module")
def blenders():
    """Blender's own keymaps, from the file that it makes them from."""
    paths = [Path(root, "presets/keyconfig/keymap_data/blender_default.py") for root in bpy.utils.script_paths()]
    path = next(path for path in paths if path.is_file())
    spec = importlib.util.spec_from_file_location("blender_default", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    keymaps = []
    for chosen in ({}, {"select_mouse": "LEFT"}, {"spacebar_action": "SEARCH"}, {"use_region_toggle_pie": True}):
        keymaps += module.generate_keymaps(module.Params(**{**{"select_mouse": "RIGHT"}, **chosen}))
    return keymaps


@pytest.fixture(scope="module")
def shortcuts():
    return importlib.import_module(f"{MODULE}.blender_bend.addon.operators").SHORTCUTS


def test_every_shortcut_is_free_in_blender(blenders, shortcuts):
    taken = set()
    for name, _, content in blenders:
        if name in AROUND or "Sequence" in name:
            for operator, keys, _ in content["items"]:
                if keys.get("shift") and keys.get("alt") and not keys.get("ctrl"):
                    taken.add((keys["type"], operator))
    assert taken, "Blender has some with Shift and Alt, or the test looks at the wrong place"
    ours = {shortcut.key for shortcut in shortcuts}
    assert len(ours) == len(shortcuts) <= 6
    assert ours.isdisjoint({key for key, _ in taken})


def test_shortcuts_run_operators_that_are_there_and_hold_in_the_sequencer(addon, shortcuts):
    keymap = bpy.context.window_manager.keyconfigs.addon.keymaps["Video Sequence Editor"]
    found = {item.idname: item for item in keymap.keymap_items if item.shift and item.alt}
    assert set(found) == {shortcut.operator for shortcut in shortcuts}
    for shortcut in shortcuts:
        module, _, name = shortcut.operator.partition(".")
        assert getattr(getattr(bpy.ops, module), name).get_rna_type()
        assert found[shortcut.operator].type == shortcut.key
    assert found["wm.context_toggle"].properties.data_path == "window_manager.bend_live"


def test_a_parameter_leads_to_its_curve_and_to_no_other(short, scene, curve):
    bpy.ops.bend.add_bend(operator="zoom")
    short.keyframe_insert('["Zoom · factor"]', frame=3)
    angle, zoom = curve(short, "Rotate Channels · angle"), curve(short, "Zoom · factor")
    assert bpy.ops.bend.show_curve(key="Zoom · factor") == {"FINISHED"}
    assert (angle.select, zoom.select, zoom.hide) == (False, True, False)
    assert all(point.select_control_point for point in zoom.keyframe_points)
    assert not any(point.select_control_point for point in angle.keyframe_points)
    if zoom.group is not None:
        assert zoom.group.show_expanded
    bpy.ops.bend.show_curve()
    assert angle.select and zoom.select


def test_the_path_of_a_button_names_its_parameter(short, scene):
    strips = importlib.import_module(f"{MODULE}.blender_bend.addon.timeline.strips")
    path = strips.data_path(short, "Rotate Channels · angle")
    assert short.id_data.path_resolve(path) == short["Rotate Channels · angle"]
    assert strips.key_of(short, path) == "Rotate Channels · angle"
    assert strips.key_of(short, "frame_current") is None


def test_a_parameter_without_a_curve_says_what_to_do(bend_strip):
    with pytest.raises(RuntimeError, match="bake the parameter"):
        bpy.ops.bend.show_curve(key="Rotate Channels · angle")
