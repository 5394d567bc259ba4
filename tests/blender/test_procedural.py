"""A strip that starts from a painted scene: nothing to capture, and it moves in the scene's own time."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from timeline import slide, trim

TIME = "Source · scene time"


@pytest.fixture
def painted(bend_strip):
    """A bend strip that starts from waves, without bends that would hide them."""
    settings = bend_strip.bend_settings
    settings.source, settings.scene, settings.palette = "procedural", "waves", "teal"
    settings.bends[0].enabled = False
    settings.steps = 4
    return bend_strip


def times(scene, strip, addon) -> list[float]:
    return [frame.strip["scene_time"] for frame in addon.snapshot.take(scene, strip).frames]


def test_the_scene_moves_at_its_speed_from_the_strips_first_frame(painted, scene, addon):
    scene.render.fps, scene.render.fps_base = 30, 1.001
    painted.bend_settings.scene_speed = 2.0
    expected = 2.0 * np.arange(96) * 1.001 / 30
    assert times(scene, painted, addon) == pytest.approx(expected, abs=1e-6)
    slide(painted, 40)
    assert times(scene, painted, addon) == pytest.approx(expected, abs=1e-6)


def test_a_standing_scene_is_one_picture(painted, scene, addon):
    painted.bend_settings.scene_speed = 0.0
    assert set(times(scene, painted, addon)) == {0.0}


def test_the_sound_pushes_the_scene_ahead(painted, scene, addon, curve):
    still = times(scene, painted, addon)
    item = painted.bend_settings.parameters["scene_time"]
    item.feature, item.low, item.high = "onset", 0.0, 1.5
    bpy.ops.bend.bake()
    pushed = np.array(times(scene, painted, addon)) - still
    assert pushed.max() == pytest.approx(1.5, abs=1e-4)
    assert pushed == pytest.approx([curve(painted, TIME).evaluate(frame) for frame in range(1, 97)], abs=1e-5)


def test_frames_are_made_without_a_capture_and_follow_scene_and_palette(painted, scene, addon, store):
    trim(painted, 1, 3)
    names = set()
    for chosen, palette in (("waves", "teal"), ("waves", "fiery"), ("galaxy", "teal")):
        painted.bend_settings.scene, painted.bend_settings.palette = chosen, palette
        assert bpy.ops.bend.generate() == {"FINISHED"}
        names |= {element.filename for element in list(painted.elements)[:2]}
    assert len(names) == 6
    assert all((store / name).is_file() for name in names)
