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


def different(item, value):
    """Another value that a property can have."""
    if item.type == "BOOLEAN":
        return not value
    if item.type == "STRING":
        return f"{value} changed"
    if item.type == "ENUM":
        return next((row.identifier for row in item.enum_items if row.identifier != value), value)
    return type(value)(item.hard_min + 1 if value != item.hard_min + 1 else value + 1)


def change_all(group, leave=()):
    """Give every plain property of a group another value; the names of those that have one."""
    changed = []
    for item in group.bl_rna.properties:
        if (
            item.type in ("POINTER", "COLLECTION")
            or item.is_readonly
            or item.identifier in leave
            or getattr(item, "is_array", False)
        ):
            continue
        setattr(group, item.identifier, different(item, getattr(group, item.identifier)))
        changed.append(item.identifier)
    return changed


OWN = ("name", "title", "key", "operator", "region")


def test_a_duplicate_leaves_nothing_out_of_a_bend_and_its_parameters(two):
    """Whatever Bend will once keep there: every property is looked at."""
    two.bend_settings.active_bend = 0
    source = two.bend_settings.bend
    source.parameters["angle"].layers.add()
    names = {
        None: change_all(source, OWN),
        "angle": change_all(source.parameters["angle"], OWN),
        "layer": change_all(source.parameters["angle"].layers[0], OWN),
    }
    assert {"baked_as", "baked_route", "baked_from", "levels"} <= set(names["angle"])
    bpy.ops.bend.duplicate_bend()
    one, other = (two.bend_settings.bends[index] for index in (0, 1))
    pairs = {
        None: (one, other),
        "angle": (one.parameters["angle"], other.parameters["angle"]),
        "layer": (one.parameters["angle"].layers[0], other.parameters["angle"].layers[0]),
    }
    for kind, (before, after) in pairs.items():
        assert {n: getattr(after, n) for n in names[kind]} == {n: getattr(before, n) for n in names[kind]}


@pytest.mark.parametrize("kind", ["GENERATOR", "FNGENERATOR", "ENVELOPE", "CYCLES", "NOISE", "LIMITS", "STEPPED"])
def test_a_duplicate_has_the_modifiers_and_the_look_of_the_curve(two, curve, kind):
    two.bend_settings.active_bend = 0
    source = curve(two, ANGLE)
    modifier = source.modifiers.new(kind)
    change_all(modifier, ("mode",) if kind == "GENERATOR" else ())
    if kind == "GENERATOR":
        modifier.poly_order = 3
        modifier.coefficients = (0.1, 0.2, 0.3, 0.4)
    if kind == "ENVELOPE":
        point = modifier.control_points.add(12.0)
        point.min, point.max = -0.25, 0.75
    change_all(source, ("data_path", "array_index", "is_valid"))
    bpy.ops.bend.duplicate_bend()
    copy = curve(two, "Rotate Channels 2 · angle")
    source = curve(two, ANGLE)
    assert described(copy) == described(source)
    assert [described(m) for m in copy.modifiers] == [described(m) for m in source.modifiers]


def described(thing):
    """Every value of an RNA struct, control points included."""
    values = {
        item.identifier: getattr(thing, item.identifier)
        for item in thing.bl_rna.properties
        if item.type not in ("POINTER", "COLLECTION") and item.identifier not in ("data_path", "array_index")
    }
    plain = {name: tuple(value) if hasattr(value, "__len__") else value for name, value in values.items()}
    return plain | {"points": [described(point) for point in getattr(thing, "control_points", ())]}


def test_a_duplicate_is_baked_again_as_its_original_was(two, curve):
    """A simplified curve stays simplified when it is baked anew."""
    two.bend_settings.active_bend = 0
    bpy.ops.bend.bake(mode="SIMPLIFIED")
    few = len(curve(two, ANGLE).keyframe_points)
    bpy.ops.bend.duplicate_bend()
    for bend in two.bend_settings.bends:
        for parameter in bend.parameters:
            parameter.high += 0.5
    bpy.ops.bend.rebake()
    assert len(curve(two, "Rotate Channels 2 · angle").keyframe_points) == len(curve(two, ANGLE).keyframe_points)
    assert len(curve(two, ANGLE).keyframe_points) <= 2 * few < 90


