"""Bends as the catalogue describes them: choices, families, regions, ranges by site, presets."""

from __future__ import annotations

import dataclasses
import json
import zlib

import bpy
import pytest


def some_choice(core, with_pattern: bool):
    """An operator and one of its choices, from the catalogue."""
    return next(
        (
            (operator, choice)
            for operator in core.catalogue.OPERATORS
            for choice in operator.choices
            if bool(choice.pattern) == with_pattern and len(choice.options) > 1
        ),
        None,
    )


def test_every_operator_can_be_added_with_its_parameters_choices_and_tooltips(bend_strip, scene, addon, core):
    for operator in core.catalogue.OPERATORS:
        assert bpy.ops.bend.add_bend(operator=operator.name) == {"FINISHED"}
        bend = bend_strip.bend_settings.bend
        assert bend.operator == operator.name
        assert [p.name for p in bend.parameters] == [p.name for p in core.catalogue.animated_parameters(operator.name)]
        assert bend.choices() == {choice.name: choice.default for choice in operator.choices}
        for choice, name in bend.open_choices():
            described = bend.bl_rna.properties[name]
            assert (described.name, described.description) == (choice.label, choice.summary)
    addon.snapshot.take(scene, bend_strip, [1])


def test_a_choice_reaches_the_job_and_a_copy(bend_strip, scene, addon, core):
    operator, choice = some_choice(core, with_pattern=False)
    bpy.ops.bend.add_bend(operator=operator.name)
    bend = bend_strip.bend_settings.bend
    other = next(option for option in choice.options if option != choice.default)
    bend.set_choice(choice.name, other)
    bpy.ops.bend.duplicate_bend()
    job = addon.snapshot.take(scene, bend_strip, [1])
    assert [bend.choices[choice.name] for bend in job.bends[1:]] == [other, other]


def test_a_text_that_is_no_choice_is_said_and_never_used(bend_strip, scene, addon, core):
    found = some_choice(core, with_pattern=True)
    if found is None:
        pytest.skip("no operator takes free text")
    operator, choice = found
    bpy.ops.bend.add_bend(operator=operator.name)
    bend_strip.bend_settings.bend.set_choice(choice.name, "quite wrong!")
    with pytest.raises(core.errors.BendError, match="quite wrong!") as raised:
        addon.snapshot.take(scene, bend_strip, [1])
    assert raised.value.code == core.errors.Code.PARAMETER_INVALID


def test_the_numbers_of_enums_come_from_names_so_that_new_rows_change_no_file(bend_strip, core):
    for item in bend_strip.bend_settings.bends[0].bl_rna.properties["operator"].enum_items:
        assert item.value == zlib.crc32(item.identifier.encode()) & 0x7FFFFFFF
    names = [operator.name for operator in core.catalogue.OPERATORS]
    assert len({zlib.crc32(name.encode()) & 0x7FFFFFFF for name in names}) == len(names)


def test_every_family_has_a_menu_to_add_and_a_menu_to_choose(bend_strip, addon, core):
    families = [family for family, _ in addon.enums.families()]
    assert set(families) == {operator.family for operator in core.catalogue.OPERATORS}
    for prefix in ("BEND_MT_add_bend", "BEND_MT_operator"):
        assert [getattr(bpy.types, f"{prefix}_{n}").bl_label for n in range(len(families))] == families


def test_every_region_brings_its_animated_parameters(bend_strip, scene, addon, core, curve):
    bend = bend_strip.bend_settings.bends[0]
    for region in core.catalogue.REGIONS:
        bend.region = region.name
        shown = [parameter for _, parameter in bend.shown_parameters()]
        assert shown == list(core.catalogue.animated_parameters("rotate_channels", region.name))
        assert {item.name for item in bend.parameters} == {parameter.name for parameter in shown}
    bend.region, bend.inverted, bend.restore = "disc", True, "energy"
    bend.parameters["region_radius"].feature = "onset"
    bpy.ops.bend.bake()
    assert len(curve(bend_strip, "Rotate Channels · region radius").keyframe_points) == 96
    made = addon.snapshot.take(scene, bend_strip, [5]).bends[0]
    assert (made.region, made.inverted, made.restore) == ("disc", True, "energy")
    bpy.ops.bend.duplicate_bend()
    copy = bend_strip.bend_settings.bends[1]
    assert (copy.region, copy.inverted, copy.restore) == ("disc", True, "energy")
    assert len(curve(bend_strip, "Rotate Channels 2 · region radius").keyframe_points) == 96
    bend_strip.bend_settings.bends[0].region = "everywhere"
    assert curve(bend_strip, "Rotate Channels · region radius") is None


