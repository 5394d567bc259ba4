"""A long song costs in proportion to its length, in slices that do not grow with it, and a selection costs nothing."""

from __future__ import annotations

import numpy as np
import pytest
from counting import steps_of_slices

FEW, MANY = 120, 1200


@pytest.fixture
def film(scene, store, addon, core):
    """A strip of so many frames with so many bends, each with a key on every frame."""

    def make(frames, bends=3, name="Bend"):
        strip = addon.strips.create(scene, name, 1, 1 + frames, (64, 64), store)
        for _ in range(bends):
            bend = addon.stack.add_bend(strip, "rotate_channels")
            curve = addon.compat.ensure_fcurve(
                scene, addon.strips.data_path(strip, bend.parameters["angle"].key), strip.name
            )
            values = np.sin(np.arange(frames) / 9 + len(strip.bend_settings.bends))
            addon.keyframes.write_keys(curve, addon.keyframes.table_of(core.curves.dense(values, 1)))
        scene.sequence_editor.active_strip = strip
        return strip

    return make


def assert_grows_in_slices(few, many):
    """Ten times the frames are at most twelve times the work, in slices that take no longer."""
    assert sum(many) <= 12 * sum(few)
    assert max(many) <= 1.5 * max(few)


def test_a_job_is_taken_in_slices(scene, film, addon, monkeypatch):
    monkeypatch.setattr(addon.snapshot, "PIECE", 100)
    costs = []
    for frames in (FEW, MANY):
        strip = film(frames, name=f"Of {frames}")
        addon.snapshot.take(scene, strip)  # what is cached is no longer read
        costs.append(steps_of_slices(addon.snapshot.take_in_slices(scene, strip)))
    assert_grows_in_slices(*costs)


def test_a_strip_that_is_gone_meanwhile_is_said(scene, film, addon, core):
    taking = addon.snapshot.take_in_slices(scene, film(FEW))
    next(taking)
    scene.sequence_editor.strips.remove(scene.sequence_editor.strips["Bend"])
    with pytest.raises(core.errors.BendError) as caught:
        list(taking)
    assert caught.value.code == core.errors.Code.STRIP_MISSING


def test_a_curve_that_is_gone_meanwhile_leaves_the_value(scene, film, addon):
    strip = film(FEW, bends=1)
    key = strip.bend_settings.bends[0].parameters["angle"].key
    strip[key] = 0.25
    taking = addon.snapshot.take_in_slices(scene, strip)
    next(taking)
    addon.compat.fcurves(scene).remove(addon.strips.find_curve(strip, key))
    job = addon.slices.at_once(taking)
    assert {frame.values[0]["angle"] for frame in job.frames} == {0.25}


def test_frames_are_played_for_drivers_in_slices_and_the_playhead_comes_back(scene, film, addon, monkeypatch):
    strip = film(FEW, bends=1)
    key = strip.bend_settings.bends[0].parameters["mix"].key
    driver = scene.driver_add(addon.strips.data_path(strip, key)).driver
    driver.expression = "frame / 1000"
    scene.frame_set(7, subframe=0.5)
    monkeypatch.setattr(addon.snapshot, "PLAYING_SECONDS", 0.0)
    taking, seen = addon.snapshot.take_in_slices(scene, strip), []
    try:
        while True:
            next(taking)
            seen.append((scene.frame_current, scene.frame_subframe))
    except StopIteration as done:
        job = done.value
    assert set(seen) == {(7, 0.5)} and len(seen) > FEW
    assert [frame.values[0]["mix"] for frame in job.frames] == [round(n / 1000, 6) for n in range(1, 1 + FEW)]
