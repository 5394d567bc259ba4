"""Files that an older version saved: their curves, values and frames are what they were, under their old names.

``before_words.blend`` was saved in Blender 4.5 by the version that still wrote Colour Match and Normalise.
"""

from __future__ import annotations

import json

import bpy
import pytest
from timeline import ROOT, sequencer

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
    assert set(strip.keys()) == before
