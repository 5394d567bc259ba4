"""What a strip starts from: its own animated parameters, chains of frames, and how the strip is made."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from timeline import slide, trim

STRENGTH, TRAVEL = "Source · strength", "Source · seed travel"


@pytest.fixture
def chain(bend_strip, curve):
    """Six frames, each painted over the one before."""
    trim(bend_strip, 1, 7)
    while len(bend_strip.elements) > 6:
        bend_strip.elements.pop(len(bend_strip.elements) - 1)
    trim(bend_strip, 1, 7)
    bend_strip.bend_settings.source = "previous"
    bend_strip.bend_settings.steps = 4
    bend_strip.bend_settings.bends[0].enabled = False
    bpy.ops.bend.bake()
    return bend_strip


def names(strip) -> list[str]:
    return [element.filename for element in strip.elements]


def rendered(strip) -> list[bool]:
    return [len(name) == 68 for name in names(strip)]


def test_a_source_brings_its_parameters_and_hides_them_again_with_their_curves(bend_strip, scene, addon, core, curve):
    settings = bend_strip.bend_settings
    assert TRAVEL in bend_strip and STRENGTH not in bend_strip
    settings.source = "previous"
    for parameter in core.catalogue.strip.BY_SOURCE["previous"]:
        key = f"Source · {parameter.label.lower()}"
        assert bend_strip[key] == pytest.approx(parameter.default)
        assert bend_strip.id_properties_ui(key).as_dict()["description"] == parameter.summary
    settings.parameters["strength"].feature = "onset"
    bpy.ops.bend.bake()
    settings.source = "noise"
    assert len(curve(bend_strip, STRENGTH).keyframe_points) == 96
    assert list(addon.snapshot.take(scene, bend_strip).frames[0].strip) == ["seed_travel"]
    settings.source = "pictures"
    assert [p.name for _, p in settings.shown_parameters()] == ["seed_travel", "strength"]
    assert settings.parameters["strength"].feature == "onset"


def test_the_strips_own_parameters_are_baked_and_remember_hand_keys(bend_strip, scene, addon, curve):
    item = bend_strip.bend_settings.parameters["seed_travel"]
    item.feature, item.low, item.high = "rms", 0.0, 4.0
    bpy.ops.bend.bake()
    key = curve(bend_strip, TRAVEL).keyframe_points[9]
    key.co.y = 7.0
    item.high = 2.0
    bpy.ops.bend.bake()
    points = curve(bend_strip, TRAVEL).keyframe_points
    assert len(points) == 96 and points[9].co.y == 7.0
    assert max(p.co.y for p in points if p.co.x != 10) <= 2.0
    bpy.ops.bend.bake(mode="SIMPLIFIED")
    assert len(curve(bend_strip, TRAVEL).keyframe_points) < 96
    job = addon.snapshot.take(scene, bend_strip)
    assert job.frames[9].strip["seed_travel"] == pytest.approx(7.0)


def test_a_hidden_parameter_is_not_baked(bend_strip, curve):
    settings = bend_strip.bend_settings
    settings.source = "previous"
    settings.parameters["zoom"].feature = "rms"
    settings.source = "noise"
    bpy.ops.bend.bake()
    assert curve(bend_strip, "Source · zoom") is None


def test_duplicates_and_splits_carry_the_strips_own_curves(bend_strip, scene, addon, curve):
    bend_strip.bend_settings.parameters["seed_travel"].feature = "rms"
    bpy.ops.bend.bake()
    before = [frame.strip for frame in addon.snapshot.take(scene, bend_strip).frames]
    right = bend_strip.split(frame=49, split_method="SOFT")
    assert [frame.strip for frame in addon.snapshot.take(scene, right).frames] == before[48:]
    assert right.bend_settings.parameters["seed_travel"].key in right
    slide(right, 10)
    right.bend_settings.source = "previous"
    assert STRENGTH in right and STRENGTH not in bend_strip


def test_a_bend_cannot_take_the_name_of_the_source(bend_strip):
    bend_strip.bend_settings.bends[0].name = "Source"
    assert bend_strip.bend_settings.bends[0].name == "Source 2"


def test_the_route_panel_follows_the_clicked_parameter(bend_strip):
    settings = bend_strip.bend_settings
    bpy.ops.bend.edit_route(index=0, of_strip=True)
    item, parameter = settings.routed_holder.active_route()
    assert (item.key, parameter.name) == (TRAVEL, "seed_travel")
    bpy.ops.bend.edit_route(index=1, of_strip=False)
    assert settings.routed_holder.active_route()[0].key == "Rotate Channels · angle"
    bpy.ops.bend.edit_route(index=0, of_strip=True)
    settings.active_bend = 0
    assert settings.routed_holder == settings.bends[0]


def test_a_frame_of_a_chain_renders_what_leads_to_it(chain, scene, addon, store):
    scene.frame_set(4)
    assert bpy.ops.bend.preview_frame() == {"FINISHED"}
    assert rendered(chain) == [True] * 4 + [False] * 2
    part = names(chain)[:4]
    work = addon.generate.fill_store(scene, chain)
    assert (work.plan.missing, work.rendered) == ([5, 6], 2)
    assert names(chain)[:4] == part


def test_a_lost_frame_of_a_chain_is_made_again_only_if_it_is_needed(chain, scene, addon, store):
    addon.generate.fill_store(scene, chain)
    whole = names(chain)
    pictures = {name: (store / name).read_bytes() for name in whole}
    (store / whole[3]).unlink()
    assert addon.slices.at_once(addon.generate.plan(scene, chain, [6])).missing == []
    (store / whole[4]).unlink()
    (store / whole[0]).unlink()
    work = addon.generate.fill_store(scene, chain, [5])
    assert work.plan.missing == [1, 4, 5]  # the colours of frame 1 are held
    assert {name: (store / name).read_bytes() for name in whole} == pictures


def test_a_changed_frame_changes_all_after_it_and_none_before(chain, scene, addon, curve):
    addon.generate.fill_store(scene, chain)
    before = names(chain)
    chain["Source · turn"] = 0.0
    path = addon.strips.data_path(chain, "Source · turn")
    for frame, value in ((3, 0.0), (4, 0.2)):
        chain["Source · turn"] = value
        scene.keyframe_insert(path, frame=frame)
    work = addon.generate.fill_store(scene, chain)
    assert work.plan.missing == [4, 5, 6]
    assert names(chain)[:3] == before[:3]


def test_a_trimmed_chain_keeps_its_pictures(chain, scene, addon):
    addon.generate.fill_store(scene, chain)
    trim(chain, 4, 7)
    assert addon.generate.fill_store(scene, chain).plan.missing == []


def test_a_rendered_film_of_a_chain_is_the_generated_one(chain, scene, song, addon, store, tmp_path):
    song.mute = True
    scene.frame_start, scene.frame_end = 3, 5
    scene.render.filepath = str(tmp_path / "out" / "f_")
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    assert rendered(chain) == [True] * 5 + [False]
    assert addon.generate.fill_store(scene, chain).plan.missing == [6]


def test_a_chain_is_looked_through_once_a_render(chain, scene, song, addon, monkeypatch, tmp_path):
    addon.generate.fill_store(scene, chain)
    song.mute = True
    scene.frame_start, scene.frame_end = 1, 6
    scene.render.filepath = str(tmp_path / "out" / "f_")
    taken, frames = [], addon.snapshot.Film.frames
    monkeypatch.setattr(addon.snapshot.Film, "frames", lambda film: taken.append(film.numbers) or frames(film))
    assert bpy.ops.render.render(animation=True) == {"FINISHED"}
    # A look at no frame tells what the strip asks for, before frames are shown.
    assert len([numbers for numbers in taken if len(numbers)]) == 1 and len(list((tmp_path / "out").iterdir())) == 6


def test_a_driven_chain_stops_the_render_with_the_reason(chain, scene, song, addon, tmp_path):
    song.mute = True
    scene.driver_add(addon.strips.data_path(chain, "Source · turn")).driver.expression = "frame * 0.01"
    scene.render.filepath = str(tmp_path / "out" / "f_")
    with pytest.raises(RuntimeError, match="A driver animates a parameter"):
        bpy.ops.render.render(animation=True)


@pytest.mark.parametrize("turns", [1.0, 2.0, 3.0])
def test_a_whole_turn_of_the_walk_is_exactly_where_it_began(bend_strip, scene, addon, core, turns):
    settings = bend_strip.bend_settings
    settings.walk_amount, settings.walk_turns = 0.5, turns
    settings.bends[0].enabled = False
    job = addon.snapshot.take(scene, bend_strip, [1, 1 + 96 // int(turns), 97])
    first, turned, last = core.resolve.trace(job)
    assert first.key == turned.key == last.key


def test_the_settings_reach_the_job(bend_strip, scene, addon, core, tmp_path):
    settings, preferences = bend_strip.bend_settings, addon.preferences.preferences()
    decoder = tmp_path / "decoder"
    decoder.mkdir()
    (decoder / "config.json").write_text("{}")
    (decoder / "diffusion_pytorch_model.safetensors").write_bytes(b"weights")
    (tmp_path / "style.safetensors").write_bytes(b"style")
    for kind, name, path in (("decoders", "tiny", decoder), ("loras", "Style", tmp_path / "style.safetensors")):
        bpy.ops.bend.add_file(kind=kind)
        item = getattr(preferences, kind)[0]
        item.name, item.folder = name, str(path)
    settings.scheduler, settings.blending, settings.decoder = "ddim", "spherical", "tiny"
    bpy.ops.bend.add_lora()
    settings.loras[0].strength = 0.5
    preferences.batch = 4
    try:
        job = addon.snapshot.take(scene, bend_strip, [1])
        assert (job.scheduler, job.blending, job.decoder, job.batch) == ("ddim", "spherical", str(decoder), 4)
        assert len(job.decoder_fingerprint) == 64
        assert [(lora.name, lora.strength, len(lora.fingerprint)) for lora in job.loras] == [("Style", 0.5, 64)]
        settings.loras[0].name = "Elsewhere"
        with pytest.raises(core.errors.BendError, match="LoRA 'Elsewhere' not found") as raised:
            addon.snapshot.take(scene, bend_strip, [1])
        assert raised.value.action == "bend.open_preferences"
        bpy.ops.bend.remove_lora(index=0)
        (decoder / "config.json").unlink()
        with pytest.raises(core.errors.BendError, match="not a decoder"):
            addon.snapshot.take(scene, bend_strip, [1])
    finally:
        preferences.batch = 1
        for kind in ("decoders", "loras"):
            bpy.ops.bend.remove_file(kind=kind, index=0)


def test_every_choice_of_the_tables_is_offered(bend_strip, core):
    properties = bend_strip.bend_settings.bl_rna.properties
    for name, names in (("scheduler", core.schedulers.NAMES), ("blending", core.schedule.Blending)):
        assert [item.identifier for item in properties[name].enum_items] == list(names)
    assert {item.identifier for item in properties["source"].enum_items} == set(core.catalogue.strip.BY_SOURCE)


def test_the_sampler_changes_the_picture(bend_strip, scene, addon, store):
    shown = []
    for scheduler in ("ddim", "euler"):
        bend_strip.bend_settings.scheduler = scheduler
        addon.generate.fill_store(scene, bend_strip, [1])
        shown.append(addon.png.read(store / bend_strip.elements[0].filename).astype(int))
    assert np.abs(shown[0] - shown[1]).max() > 0


def test_the_choices_of_the_sampler_reach_the_job_if_it_has_them(bend_strip, scene, addon, core):
    settings = bend_strip.bend_settings

    def reached() -> tuple[str, str, str]:
        job = addon.snapshot.take(scene, bend_strip, [1])
        return job.spacing, job.sigmas, job.prediction

    assert reached() == ("auto", "auto", "auto")
    settings.spacing, settings.sigmas, settings.prediction = "trailing", "karras", "v_prediction"
    expected = {"own": "all", "dpm": "all", "ddim": ("trailing", "auto", "v_prediction"), "flow_heun": ("auto",) * 3}
    for name, found in expected.items():
        settings.scheduler = name
        assert reached() == (("trailing", "karras", "v_prediction") if found == "all" else found)
    settings.scheduler, settings.spacing = "lcm", "linspace"
    with pytest.raises(core.errors.BendError, match="LCM doesn't support Spacing: Linspace") as raised:
        addon.snapshot.take(scene, bend_strip, [1])
    assert "Trailing" in raised.value.hint


def test_every_option_of_the_samplers_is_a_setting_with_its_choices(bend_strip, core):
    properties = bend_strip.bend_settings.bl_rna.properties
    for option, rows in core.schedulers.OPTIONS.items():
        assert properties[option].name == option.title()
        assert [item.identifier for item in properties[option].enum_items] == [name for name, _, _ in rows]
        assert properties[option].default == core.schedulers.AUTO


def test_the_panel_shows_the_choices_that_the_sampler_has(bend_strip, core):
    import importlib

    from timeline import MODULE

    main = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.main")
    for row in core.schedulers.SCHEDULERS:
        bend_strip.bend_settings.scheduler = row.name
        shown = Shown()
        main.BEND_PT_prompt.draw(SimpleNamespace(layout=shown), bpy.context)
        options = [option for option in core.schedulers.OPTIONS if row.choices(option)]
        assert [name for name in shown.names if name in core.schedulers.OPTIONS] == options
        assert row.name != "own" or len(options) == 3


def test_a_spacing_that_the_sigmas_overrule_is_gray(bend_strip, core):
    import importlib

    from timeline import MODULE

    main = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.main")
    settings = bend_strip.bend_settings
    settings.spacing = "trailing"
    for sampler, sigmas, active in (("dpm", "auto", True), ("dpm", "karras", False), ("euler", "karras", True)):
        settings.scheduler, settings.sigmas = sampler, sigmas
        shown = Shown()
        main.BEND_PT_prompt.draw(SimpleNamespace(layout=shown), bpy.context)
        assert shown.active_of["spacing"] is active


class Shown:
    """A layout that notes the properties it is given, and whether their row is active."""

    def __init__(self, top=None):
        self.top = top or self
        self.active = True
        if top is None:
            self.names, self.active_of = [], {}

    def prop(self, data, name, **drawn):
        self.top.names.append(name)
        self.top.active_of[name] = self.active

    def column(self, **drawn):
        return Shown(self.top)

    row = column
