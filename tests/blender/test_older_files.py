"""Files that an older version saved: their curves, values and frames are what they were, under their old names.

``before_words.blend`` was saved in Blender 4.5 by the version that still wrote Colour Match and Normalise,
``before_embedding.blend`` by the one that named the record of a sound's embeddings *heard*.
"""

from __future__ import annotations

import json

import bpy
import pytest
from hostile_strips import write_raw
from timeline import ROOT, sequencer

#: Parameters that the version which saved it did not have.
LATER = {"Source · hue limit"}
SAVED = ROOT / "tests" / "data" / "before_words.blend"


@pytest.fixture
def opened(store):
    bpy.ops.wm.open_mainfile(filepath=str(SAVED))
    scene = bpy.context.scene
    with sequencer(scene):
        yield scene


def test_a_file_from_before_the_american_names_keeps_its_properties_and_frames(opened, addon, core):
    wanted = json.loads(SAVED.with_suffix(".json").read_text(encoding="utf-8"))
    strip = next(addon.strips.bend_strips(opened))
    found = {
        f"{number}/{item.name}": [item.key, strip[item.key]]
        for number, holder in enumerate(strip.bend_settings.holders())
        for item in holder.parameters
    }
    assert found == wanted["properties"]
    job = addon.snapshot.take(opened, strip)
    for frame, before in zip(job.frames, wanted["frames"], strict=True):
        resolved = core.resolve.resolve(job, frame)
        assert json.loads(json.dumps({name: resolved[name] for name in before})) == before


def test_its_strip_gets_no_second_property_for_a_parameter_that_is_spelled_otherwise_now(opened, addon):
    strip = next(addon.strips.bend_strips(opened))
    before = set(strip.keys())
    strip.bend_settings.source = "noise"
    strip.bend_settings.source = "previous"
    addon.stack.fit_parameters(opened, strip.bend_settings)
    assert set(strip.keys()) - before <= LATER and before <= set(strip.keys())


def test_a_file_from_before_sounds_were_embedded_keeps_what_was_embedded(store, addon):
    bpy.ops.wm.open_mainfile(filepath=str(SAVED.with_name("before_embedding.blend")))
    strip = next(addon.strips.bend_strips(bpy.context.scene))
    condition = strip.bend_settings.condition
    embedded = addon.record.decode(condition.embedded, len(strip.elements))
    assert dict(embedded) == {number: "ab"[number % 2] * 64 for number in range(10)}
    assert condition.embedded_from == "the sound of then"
    assert not {"heard", "heard_from"} & set(addon.compat.stored(condition).keys())


def test_nonsense_under_a_former_name_is_dropped(scene, bend_strip, addon):
    condition = bend_strip.bend_settings.condition
    write_raw(condition, "heard", 3.5)
    addon.former_names.adopt()
    assert condition.embedded == "" and "heard" not in addon.compat.stored(condition)


def test_sound_adapters_that_were_listed_as_hearings_are_still_listed(addon):
    preferences = addon.preferences.preferences()
    write_raw(preferences, "hearings", [{"name": "Rain", "folder": "/rain"}, {"name": "Fire"}])
    try:
        addon.preferences.register()
        assert [(one.name, one.folder) for one in preferences.sound_adapters] == [("Rain", "/rain"), ("Fire", "")]
        assert "hearings" not in addon.compat.stored(preferences)
    finally:
        preferences.sound_adapters.clear()


def test_a_cache_of_a_former_name_moves_along(addon, core):
    cache = core.caches.Cache("cache of now", "Things", "*.thing", 100, former="former cache")
    former = addon.preferences.user_folder("former cache")
    (former / "one.thing").write_bytes(b"kept")
    folder = addon.preferences.cache_folder(cache)
    assert (folder / "one.thing").read_bytes() == b"kept" and not former.exists()
    assert addon.preferences.cache_folder(cache) == folder
