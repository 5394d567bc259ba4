"""The flash check on a strip's film: what it marks, says and keeps, and how the film is softened."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from timeline import slide

ANGLE = "Rotate Channels · angle"
DARK, BRIGHT = 40, 200


@pytest.fixture
def film(bend_strip, scene, addon, curve, store):
    """A baked strip of 96 frames, all different, whose pictures are those that a test makes: luminance by frame."""
    assert bpy.ops.bend.bake() == {"FINISHED"}
    for index, key in enumerate(curve(bend_strip, ANGLE).keyframe_points):
        key.co.y = 0.01 * (index + 1)

    def make(shades):
        paint(addon, scene, bend_strip, store, shades)
        return bend_strip

    return make


def paint(addon, scene, strip, store, shades) -> None:
    """Put pictures of one shade each into the store as the frames of a strip; None leaves a frame out."""
    store.mkdir(parents=True, exist_ok=True)
    plan = addon.slices.at_once(addon.planning.plan(scene, strip))
    for key, shade in zip(plan.keys.values(), shades, strict=False):
        if shade is not None:
            (store / f"{key}.png").write_bytes(addon.png.encode(np.full((64, 64, 3), shade, np.uint8)))


def blinking(hertz: float, first: int, last: int) -> list[int]:
    """96 shades at 24 fps that blink between two frames of the strip, counted from 0."""
    return [
        BRIGHT if first <= number < last and (number - first) * 2 * hertz / 24 % 2 < 1 else DARK for number in range(96)
    ]


def markers(scene) -> list[tuple[str, int]]:
    return [(marker.name, marker.frame) for marker in scene.timeline_markers]


def warned(addon, scene, strip) -> str:
    """What the Film panel says of the flashes."""
    at_once = addon.slices.at_once
    return at_once(addon.flash_check.warning(strip, at_once(addon.planning.plan(scene, strip))))


def test_a_film_within_the_limit_is_not_marked(film, scene, addon):
    strip = film(blinking(3.0, 24, 72))
    assert bpy.ops.bend.check_flashes() == {"FINISHED"}
    assert markers(scene) == [] and warned(addon, scene, strip) == ""
    assert not bpy.ops.bend.soften_flashes.poll()


def test_a_film_above_the_limit_is_marked_where_it_begins_to_flash(film, scene, addon):
    strip = film(blinking(4.0, 24, 72))
    assert bpy.ops.bend.check_flashes() == {"FINISHED"}
    assert markers(scene) == [("flash", 25)]
    assert "4 times a second" in warned(addon, scene, strip) and "frames 25–70" in warned(addon, scene, strip)


def test_red_flashes_have_markers_of_their_own(film, scene, addon):
    film([(120, 0, 0) if number // 2 % 2 else (60, 60, 60) for number in range(96)])
    bpy.ops.bend.check_flashes()
    assert [name for name, _ in markers(scene)] == ["red flash"]


def test_a_second_check_replaces_the_markers_of_the_first_and_no_others(film, scene):
    scene.timeline_markers.new("flash", frame=7)
    strip = film(blinking(4.0, 24, 72))
    bpy.ops.bend.check_flashes()
    slide(strip, 10)
    bpy.ops.bend.check_flashes()
    assert sorted(markers(scene)) == [("flash", 7), ("flash", 35)]


def test_frames_that_are_not_rendered_are_told(film, scene, addon):
    shades = blinking(4.0, 24, 72)
    strip = film([*shades[:80], *[None] * 16])
    result = addon.slices.at_once(addon.flash_check.check(scene, strip))
    assert (result.frames, result.missing) == (80, 16) and "frames 25–70" in result.text


def test_without_frames_the_check_says_what_to_do(film, scene):
    film([])
    with pytest.raises(RuntimeError, match="Generate them first"):
        bpy.ops.bend.check_flashes()


def test_a_damaged_frame_is_named(film, store):
    film(blinking(4.0, 24, 72))
    next(store.glob("?" * 64 + ".png")).write_bytes(b"no picture")
    with pytest.raises(RuntimeError, match="Render it again"):
        bpy.ops.bend.check_flashes()


def test_what_was_found_is_not_said_of_other_frames(film, scene, addon, curve):
    strip = film(blinking(4.0, 24, 72))
    bpy.ops.bend.check_flashes()
    assert warned(addon, scene, strip)
    curve(strip, ANGLE).keyframe_points[40].co.y = 0.9
    assert warned(addon, scene, strip) == ""


def test_a_render_warns_of_the_frames_that_it_shows(film, scene, addon, tmp_path, capfd):
    strip = film(blinking(4.0, 24, 72))
    bpy.ops.bend.check_flashes()
    scene.frame_start, scene.frame_end = 1, 2
    scene.render.filepath = str(tmp_path / "film")
    capfd.readouterr()
    assert bpy.ops.bend.render_film() == {"FINISHED"}
    assert f"{strip.name}: Flashes up to 4 times a second" in capfd.readouterr().out
    film([DARK] * 96)
    bpy.ops.bend.check_flashes()
    capfd.readouterr()
    assert bpy.ops.bend.render_film() == {"FINISHED"}
    assert "Flashes" not in capfd.readouterr().out


def test_what_another_program_wrote_as_a_result_is_no_result(film, scene, addon):
    strip = film(blinking(4.0, 24, 72))
    for text in ("[]", "{", '{"frames": 1}', '{"frames": "", "stretches": [["x", 1, 2, 3]]}', "[" * 5000):
        strip.bend_settings.flashes = text
        assert addon.flash_check.found(strip) == ("", [])


def test_softening_lengthens_the_release_of_what_moves_fast_and_bakes_it_again(bend_strip, scene, addon, curve, store):
    """The angle follows the clicks; the mix follows the loudness so slowly that it is not what flashes."""
    angle = bend_strip.bend_settings.bends[0].parameters["angle"]
    mix = bend_strip.bend_settings.bends[0].parameters["mix"]
    angle.feature, angle.release = "onset", 0.05
    mix.feature, mix.attack, mix.release = "rms", 2.0, 3.0
    assert bpy.ops.bend.bake() == {"FINISHED"}
    paint(addon, scene, bend_strip, store, blinking(6.0, 0, 96))
    bpy.ops.bend.check_flashes()
    before = [curve(bend_strip, ANGLE).evaluate(frame) for frame in range(1, 97)]
    assert bpy.ops.bend.soften_flashes() == {"FINISHED"}
    after = [curve(bend_strip, ANGLE).evaluate(frame) for frame in range(1, 97)]
    assert angle.release == pytest.approx(0.5) and mix.release == 3.0
    assert np.abs(np.diff(after)).sum() < 0.8 * np.abs(np.diff(before)).sum()
    assert warned(addon, scene, bend_strip) == "", "these are other frames"


def test_where_no_route_moves_fast_softening_says_so(film, scene, curve):
    strip = film(blinking(6.0, 24, 72))
    assert bpy.ops.bend.check_flashes() == {"FINISHED"}
    release = strip.bend_settings.bends[0].parameters["angle"].release
    with pytest.raises(RuntimeError, match="No baked curve moves fast enough"):
        bpy.ops.bend.soften_flashes()
    assert strip.bend_settings.bends[0].parameters["angle"].release == release
