"""The flash check on a strip's film: what it marks, says and keeps, and how the film is softened."""

from __future__ import annotations

import time

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


def test_generate_checks_by_itself_and_warns_without_marking(film, scene, addon):
    strip = film(blinking(4.0, 24, 72))
    assert warned(addon, scene, strip) == ""
    assert bpy.ops.bend.generate() == {"FINISHED"}
    assert "frames 25–70" in warned(addon, scene, strip) and markers(scene) == []
    assert bpy.ops.bend.soften_flashes.poll()


def test_a_watched_generation_checks_in_short_slices_and_nothing_twice(film, scene, addon, monkeypatch):
    strip, read = film(blinking(4.0, 24, 72)), []
    png_read = addon.png.read
    monkeypatch.setattr(addon.png, "read", lambda *asked: read.append(asked) or png_read(*asked))

    def generate(frames=None) -> tuple[int, float]:
        read.clear()
        work, longest = addon.film_work.FilmWork(scene, strip, frames), 0.0
        going = True
        while going:
            began = time.monotonic()
            going = work.update()
            longest = max(longest, time.monotonic() - began)
        work.finish()
        addon.activity.end()
        return len(read), longest

    assert generate([30])[0] == 0, "a single frame tells nothing of flashes"
    seen, longest = generate()
    assert seen == 96 and "frames 25–70" in warned(addon, scene, strip)
    assert longest < 0.1  # on a busy machine; what is aimed at is told in film_work
    assert generate()[0] == 0


def test_frames_that_cannot_be_checked_do_not_fail(film, scene, addon, store):
    strip = film(blinking(4.0, 24, 72))
    plan = addon.slices.at_once(addon.planning.plan(scene, strip))
    path = store / f"{list(plan.keys.values())[10]}.png"
    path.write_bytes(path.read_bytes()[:-40])
    assert bpy.ops.bend.generate() == {"FINISHED"}
    assert warned(addon, scene, strip) == ""


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