def drive(scene, strip, key):
    """Let a property be driven, and something in the file read it; the drivers."""
    path = f'{strip.path_from_id()}["{key}"]'
    scene.driver_add(path).driver.expression = "frame / 10"
    reader = bpy.data.objects.new("reader", None)
    read = reader.driver_add("location", 0)
    variable = read.driver.variables.new()
    variable.targets[0].id_type = "SCENE"
    variable.targets[0].id, variable.targets[0].data_path = scene, path
    tree = bpy.data.worlds.new("sky").node_tree or bpy.data.node_groups.new("tree", "ShaderNodeTree")
    node = tree.nodes.new("ShaderNodeValue")
    within = node.outputs[0].driver_add("default_value")
    variable = within.driver.variables.new()
    variable.type = "CONTEXT_PROP"
    variable.targets[0].data_path = path
    return reader, tree


def test_drivers_follow_a_renamed_bend(two, scene):
    key = "Rotate Channels · mix"
    reader, tree = drive(scene, two, key)
    two.bend_settings.bends[0].name = "Wheel"
    renamed = f'{two.path_from_id()}["Wheel · mix"]'
    assert [driver.data_path for driver in scene.animation_data.drivers] == [renamed]
    for owner in (reader, tree):
        driver = owner.animation_data.drivers[0].driver
        assert driver.variables[0].targets[0].data_path == renamed


def test_a_duplicate_is_driven_as_its_original_is(two, scene):
    drive(scene, two, "Rotate Channels · mix")
    two.bend_settings.active_bend = 0
    bpy.ops.bend.duplicate_bend()
    driven = {driver.data_path: driver.driver.expression for driver in scene.animation_data.drivers}
    paths = (f'{two.path_from_id()}["{title} · mix"]' for title in ("Rotate Channels", "Rotate Channels 2"))
    assert driven == dict.fromkeys(paths, "frame / 10")


@pytest.mark.parametrize("spoil", ["delete", "text"])
@pytest.mark.parametrize("change", ["rename", "site", "region", "operator", "duplicate", "remove"])
def test_a_property_that_a_person_has_spoilt_comes_back(two, curve, spoil, change):
    bend = two.bend_settings.bends[0]
    two.bend_settings.active_bend = 0
    if spoil == "delete":
        del two["Rotate Channels · mix"]
    else:
        two["Rotate Channels · mix"] = "half"
    {
        "rename": lambda: setattr(bend, "name", "Wheel"),
        "site": lambda: setattr(bend, "site", "unet:up_blocks.1"),
        "region": lambda: setattr(bend, "region", "disc"),
        "operator": lambda: setattr(bend, "operator", "threshold"),
        "duplicate": bpy.ops.bend.duplicate_bend,
        "remove": bpy.ops.bend.remove_bend,
    }[change]()
    for bend in two.bend_settings.bends:
        assert [isinstance(two[p.key], float) for p in bend.parameters if p.key.endswith("mix")] == [True]
        assert len({p.key for p in bend.parameters}) == len(bend.parameters)
    if change == "rename":
        assert len(curve(two, "Wheel · angle").keyframe_points) == 96


def test_a_bend_is_not_called_as_somebody_elses_property(two):
    two["Wheel · mix"] = "mine"
    two.bend_settings.bends[0].name = "Wheel"
    assert titles(two)[0] == "Wheel 2" and two["Wheel · mix"] == "mine"


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
    two.bend_settings.bends[0].name = "Color Wheel"
    assert curve(two, ANGLE) is None
    assert key_values(curve(two, "Color Wheel · angle")) == before
    assert two.id_properties_ui("Color Wheel · angle").as_dict()["subtype"] == "ANGLE"
    bpy.ops.bend.bake()
    assert len(curve(two, "Color Wheel · angle").keyframe_points) == 96


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
