"""Presets on a bend strip: added, baked, and different in the picture's curves."""

from __future__ import annotations

import bpy
import pytest
from timeline import ROOT

PRESETS = sorted((ROOT / "presets").glob("*.json"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_adds_its_bends_and_bakes(path, bend_strip, scene, addon, curve):
    assert bpy.ops.bend.add_preset(filepath=str(path)) == {"FINISHED"}
    bend = bend_strip.bend_settings.bends[1]
    routed = next(parameter for parameter in bend.parameters if parameter.routed)
    bpy.ops.bend.bake()
    values = [key.co.y for key in curve(bend_strip, routed.key).keyframe_points]
    assert max(values) - min(values) > 0.1
    assert addon.snapshot.take(scene, bend_strip).bends[1].name == bend.name


def test_a_wrong_preset_is_reported_and_changes_nothing(bend_strip, tmp_path):
    (tmp_path / "wrong.json").write_text("{}")
    with pytest.raises(RuntimeError, match="not a preset"):
        bpy.ops.bend.add_preset(filepath=str(tmp_path / "wrong.json"))
    assert len(bend_strip.bend_settings.bends) == 1


def test_a_look_sets_its_scene_and_a_preset_without_one_leaves_it(bend_strip):
    settings = bend_strip.bend_settings
    bpy.ops.bend.add_preset(filepath=str(ROOT / "presets" / "ember_dance.json"))
    assert (settings.source, settings.scene, settings.palette) == ("procedural", "fire", "fiery")
    bpy.ops.bend.add_preset(filepath=str(ROOT / "presets" / "rising_tide.json"))
    assert (settings.source, settings.scene, settings.palette) == ("procedural", "fire", "fiery")