def test_a_region_is_bent_and_the_rest_is_not(bend_strip, scene, addon, store):
    bend = bend_strip.bend_settings.bends[0]
    bend.site, bend.region = "latent", "box"
    bend.start = bend.end = 1.0
    for side, value in (("left", 0.5), ("right", 1.0), ("top", 1.0), ("bottom", 0.0), ("softness", 0.0)):
        bend_strip[f"Rotate Channels · region {side}"] = value
    pictures = []
    for mix in (0.0, 1.0):
        bend_strip["Rotate Channels · mix"] = mix
        addon.generate.fill_store(scene, bend_strip, [1])
        pictures.append(addon.png.read(store / bend_strip.elements[0].filename).astype(int))
    changed = abs(pictures[0] - pictures[1]).mean(axis=(0, 2))
    assert changed[40:].mean() > 4 * changed[:16].mean()


def test_a_mask_without_a_strip_and_wrong_channels_are_said(bend_strip, scene, addon, core):
    bend = bend_strip.bend_settings.bends[0]
    bend.region = "mask"
    with pytest.raises(core.errors.BendError, match="mask of Rotate Channels"):
        addon.snapshot.take(scene, bend_strip, [1])
    with pytest.raises(RuntimeError, match="No mask strip is chosen"):
        bpy.ops.bend.capture()
    bend.region, bend.channels = "everywhere", "the blue ones"
    with pytest.raises(core.errors.BendError, match="not a list of channels"):
        addon.snapshot.take(scene, bend_strip, [1])


@pytest.mark.parametrize("channels", ["all", "0-2, 3", "random 25%", "top 2", "cluster 1"])
def test_channels_can_be_chosen_in_words(bend_strip, scene, addon, channels):
    bend_strip.bend_settings.bends[0].channels = channels
    assert addon.snapshot.take(scene, bend_strip, [1]).bends[0].channels == channels


def test_sliders_and_new_routes_take_the_range_of_the_site(bend_strip, core, monkeypatch):
    operator = core.catalogue.operator("add")
    parameter = dataclasses.replace(operator.parameters[0], soft=(-2.0, 2.0), inside=(-20.0, 20.0))
    wider = dataclasses.replace(operator, parameters=(parameter,))
    monkeypatch.setitem(core.catalogue.BY_NAME, "add", wider)
    bpy.ops.bend.add_bend(operator=operator.name)
    bend = bend_strip.bend_settings.bend
    item = bend.parameters[parameter.name]

    def soft():
        described = bend_strip.id_properties_ui(item.key).as_dict()
        return described["soft_min"], described["soft_max"]

    on_latent = item.low, item.high
    assert soft() == pytest.approx(parameter.soft)
    bend.site = "unet:mid_block"
    assert soft() == pytest.approx(parameter.inside)
    assert (item.low, item.high) == pytest.approx((10 * on_latent[0], 10 * on_latent[1]))
    item.feature, item.high = "rms", on_latent[1]
    bend.site = "latent"
    bend.site = "unet:mid_block"
    assert item.high == pytest.approx(on_latent[1])


def test_a_value_that_was_never_changed_follows_the_site_into_its_range(bend_strip):
    bpy.ops.bend.add_bend(operator="matrix_exponential")
    bend = bend_strip.bend_settings.bend
    key = bend.parameters["scale"].key
    assert bend_strip[key] == pytest.approx(0.02)
    bend.site = "unet:up_blocks.2"
    assert bend_strip[key] == pytest.approx(0.002)
    bend.site = "latent"
    assert bend_strip[key] == pytest.approx(0.02)
    bend_strip[key] = 0.04
    bend.site = "unet:up_blocks.2"
    assert bend_strip[key] == pytest.approx(0.04)


def test_a_preset_applies_channels_choices_region_restore_and_the_strips_source(bend_strip, scene, addon, tmp_path):
    preset = {
        "schema": 1,
        "name": "Flight",
        "summary": "Flies through the picture",
        "strip": {
            "source": "previous",
            "values": {"zoom": 1.05},
            "routes": {"turn": {"feature": "centroid", "low": -0.1, "high": 0.1}},
        },
        "bends": [
            {
                "name": "Spot",
                "operator": "rotate_channels",
                "site": "latent",
                "channels": "0-2",
                "choices": {"plane": "0-1"},
                "region": "disc",
                "inverted": True,
                "restore": "statistics",
                "values": {"region_x": 0.2},
                "routes": {"region_radius": {"feature": "rms", "low": 0.1, "high": 0.6}},
            }
        ],
    }
    (tmp_path / "flight.json").write_text(json.dumps(preset))
    assert bpy.ops.bend.add_preset(filepath=str(tmp_path / "flight.json")) == {"FINISHED"}
    settings = bend_strip.bend_settings
    bend = settings.bend
    assert (bend.channels, bend.region, bend.inverted, bend.restore) == ("0-2", "disc", True, "statistics")
    assert bend.choices()["plane"] == "0-1"
    assert bend_strip["Spot · region x"] == pytest.approx(0.2)
    assert bend.parameters["region_radius"].feature == "rms"
    assert settings.source == "previous" and bend_strip["Source · zoom"] == pytest.approx(1.05)
    assert settings.parameters["turn"].feature == "centroid"
    bpy.ops.bend.bake()
    assert addon.snapshot.take(scene, bend_strip).bends[1].region == "disc"
