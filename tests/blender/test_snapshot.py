"""From a bend strip to a job: what the artist sees on the timeline is what the engine gets."""

from __future__ import annotations

import bpy
import pytest
from timeline import slide, trim

ANGLE = "Rotate Channels · angle"


def angles(job):
    return [frame.values[0]["angle"] for frame in job.frames]


def test_every_frame_has_the_value_of_its_curve(bend_strip, scene, addon, curve):
    bpy.ops.bend.bake(mode="SIMPLIFIED")
    job = addon.snapshot.take(scene, bend_strip)
    assert [frame.number for frame in job.frames] == list(range(1, 97))
    assert angles(job) == pytest.approx([curve(bend_strip, ANGLE).evaluate(frame) for frame in range(1, 97)], abs=1e-6)


def test_without_a_curve_the_property_counts(bend_strip, scene, addon):
    bend_strip[ANGLE] = 1.25
    assert set(angles(addon.snapshot.take(scene, bend_strip))) == {1.25}


def test_a_muted_curve_leaves_the_property_alone(bend_strip, scene, addon, curve):
    bpy.ops.bend.bake()
    curve(bend_strip, ANGLE).mute = True
    bend_strip[ANGLE] = 0.5
    assert set(angles(addon.snapshot.take(scene, bend_strip))) == {0.5}


def test_a_driven_property_is_sampled_by_playing(bend_strip, scene, addon):
    driver = scene.driver_add(addon.strips.data_path(bend_strip, ANGLE)).driver
    driver.expression = "frame * 0.01"
    scene.frame_set(5)
    job = addon.snapshot.take(scene, bend_strip, [1, 10, 50])
    assert angles(job) == pytest.approx([0.01, 0.1, 0.5], abs=1e-5)
    assert scene.frame_current == 5


def test_values_are_kept_within_the_limits_of_the_operator(bend_strip, scene, addon, curve):
    bpy.ops.bend.bake()
    bend_strip.bend_settings.bends[0].operator = "threshold"
    bend_strip["Rotate Channels · level"] = -3.0
    job = addon.snapshot.take(scene, bend_strip, [1])
    assert job.frames[0].values[0]["level"] == 0.0


def test_a_slid_strip_gives_the_same_pictures_at_other_frames(bend_strip, scene, addon, core):
    bpy.ops.bend.bake()
    before = addon.snapshot.take(scene, bend_strip)
    slide(bend_strip, 30)
    after = addon.snapshot.take(scene, bend_strip)
    assert [frame.number for frame in after.frames] == list(range(31, 127))
    assert [traced.key for traced in core.resolve.trace(after)] == [traced.key for traced in core.resolve.trace(before)]


def test_a_trimmed_strip_asks_only_for_what_it_shows(bend_strip, scene, addon):
    trim(bend_strip, 20, 40)
    assert [frame.number for frame in addon.snapshot.take(scene, bend_strip).frames] == list(range(20, 40))


def test_prompts_travel_between_markers(bend_strip, scene, addon):
    bend_strip.bend_settings.travel = "MARKERS"
    scene.timeline_markers.new("prompt: sea", frame=1)
    scene.timeline_markers.new("chorus", frame=5)
    scene.timeline_markers.new("Prompt:  fire ", frame=11)
    job = addon.snapshot.take(scene, bend_strip, [1, 6, 11, 60])
    assert [frame.prompt for frame in job.frames] == [
        (("sea", 1.0),),
        (("sea", 0.5), ("fire", 0.5)),
        (("fire", 1.0),),
        (("fire", 1.0),),
    ]


def test_prompts_travel_by_a_text(bend_strip, scene, addon):
    text = bpy.data.texts.new("prompts")
    text.from_string("# verse\n1: sea\n\n21: fire\n")
    bend_strip.bend_settings.travel = "TEXT"
    bend_strip.bend_settings.travel_text = text
    job = addon.snapshot.take(scene, bend_strip, [16])
    assert job.frames[0].prompt == (("sea", 0.25), ("fire", 0.75))


def test_a_wrong_line_of_the_prompts_is_named(bend_strip, scene, addon, core):
    text = bpy.data.texts.new("prompts")
    text.from_string("1: sea\nfire at twenty\n")
    bend_strip.bend_settings.travel = "TEXT"
    bend_strip.bend_settings.travel_text = text
    with pytest.raises(core.errors.BendError, match="Line 2"):
        addon.snapshot.take(scene, bend_strip, [16])


def test_the_prompt_text_survives_saving_undo_and_a_deleted_text(bend_strip, scene, tmp_path, addon, core):
    text = bpy.data.texts.new("prompts")
    text.from_string("1: sea\n")
    bend_strip.bend_settings.travel = "TEXT"
    bend_strip.bend_settings.travel_text = text
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    scene = bpy.context.scene
    strip = next(addon.strips.bend_strips(scene))
    assert strip.bend_settings.travel_text.name == "prompts"
    bpy.data.texts.remove(bpy.data.texts["prompts"])
    with pytest.raises(core.errors.BendError, match="No text"):
        addon.snapshot.take(scene, strip, [1])


def test_the_walk_goes_round_and_would_begin_again_after_the_last_frame(bend_strip, scene, addon):
    bend_strip.bend_settings.walk_amount = 0.5
    bend_strip.bend_settings.walk_turns = 2.0
    walk = [frame.walk for frame in addon.snapshot.take(scene, bend_strip).frames]
    assert walk[0] == 0.0 and walk[48] == 0.0 and walk[24] == 0.5
    assert walk[95] == pytest.approx(1 - 2 / 96, abs=1e-5)


def test_an_unknown_model_is_said_with_its_repair(bend_strip, scene, addon, core):
    bend_strip.bend_settings.model = "my dream model"
    with pytest.raises(core.errors.BendError, match="Model 'my dream model' not found") as raised:
        addon.snapshot.take(scene, bend_strip)
    assert raised.value.action == "bend.open_preferences"


def test_a_hub_model_that_is_not_here_offers_the_download(bend_strip, scene, addon, core, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    bend_strip.bend_settings.model = "somebody/some-model"
    with pytest.raises(core.errors.BendError) as raised:
        addon.snapshot.take(scene, bend_strip)
    assert raised.value.action == "bend.download_model"


def test_a_model_folder_of_the_preferences_is_found_by_name(bend_strip, scene, addon, core):
    item = addon.preferences.preferences().models.add()
    item.name, item.folder = "mine", str(core.references.MINI_PATH)
    bend_strip.bend_settings.model = "mine"
    assert addon.snapshot.take(scene, bend_strip, [1]).model == str(core.references.MINI_PATH)
    addon.preferences.preferences().models.clear()
