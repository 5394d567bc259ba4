"""The bend stack: bends come, go, move and change names, and every curve stays with its bend."""

from __future__ import annotations

import bpy
import pytest
from timeline import slide

ANGLE = "Rotate Channels · angle"


def titles(strip):
    return [bend.name for bend in strip.bend_settings.bends]


def key_values(curve):
    return [tuple(round(part, 3) for part in key.co) for key in curve.keyframe_points]


@pytest.fixture
def two(bend_strip, curve):
    """A strip with two baked bends."""
    bpy.ops.bend.add_bend(operator="dilate", site="unet:up_blocks.2")
    bend_strip.bend_settings.bends[1].parameters["radius"].feature = "low"
    bpy.ops.bend.bake()
    return bend_strip


def test_every_bend_of_one_operator_gets_its_own_properties(bend_strip):
    bpy.ops.bend.add_bend(operator="rotate_channels")
    bpy.ops.bend.add_bend(operator="rotate_channels")
    assert titles(bend_strip) == ["Rotate Channels", "Rotate Channels 2", "Rotate Channels 3"]
    assert {"Rotate Channels 2 · angle", "Rotate Channels 3 · mix"} <= set(bend_strip.keys())


def test_a_moved_bend_keeps_its_curve(two, curve):
    before = key_values(curve(two, ANGLE))
    two.bend_settings.active_bend = 0
    bpy.ops.bend.move_bend(direction="DOWN")
    assert titles(two) == ["Dilate", "Rotate Channels"]
    assert two.bend_settings.bend.name == "Rotate Channels"
    assert key_values(curve(two, ANGLE)) == before


def test_a_duplicate_has_its_own_copy_of_the_curve_and_the_route(two, curve):
    two.bend_settings.active_bend = 0
    bpy.ops.bend.duplicate_bend()
    assert titles(two) == ["Rotate Channels", "Rotate Channels 2", "Dilate"]
    copy = curve(two, "Rotate Channels 2 · angle")
    assert key_values(copy) == key_values(curve(two, ANGLE))
    assert two.bend_settings.bends[1].parameters["angle"].feature == "onset"
    copy.keyframe_points[0].co.y = 9.0
    assert curve(two, ANGLE).keyframe_points[0].co.y != 9.0


def test_a_duplicate_knows_which_keys_are_its_own(two, curve):
    two.bend_settings.active_bend = 0
    bpy.ops.bend.duplicate_bend()
    two.bend_settings.bends[1].parameters["angle"].high = 5.0
    bpy.ops.bend.bake()
    assert max(value for _, value in key_values(curve(two, "Rotate Channels 2 · angle"))) == pytest.approx(
        5.0, abs=1e-3
    )


def test_a_disabled_bend_keeps_its_curve_and_does_not_act(two, scene, curve, addon):
    two.bend_settings.bends[0].enabled = False
    job = addon.snapshot.take(scene, two)
    assert [bend.name for bend in job.bends] == ["Dilate"]
    assert len(curve(two, ANGLE).keyframe_points) == 96


def test_a_removed_bend_takes_its_own_curves_and_no_others(two, curve):
    before = key_values(curve(two, "Dilate · radius"))
    two.bend_settings.active_bend = 0
    bpy.ops.bend.remove_bend()
    assert titles(two) == ["Dilate"]
    assert curve(two, ANGLE) is None
    assert not any(key.startswith("Rotate") for key in list(two.keys()))
    assert key_values(curve(two, "Dilate · radius")) == before


def test_undo_brings_a_removed_bend_back_with_its_curves(two, curve, addon):
    before, name = key_values(curve(two, ANGLE)), two.name
    bpy.ops.ed.undo_push(message="before")
    two.bend_settings.active_bend = 0
    bpy.ops.bend.remove_bend("EXEC_DEFAULT", True)
    bpy.ops.ed.undo()
    strip = addon.strips.find(bpy.context.scene.name, name)
    assert titles(strip) == ["Rotate Channels", "Dilate"]
    assert key_values(curve(strip, ANGLE)) == before


def test_a_renamed_bend_renames_its_properties_and_keeps_its_curve(two, curve):
    before = key_values(curve(two, ANGLE))
    two.bend_settings.bends[0].name = "Colour Wheel"
    assert curve(two, ANGLE) is None
    assert key_values(curve(two, "Colour Wheel · angle")) == before
    assert two.id_properties_ui("Colour Wheel · angle").as_dict()["subtype"] == "ANGLE"
    bpy.ops.bend.bake()
    assert len(curve(two, "Colour Wheel · angle").keyframe_points) == 96


def test_two_bends_cannot_have_one_name(two):
    two.bend_settings.bends[1].name = "Rotate Channels"
    assert titles(two) == ["Rotate Channels", "Rotate Channels 2"]


def test_long_and_strange_names_keep_every_property_apart(two, curve):
    bend = two.bend_settings.bends[0]
    for name in ("é" * 70, 'The "drop" [1]', "x" * 200):
        bend.name = name
        assert len({parameter.key for parameter in bend.parameters}) == 2
        assert len(curve(two, bend.parameters["angle"].key).keyframe_points) == 96


def test_another_operator_brings_its_own_parameters_and_keeps_the_mix(two, curve):
    bend = two.bend_settings.bends[0]
    two["Rotate Channels · mix"] = 0.25
    bend.operator = "threshold"
    assert [parameter.name for parameter in bend.parameters] == ["mix", "level"]
    assert two["Rotate Channels · mix"] == 0.25
    assert curve(two, ANGLE) is None and two.get(ANGLE) is None


def test_the_strip_can_be_renamed_moved_and_copied(two, scene, addon, curve):
    two.name = "Sky"
    slide(two, 24)
    assert round(curve(two, ANGLE).keyframe_points[0].co.x) == 25
    assert [bend.name for bend in addon.snapshot.take(scene, two).bends] == ["Rotate Channels", "Dilate"]


def test_settings_survive_saving_and_loading(two, tmp_path, addon, curve):
    before = key_values(curve(two, ANGLE))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    strip = next(addon.strips.bend_strips(bpy.context.scene))
    assert titles(strip) == ["Rotate Channels", "Dilate"]
    assert key_values(curve(strip, ANGLE)) == before
    assert strip.bend_settings.bends[1].parameters["radius"].feature == "low"


def test_the_operator_list_of_the_interface_is_the_catalogue(core):
    items = bpy.ops.bend.add_bend.get_rna_type().properties["operator"].enum_items
    named = [item.identifier for item in items if item.identifier]
    assert sorted(named) == sorted(operator.name for operator in core.catalogue.OPERATORS)
