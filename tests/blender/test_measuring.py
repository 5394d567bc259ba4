"""Measuring without baking: what is known of a strip, for how long it is true, and that it writes nothing."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from sounds import write_wav
from timeline import slide


@pytest.fixture
def measured(addon):
    addon.measured.forget()
    yield addon.measured
    addon.measured.forget()


@pytest.fixture
def pulse(scene, bend_strip, song, tmp_path):
    """The song replaced by a click every half second from 0.25 s on."""
    samples = np.zeros(4 * 48000)
    time = np.arange(2400) / 48000
    click = 0.8 * np.sin(2 * np.pi * 200 * time) * np.exp(-time / 0.02)
    for start in np.arange(0.25, 4.0, 0.5):
        first = round(start * 48000)
        samples[first : first + 2400] += click
    song.sound = bpy.data.sounds.load(str(write_wav(tmp_path / "pulse.wav", samples, 48000)))
    return bend_strip


def test_measuring_shows_the_curve_that_a_bake_would_write_and_writes_nothing(scene, bend_strip, measured, addon):
    assert measured.known(bend_strip) is None
    assert bpy.ops.bend.measure() == {"FINISHED"}
    known = measured.known(bend_strip)
    parameter = bend_strip.bend_settings.bends[0].parameters["angle"]
    values = parameter.route().shape(known, addon.timing.frame_rate(scene))
    assert addon.strips.find_curve(bend_strip, parameter.key) is None
    assert known["peak"].shape == (96,)
    bpy.ops.bend.bake()
    curve = addon.strips.find_curve(bend_strip, parameter.key)
    np.testing.assert_allclose([curve.evaluate(frame) for frame in range(1, 97)], values, atol=1e-5)


def test_what_is_known_is_true_until_the_sound_or_the_routes_change(scene, song, bend_strip, measured):
    def fresh():
        return measured.fresh(scene, bend_strip, measured.needed(bend_strip))

    assert not fresh()
    bpy.ops.bend.measure()
    assert fresh()
    for strip in (song, bend_strip):
        slide(strip, 10)
    assert fresh(), "together they are the same sound"
    bend_strip.bend_settings.bends[0].parameters["mix"].feature = "centroid"
    assert not fresh()
    bpy.ops.bend.measure()
    assert fresh()
    song.volume = 0.5
    assert not fresh()
    assert measured.look(scene, bend_strip)
    assert measured.is_stale(bend_strip)
    bpy.ops.bend.measure()
    assert not measured.is_stale(bend_strip)


def test_the_beats_are_detected_and_corrected_without_measuring_again(scene, pulse, measured, addon):
    placed = addon.timing.Placement.of(pulse)
    assert bpy.ops.bend.measure() == {"FINISHED"}
    detected = measured.grid(pulse, placed).times
    offsets = (detected - 0.25 + 0.25) % 0.5 - 0.25
    assert len(detected) >= 6
    assert np.all(np.abs(offsets) < 0.07)
    number = measured.of(pulse).number
    pulse.bend_settings.beats.shift = 0.1
    np.testing.assert_allclose(measured.grid(pulse, placed).times, detected[detected + 0.1 < 4.0] + 0.1)
    pulse.bend_settings.beats.factor = "DOUBLE"
    assert len(measured.grid(pulse, placed).times) == pytest.approx(2 * len(detected), abs=2)
    assert measured.of(pulse).number == number


def test_marking_beats_measures_first(scene, pulse, measured):
    assert bpy.ops.bend.mark_beats(kind="BEATS") == {"FINISHED"}
    frames = sorted(marker.frame for marker in scene.timeline_markers)
    assert len(frames) >= 6
    assert all(abs((frame - 7 + 6) % 12 - 6) <= 2 for frame in frames), "a click is in frame 7 and every 12 after"


def test_a_canceled_measurement_leaves_what_was_known(scene, bend_strip, measured):
    bpy.ops.bend.measure()
    before = measured.of(bend_strip)
    work = measured.Measuring(scene, bend_strip)
    work.cancel()
    with pytest.raises(measured.BendError):
        work.finish()
    assert measured.of(bend_strip) is before


def test_a_strip_that_went_away_meanwhile_is_said(scene, bend_strip, measured):
    work = measured.Measuring(scene, bend_strip)
    scene.sequence_editor.strips.remove(bend_strip)
    with pytest.raises(measured.BendError, match="no longer exists"):
        work.finish()


def test_without_sound_it_says_what_is_missing(scene, song, bend_strip, measured, capfd):
    scene.sequence_editor.strips.remove(song)
    with pytest.raises(RuntimeError, match="sound strip"):
        bpy.ops.bend.measure()
    assert measured.known(bend_strip) is None


def test_another_file_forgets_everything(bend_strip, measured):
    bpy.ops.bend.measure()
    assert measured.known(bend_strip) is not None
    name = bend_strip.id_data.name, bend_strip.name
    bpy.ops.wm.read_homefile(use_empty=True)
    assert name not in measured.known_by_name
