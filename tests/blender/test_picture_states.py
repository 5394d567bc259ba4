"""What the bar along the strip and the badge in the preview say of each picture."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
import pytest
from drawing import Layout
from timeline import MODULE, trim


@pytest.fixture
def states(addon):
    addon.picture_states.forget()
    yield addon.picture_states
    addon.picture_states.forget()


@pytest.fixture
def learn(scene, addon, states):
    """Count the frames of a strip, as idle moments do."""

    def learn(strip):
        plan = addon.slices.at_once(addon.planning.plan(scene, strip, pressed=False))
        addon.slices.at_once(plan.show_ready())
        addon.slices.at_once(states.learn(plan))
        return "".join(states.State(code).name[0] for code in states.of(strip).codes[:12])

    return learn


def test_frames_go_from_missing_to_ready_to_out_of_date(short, scene, addon, learn, curve):
    assert learn(short) == "MMMMMMMMMMMM"
    addon.generate.fill_store(scene, short, [3, 4])
    assert learn(short) == "MMRRMMMMMMMM"
    curve(short, "Rotate Channels · angle").keyframe_points[2].co.y = 2.0
    assert learn(short) == "MMORMMMMMMMM"
    short.bend_settings.seed += 1
    assert learn(short) == "MMOOMMMMMMMM"
    short.bend_settings.seed -= 1
    curve(short, "Rotate Channels · angle").keyframe_points[2].co.y = 0.3
    assert learn(short) == "MMRRMMMMMMMM", "undone"


def test_a_picture_that_was_deleted_is_missing(short, scene, addon, learn, store):
    addon.generate.fill_store(scene, short, [3])
    for file in store.glob("*.png"):
        file.unlink()
    assert learn(short)[2] == "M"


def test_the_states_go_with_a_strip_that_slides_and_end_with_its_elements(short, scene, addon, learn, states):
    addon.generate.fill_store(scene, short, [3])
    learn(short)
    addon.compat.set_content_start(short, addon.compat.content_start(short) + 10)
    assert states.at(short, 13) == states.State.READY
    assert states.at(short, 3) is None and states.at(short, 14) == states.State.MISSING
    short.elements.append("more.png")
    assert states.of(short) is None


def test_frames_are_being_made_until_they_come(short, scene, addon, learn, states):
    learn(short)
    plan = addon.slices.at_once(addon.planning.plan(scene, short, [1, 2, 3]))
    work = addon.generation.Generation(plan)
    told = [learned(states, short)]
    work.wait(lambda generation: told.append(learned(states, short)))
    told.append(learned(states, short))
    assert told[0] == "AAAM" and told[-1] == "RRRM"
    assert all(set(text[:3]) <= {"A", "R"} for text in told)


def learned(states, strip):
    names = {states.State.READY: "R", states.State.MAKING: "A", states.State.OUTDATED: "O", states.State.MISSING: "M"}
    return "".join(names[states.State(code)] for code in states.of(strip).codes[:4])


def test_a_stopped_generation_leaves_nothing_being_made(short, scene, addon, learn, states):
    learn(short)
    plan = addon.slices.at_once(addon.planning.plan(scene, short))
    work = addon.generation.Generation(plan)
    work.cancel()
    with pytest.raises(Exception, match="ancel"):
        work.wait()
    assert states.State.MAKING not in states.of(short).codes


def test_the_badge_tells_of_the_picture_at_the_playhead(short, scene, addon, learn, states):
    overlay = addon.state_overlay
    assert overlay.badge(scene) is None, "nothing is known yet"
    addon.generate.fill_store(scene, short, [3])
    learn(short)
    scene.frame_set(3)
    assert overlay.badge(scene) is None
    scene.frame_set(4)
    assert overlay.badge(scene) == ("Missing", states.State.MISSING)
    short.bend_settings.seed += 1
    learn(short)
    scene.frame_set(3)
    assert overlay.badge(scene) == ("Out of date", states.State.OUTDATED)
    short.mute = True
    assert overlay.badge(scene) is None
    short.mute = False
    scene.frame_set(90)
    assert overlay.badge(scene) is None, "behind the strip"


def test_what_has_changed_is_not_said_to_be_ready(short, scene, addon, learn, states):
    addon.generate.fill_store(scene, short, [3])
    learn(short)
    scene.frame_set(3)
    states.doubt(scene.name, short.name)
    assert addon.state_overlay.badge(scene)[0] == "Checking…"
    learn(short)
    assert addon.state_overlay.badge(scene) is None


def test_the_film_panel_explains_the_colors(short, scene, addon, learn):
    panel = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.film")
    addon.generate.fill_store(scene, short, [3])
    learn(short)
    layout = Layout()
    panel.draw_states(layout, short)
    assert layout.said == ["Ready: 1", "Missing: 11"]
    trim(short, 3, 4)
    layout = Layout()
    panel.draw_states(layout, short)
    assert layout.said == []


def test_while_frames_arrive_the_film_panel_counts_them_once(short, scene, addon, learn, states):
    film_panel = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.film")
    for _ in addon.status.count():
        pass
    learn(short)
    counted = film_panel.counts(addon.status.shown)
    assert counted

    def drawn() -> list[str]:
        layout = Layout()
        film_panel.draw_state(layout, bpy.context, short)
        return layout.said

    assert counted[0] in drawn()
    states.of(short).make(np.arange(3))
    assert counted[0] not in drawn() and "Being made: 3" in drawn()


def test_colors_are_icons_of_their_own(states):
    icons = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.gallery.icons")
    for look in states.LOOKS.values():
        icons.of_color(look.color)  # in background every icon has the number 0
        drawn = np.array(icons.collection()[f"color:{look.color}"].icon_pixels_float).reshape(16, 16, 4)
        assert drawn[8, 8].tolist() == pytest.approx([*look.color, 1.0], abs=0.01) and drawn[0, 0, 3] == 0


class TestSpans:
    """Where the stretches of the bar are."""

    def view(self, addon, left, right, width=1000):
        return addon.overlay_geometry.View(left, right, 1.0, 6.0, width, 200)

    def test_each_stretch_is_one(self, addon, states):
        codes = np.array([3, 3, 0, 0, 0, 2], np.uint8)
        found = states.spans(codes, 10, self.view(addon, 0, 100))
        assert list(zip(found.starts, found.stops, found.states, strict=True)) == [(0, 2, 3), (2, 5, 0), (5, 6, 2)]

    @pytest.mark.parametrize("left", [0, 777, 12_345.5])
    @pytest.mark.parametrize("shown", [100, 5000, 100_000])
    def test_from_afar_there_are_no_more_than_pixels_and_nothing_missing_is_lost(self, addon, states, left, shown):
        codes = np.zeros(86_400, np.uint8)
        codes[20_000] = states.State.MISSING
        found = states.spans(codes, 1, self.view(addon, left, left + shown))
        assert 0 < len(found.states) <= 1001
        assert (states.State.MISSING in found.states) == (left <= 20_001 < left + shown)
        assert np.all(found.starts[1:] == found.stops[:-1]) and found.stops[-1] <= len(codes)

    def test_out_of_sight_there_is_nothing(self, addon, states):
        for left in (-500, 500):
            assert len(states.spans(np.zeros(10, np.uint8), 1, self.view(addon, left, left + 100)).states) == 0

    def test_every_stretch_becomes_two_triangles_in_its_color(self, addon, states):
        found = states.spans(np.array([0, 3], np.uint8), 1, self.view(addon, 0, 100))
        points, colors = addon.state_overlay.quads(found, 0.5)
        assert points.shape == (12, 2) and colors.shape == (12, 4)
        assert points[6:, 0].tolist() == [1, 2, 2, 1, 2, 1] and points[6:, 1].max() == 0.5
        assert colors[0].tolist() == pytest.approx([*states.LOOKS[states.State.READY].color, 0.5])
