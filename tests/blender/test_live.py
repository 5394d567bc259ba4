"""Live: drafts of the playhead's frame, always of the last values, that touch nothing of the file."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import bpy
import numpy as np
import pytest

LONG = os.environ.get("BEND_TEST_ALL") == "1"
ANGLE = "Rotate Channels · angle"
#: A deadline far away, for busy machines.
SECONDS = 120


@pytest.fixture
def live(bend_strip, scene, addon, tmp_path, monkeypatch, curve):
    """Live on the bend strip, with drafts in a folder of its own; background has no window that shows it."""
    folder = addon.preferences.user_folder
    monkeypatch.setattr(addon.preferences, "user_folder", lambda name: _folder(tmp_path, folder, name))
    bpy.ops.bend.bake()
    for index, key in enumerate(curve(bend_strip, ANGLE).keyframe_points):  # no two frames are alike
        key.co.y = 0.01 * (index + 1)
    scene.frame_set(5)
    made = addon.controller.Live(lambda: made.plays, lambda: (scene, scene.sequence_editor.strips_all.get(made.name)))
    made.plays, made.name = False, bend_strip.name
    yield made
    made.close()


def _folder(tmp_path, folder, name):
    if name != "drafts":
        return folder(name)
    (tmp_path / name).mkdir(exist_ok=True)
    return tmp_path / name


def changed(addon):
    """What Blender says of every change; its handler is for windows only."""
    addon.changes.note_update()


def until(live, done):
    """Go on until something is so."""
    end = time.monotonic() + SECONDS
    while not done():
        live.step()
        time.sleep(0.002)
        assert time.monotonic() < end, (live.problem, live.asking.phase)


def shows(live):
    """Whether the picture of what is wanted now is shown."""
    live.step()
    return live.wanted is not None and live.shown == live.wanted and live.picture.key == live.wanted.key


def draft(live, addon):
    """The draft of what the file says now."""
    changed(addon)
    until(live, lambda: shows(live))
    return live.picture


def frames_in(store):
    """The frames of a store, without placeholders."""
    return {file.name: file.read_bytes() for file in store.iterdir() if len(file.name) == 68}


def state_of(scene, strip):
    """All of the file that Live could have touched."""
    return (
        [element.filename for element in strip.elements],
        strip.directory,
        strip.transform.scale_x,
        scene.frame_current,
        {key: strip.get(key) for key in strip.keys() if isinstance(strip.get(key), float)},  # noqa: SIM118
        sorted(bpy.data.images.keys()),
        [item.name for item in scene.sequence_editor.strips_all],
    )


def test_a_change_shows_another_draft_and_touches_nothing_else(live, bend_strip, scene, addon, store):
    before = state_of(scene, bend_strip)
    first = draft(live, addon)
    assert first.size == (64, 64)
    bend_strip.bend_settings.seed += 1
    second = draft(live, addon)
    assert second.key != first.key and second.pixels != first.pixels
    bend_strip.bend_settings.seed -= 1
    assert draft(live, addon).pixels == first.pixels
    assert state_of(scene, bend_strip) == before
    assert not frames_in(store), "a draft is in no frame store"


def test_a_draft_that_was_made_before_is_shown_at_once(live, bend_strip, addon, tmp_path):
    first = draft(live, addon)
    bend_strip.bend_settings.seed += 1
    draft(live, addon)
    bend_strip.bend_settings.seed -= 1
    changed(addon)
    live.step()
    assert live.picture is not None and live.picture.key == first.key
    again = addon.controller.Kept(tmp_path / "drafts")
    end = time.monotonic() + SECONDS
    while not again.has(first.key) and time.monotonic() < end:
        time.sleep(0.01)
    assert again.get(first.key) == first, "the disk has it too"


def test_a_frame_that_is_ready_is_not_covered(live, bend_strip, scene, addon):
    draft(live, addon)
    bpy.ops.bend.preview_frame()
    changed(addon)
    live.step()
    assert live.picture is None and live.wanted.ready and live.asking.wanted is None
    bend_strip.bend_settings.seed += 1
    assert draft(live, addon) is not None


def test_frames_after_live_are_those_without(live, bend_strip, scene, addon, store, tmp_path):
    for seed in (1, 2, 3):
        bend_strip.bend_settings.seed = seed
        changed(addon)
        live.step()
    draft(live, addon)
    live.close()
    addon.generate.fill_store(scene, bend_strip, [5, 6])
    with_live = frames_in(store)
    addon.engine_client.shut_down()
    addon.preferences.preferences().frame_folder = str(tmp_path / "without")
    addon.generate.fill_store(scene, bend_strip, [5, 6])
    assert frames_in(tmp_path / "without") == with_live and len(with_live) == 2


def test_a_knob_that_was_moved_without_a_key_counts_until_the_playhead_moves(live, bend_strip, scene, addon):
    first = draft(live, addon)
    bend_strip[ANGLE] = 2.5
    moved = draft(live, addon)
    assert moved.key != first.key
    (frame,) = live.wanted.job.frames
    assert frame.values[0]["angle"] == 2.5
    scene.frame_set(6)
    draft(live, addon)
    scene.frame_set(5)
    assert draft(live, addon).key == first.key


def test_a_curve_that_changes_counts_again(live, bend_strip, scene, addon, curve):
    draft(live, addon)
    bend_strip[ANGLE] = 2.5
    draft(live, addon)
    for key in curve(bend_strip, ANGLE).keyframe_points:
        key.co.y = 0.75
    draft(live, addon)
    (frame,) = live.wanted.job.frames
    assert frame.values[0]["angle"] == 0.75


def test_after_many_changes_at_any_moment_the_last_values_are_shown(live, bend_strip, scene, addon):
    """Knobs, prompts, sizes and the playhead; the picture at the end is that of the last."""
    chance = random.Random(7)
    settings = bend_strip.bend_settings
    changes_ = [
        lambda: setattr(settings, "seed", chance.randrange(1000)),
        lambda: setattr(settings, "prompt", chance.choice(["a moon", "a forest", "waves"])),
        lambda: scene.frame_set(chance.randrange(1, 90)),
        lambda: bend_strip.__setitem__(ANGLE, chance.uniform(-3, 3)),
        lambda: setattr(settings, "width", chance.choice([64, 72, 128])),
        lambda: setattr(settings.bends[0], "enabled", chance.random() < 0.5),
    ]
    draft(live, addon)
    for _ in range(500 if LONG else 60):
        chance.choice(changes_)()
        changed(addon)
        for _ in range(chance.randrange(4)):
            live.step()
            time.sleep(chance.choice([0, 0.001, 0.02]))
    last = draft(live, addon)
    job = addon.snapshot.take(scene, bend_strip, [scene.frame_current])
    assert last.size in {(64, 64), (72, 64), (128, 64)}
    assert live.wanted.size == job.size and live.wanted.job.seed == job.seed
    assert live.asking.wanted is None
    assert len(list(Path(live.asking.folder.name).iterdir())) == 1, "one shared file, whatever was asked"
    assert live.kept.size <= addon.kept.MOST


def test_outside_of_the_strip_nothing_is_shown(live, scene, addon):
    draft(live, addon)
    scene.frame_set(500)
    live.step()
    assert live.picture is None and live.wanted is None


def test_what_cannot_be_made_is_said_and_the_next_change_tries_again(live, bend_strip, addon):
    bend_strip.bend_settings.model = "no/such-model"
    changed(addon)
    live.step()
    assert "no/such-model" in live.problem.message and live.picture is None
    bend_strip.bend_settings.model = "mini"
    assert draft(live, addon) is not None and live.problem is None


def test_live_waits_while_frames_are_rendered(live, addon):
    addon.activity.begin("Generating")
    changed(addon)
    live.step()
    assert live.paused and live.asking.wanted is None
    addon.activity.end()
    assert draft(live, addon) is not None


def test_an_engine_that_dies_ends_it(live, bend_strip, addon, core):
    draft(live, addon)
    bend_strip.bend_settings.steps = 100
    bend_strip.bend_settings.seed += 1
    changed(addon)
    live.step()
    addon.engine_client.client().process.kill()
    with pytest.raises(core.errors.BendError) as ended:
        until(live, lambda: False)
    assert ended.value.code == core.errors.Code.ENGINE_DIED


def test_idle_it_fills_the_preview_range_from_rough_to_fine(live, scene, addon, core, monkeypatch):
    monkeypatch.setattr(addon.controller, "QUIET_SECONDS", 0.0)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 3, 14
    asked = []
    ask = live.asking.ask

    def noted(wanted):
        asked.append(wanted.number)
        ask(wanted)

    monkeypatch.setattr(live.asking, "ask", noted)
    draft(live, addon)
    until(live, lambda: len(asked) >= 4 and live.asking.wanted is None)
    assert asked[:4] == [5, 13, 9, 7]
    scene.frame_set(13)
    live.step()
    assert shows(live), "it was there"


def test_playing_it_asks_for_what_will_be_shown_and_the_second_round_has_more(live, scene, addon, monkeypatch):
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 3, 14
    draft(live, addon)
    live.plays = True
    live.asking.seconds = 0.5
    asked = []
    ask = live.asking.ask

    def noted(wanted):
        asked.append((scene.frame_current, wanted.number))
        ask(wanted)

    monkeypatch.setattr(live.asking, "ask", noted)
    rounds = []
    for _ in range(6):
        hits = 0
        for number in range(3, 15):
            scene.frame_set(number)
            for _ in range(3):
                live.step()
                time.sleep(0.005)
            hits += shows(live)
        rounds.append(hits)
    assert asked and all(3 <= number <= 14 for _, number in asked)
    assert asked[0][1] == 3 + (asked[0][0] + 12 - 3) % 12
    assert len({number for _, number in asked}) == len(asked), "none is made twice"
    assert rounds[-1] > rounds[0]


def test_the_switch_is_off_in_a_file_that_is_opened(scene, addon):
    manager = bpy.context.window_manager
    manager.bend_live = True
    assert addon.switch.live is not None and addon.switch.state()
    bpy.ops.wm.read_homefile(use_empty=True)
    assert not bpy.context.window_manager.bend_live and addon.switch.live is None and addon.switch.state() == ""


@pytest.mark.parametrize("turned", [False, True])
def test_a_draft_lies_where_blender_draws_the_strip(scene, addon, tmp_path, turned):
    """Each quarter of a picture has a color; the middle of each is looked for in a frame that Blender renders."""
    scene.render.resolution_x, scene.render.resolution_y = 128, 96
    size = (32, 16)
    pixels = np.zeros((*size[::-1], 3), np.uint8)
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], np.uint8)
    for index, color in enumerate(colors):  # left bottom, right bottom, left top, right top
        row, column = 8 * (1 - index // 2), 16 * (index % 2)
        pixels[row : row + 8, column : column + 16] = color
    (tmp_path / "quarters.png").write_bytes(addon.png.encode(pixels))
    strip = addon.image_strips.new(scene, "Quarters", tmp_path / "quarters.png", 1, 1, 5)
    strip.transform.scale_x, strip.transform.scale_y = 2.0, 3.0
    strip.bend_settings.fitted_size = size
    if turned:
        strip.transform.rotation, strip.transform.offset_x, strip.transform.offset_y = 0.5, 12.0, -7.0
        strip.transform.origin = (0.25, 0.75)
        strip.use_flip_x = True
    corners = np.array(addon.placing.corners(strip, size))
    scene.render.filepath = str(tmp_path / "frame.png")
    addon.compat.set_image_output(scene)
    scene.frame_set(2)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    rendered = np.array(image.pixels[:]).reshape(96, 128, 4)
    middle = corners.mean(axis=0)
    for corner, color in zip(corners, colors, strict=True):
        x, y = (corner + middle) / 2 + (64, 48)
        assert np.allclose(rendered[int(y), int(x), :3] * 255, color, atol=12), (corner, color)
