"""The picture shows what sounds: from the sound strips on the timeline to frames that are conditioned on it."""

from __future__ import annotations

import json
import os
import subprocess

import bpy
import numpy as np
import pytest
from sounds import tone, write_wav
from timeline import ROOT, slide, trim

SCALE, GUIDANCE = "Source · sound scale", "Source · sound guidance"


@pytest.fixture(scope="session")
def adapters_folder(tmp_path_factory, addon, core):
    """Small random adapters for mini, made by the engine's Python."""
    folder = tmp_path_factory.mktemp("adapters")
    subprocess.run(
        [addon.preferences.engine_python(), ROOT / "tests" / "make_adapters.py", folder, core.references.MINI_PATH],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    return folder


@pytest.fixture
def film(scene, song, bend_strip, adapters_folder, addon, tmp_path):
    """A strip of 12 frames at 4 fps over a second of hum, half a second of silence and 1.5 s of hiss."""
    scene.render.fps = 4
    random = np.random.default_rng(0)
    samples = np.concatenate([tone(1.0, 48000, 110), np.zeros(24000), 0.3 * random.standard_normal(72000)])
    song.sound = bpy.data.sounds.load(str(write_wav(tmp_path / "film.wav", samples, 48000)))
    trim(song, 1, 13)
    trim(bend_strip, 1, 13)
    while len(bend_strip.elements) > 12:
        bend_strip.elements.pop(len(bend_strip.elements) - 1)
    trim(bend_strip, 1, 13)
    folder = addon.preferences.preferences().sound_adapters.add()
    folder.name, folder.folder = "small", str(adapters_folder)
    condition = bend_strip.bend_settings.condition
    condition.enabled, condition.adapters, condition.length, condition.step = True, "small", 0.5, 0.5
    bend_strip.bend_settings.bends[0].enabled = False
    yield bend_strip
    addon.preferences.preferences().sound_adapters.clear()


def keys(addon, core, scene, strip):
    return [traced.key for traced in core.resolve.trace(addon.snapshot.take(scene, strip))]


def test_it_is_off_until_it_is_wanted_and_brings_its_own_parameters(bend_strip, scene, addon, core, curve):
    settings = bend_strip.bend_settings
    assert not settings.condition.enabled and SCALE not in bend_strip
    assert addon.snapshot.take(scene, bend_strip, [1]).sound_condition is None
    settings.condition.enabled = True
    assert bend_strip[SCALE] == 1.0 and GUIDANCE not in bend_strip
    settings.condition.guidance = "SEPARATE"
    assert bend_strip[GUIDANCE] == 7.5
    assert bend_strip.id_properties_ui(SCALE).as_dict()["description"] == core.catalogue.strip.SOUND_SCALE.summary
    settings.parameters["sound_scale"].feature = "rms"
    bpy.ops.bend.bake()
    points = curve(bend_strip, SCALE).keyframe_points
    assert len(points) == 96 and 0 <= min(p.co.y for p in points) < max(p.co.y for p in points) <= 1
    settings.condition.enabled = False
    assert addon.snapshot.take(scene, bend_strip, [1]).sound_condition is None and len(points) == 96


def test_what_was_not_embedded_is_said_with_its_repair(film, scene, addon, core):
    with pytest.raises(core.errors.BendError, match="hasn't been embedded") as caught:
        addon.snapshot.take(scene, film)
    assert (caught.value.code, caught.value.action) == ("sound_not_embedded", "bend.embed_sound")
    assert bpy.ops.bend.embed_sound() == {"FINISHED"}
    job = addon.snapshot.take(scene, film)
    assert core.job.Job.from_json(job.to_json()) == job
    assert job.sound_condition.adapters.endswith("small.pt") and job.sound_condition.projector.endswith(
        "audio_projector_small.pth"
    )


def test_frames_of_a_held_window_share_it_and_silence_is_nothing(film, scene, addon, store):
    bpy.ops.bend.embed_sound()
    sounds = [frame.sound for frame in addon.snapshot.take(scene, film).frames]
    assert [len(sound) for sound in sounds] == [1] * 4 + [0] * 2 + [1] * 6
    assert all(sounds[first] == sounds[first + 1] for first in range(0, 12, 2)) and len(set(sounds)) == 6
    assert len(list((store / "inputs").glob("*.f32"))) == 5
    film.bend_settings.condition.step = 0.0
    bpy.ops.bend.embed_sound()
    assert len({frame.sound for frame in addon.snapshot.take(scene, film).frames}) > 6


def test_blended_windows_glide_and_fade_into_silence(film, scene, addon):
    film.bend_settings.condition.blended = True
    bpy.ops.bend.embed_sound()
    frames = addon.snapshot.take(scene, film).frames
    assert [share for _, share in frames[1].sound] == [0.75, 0.25] and [len(f.sound) for f in frames[4:6]] == [1, 1]
    assert [frame.strip["sound_scale"] for frame in frames[2:8]] == [1.0, 0.75, 0.25, 0.25, 0.75, 1.0]


def test_generate_embeds_by_itself_and_frames_of_the_same_sound_share_their_states(film, scene, addon, store):
    settings = film.bend_settings
    work = addon.generate.fill_store(scene, film)
    assert (len(work.plan.missing), work.rendered, work.plan.work.states) == (12, 6, 12)
    hum, silence, hiss = (addon.png.read(store / film.elements[index].filename) for index in (1, 4, 8))
    for one, other in ((hum, hiss), (hum, silence), (hiss, silence)):
        assert (one != other).any()
    assert addon.generate.fill_store(scene, film).rendered == 0
    settings.bends[0].enabled = True
    settings.bends[0].start = 0.5
    settings.bends[0].parameters["angle"].feature = "rms"
    bpy.ops.bend.bake()
    work = addon.generate.fill_store(scene, film)
    angles = len({(frame.sound, frame.values[0]["angle"]) for frame in addon.snapshot.take(scene, film).frames})
    assert angles > 6 and work.plan.work.states == 6 + angles, "the first step is shared, the bent one is not"


def test_at_scale_0_the_pictures_are_those_without_a_condition(film, scene, addon, core):
    film[SCALE] = 0.0
    silent = keys(addon, core, scene, film)
    film.bend_settings.condition.enabled = False
    assert keys(addon, core, scene, film) == silent and len(set(silent)) == 1
    film.bend_settings.condition.enabled = True
    bpy.ops.bend.embed_sound()
    film[SCALE] = 1.0
    sounding = keys(addon, core, scene, film)
    assert set(sounding) & set(silent) == {sounding[4]} == {sounding[5]}


def test_what_decides_the_picture_decides_its_key(film, scene, addon, core):
    bpy.ops.bend.embed_sound()
    settings, known = film.bend_settings, [keys(addon, core, scene, film)]
    for change in (
        lambda: film.__setitem__(SCALE, 0.5),
        lambda: setattr(settings.condition, "guidance", "SEPARATE"),
        lambda: film.__setitem__(GUIDANCE, 3.0),
        lambda: setattr(settings.condition, "start", 0.5),
        lambda: setattr(settings.condition, "blocks", "mid_block 0.5, up_blocks.1 0"),
    ):
        change()
        known.append(keys(addon, core, scene, film))
    assert len({frames[0] for frames in known}) == len(known)
    assert len({frames[4] for frames in known}) == 1, "what has no sound does not change"
    settings.condition.blocks = "everything"
    with pytest.raises(core.errors.BendError, match="isn't a block with a factor"):
        addon.snapshot.take(scene, film)


def test_the_record_is_true_until_the_sound_changes(film, song, scene, addon, core):
    bpy.ops.bend.embed_sound()
    before = keys(addon, core, scene, film)
    for strip in (song, film):
        slide(strip, 10)
    assert keys(addon, core, scene, film) == before
    trim(film, 13, 20)
    assert keys(addon, core, scene, film) == before[2:9]
    trim(film, 11, 23)
    right = film.split(frame=17, split_method="SOFT")
    assert keys(addon, core, scene, film) + keys(addon, core, scene, right) == before
    song.volume = 0.5
    for strip in (film, right):
        with pytest.raises(core.errors.BendError, match="has changed"):
            addon.snapshot.take(scene, strip)


def test_it_can_have_other_sounds_than_the_features(film, song, scene, addon, tmp_path):
    path = write_wav(tmp_path / "low.wav", tone(3.0, 48000, 60), 48000)
    other = scene.sequence_editor.strips.new_sound("Low", str(path), 2, 1)
    assert addon.condition.sounds_of(scene, film) == [song]
    song.select, other.select = False, True
    bpy.ops.bend.use_sounds(for_condition=True)
    assert addon.condition.sounds_of(scene, film) == [other] and addon.mixdown.chosen_sounds(scene, film) == [song]
    bpy.ops.bend.embed_sound()
    assert all(frame.sound for frame in addon.snapshot.take(scene, film).frames)


def test_a_render_does_not_embed_and_stops_with_the_reason(film, scene, addon, core):
    addon.activity.rendering = True
    try:
        with pytest.raises(core.errors.BendError, match="hasn't been embedded"):
            addon.generate.fill_store(scene, film, [1])
    finally:
        addon.activity.rendering = False
    bpy.ops.bend.embed_sound()
    addon.activity.rendering = True
    try:
        assert addon.generate.fill_store(scene, film, [1]).rendered == 1
    finally:
        addon.activity.rendering = False


def test_the_record_is_saved_and_what_was_embedded_goes_along_to_another_store(film, scene, addon, tmp_path):
    bpy.ops.bend.embed_sound()
    addon.preferences.preferences().frame_folder = ""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    scene = bpy.context.scene
    strip = next(addon.strips.bend_strips(scene))
    with addon.named_files.press():
        assert addon.condition.is_ready(scene, strip, addon.preferences.frame_folder())
    addon.activity.rendering = True
    try:
        assert addon.generate.fill_store(scene, strip, [1, 7]).rendered == 2
    finally:
        addon.activity.rendering = False
    assert len(list((tmp_path / "bend_frames" / "inputs").glob("*.f32"))) == 2


def test_a_closed_preparation_cancels_the_embedding(film, scene, addon):
    planning = addon.generate.prepare(scene, film)
    next(planning)
    planning.close()
    assert film.bend_settings.condition.embedded_from == ""
    assert addon.generate.fill_store(scene, film, [1]).rendered == 1


def test_adapters_that_are_not_here_or_do_not_fit_are_named(film, scene, addon, core, tmp_path, adapters_folder):
    film.bend_settings.condition.adapters = "greatest hits"
    with pytest.raises(core.errors.BendError, match="Sound adapters 'greatest hits' not found") as caught:
        addon.snapshot.take(scene, film)
    assert caught.value.action == "bend.open_preferences"
    film.bend_settings.condition.adapters = "wrong"
    folder = addon.preferences.preferences().sound_adapters.add()
    folder.name, folder.folder = "wrong", str(tmp_path / "wrong")
    (tmp_path / "wrong").mkdir()
    for name in ("audio_projector_small.pth", "clap.safetensors"):
        (tmp_path / "wrong" / name).write_bytes((adapters_folder / name).read_bytes())
    (tmp_path / "wrong" / "adapters.pt").write_bytes((adapters_folder / "audio_projector_small.pth").read_bytes())
    with pytest.raises(core.errors.BendError, match=r"adapters\.pt is an audio projector, not audio adapters"):
        addon.generate.fill_store(scene, film, [1])


def test_the_condition_is_plain_data_in_the_job(film, scene, addon):
    bpy.ops.bend.embed_sound()
    film.bend_settings.condition.blocks = "mid_block 0.5"
    film.bend_settings.condition.start = 0.25
    plain = json.loads(addon.snapshot.take(scene, film, [1]).to_json())
    assert (plain["sound_condition"]["blocks"], plain["sound_condition"]["start"]) == ({"mid_block": 0.5}, 0.25)
    assert len(plain["frames"][0]["sound"]) == 1 and plain["frames"][0]["strip"]["sound_scale"] == 1.0


@pytest.fixture
def edited(film, scene, addon, tmp_path):
    """The same over a still picture whose layout it keeps."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32] = 200
    path = tmp_path / "still.png"
    path.write_bytes(addon.png.encode(pixels))
    still = scene.sequence_editor.strips.new_image("Still", str(path), 3, 1, fit_method="FIT")
    trim(still, 1, 13)
    film.channel = 10
    film.bend_settings.source = "pictures"
    film.bend_settings.condition.keep_layout = True
    assert bpy.ops.bend.capture() == {"FINISHED"}
    return film


def test_a_picture_below_is_changed_by_sound_and_keeps_its_layout(edited, scene, addon, core, store):
    settings = edited.bend_settings
    shown = [parameter.name for _, parameter in settings.shown_parameters()]
    assert shown == ["kept_layout", "kept_shapes", "sound_scale"], "what an edit does not use is not shown"
    work = addon.generate.fill_store(scene, edited)
    assert work.plan.job.editing and work.rendered == 6
    assert work.plan.work.states == 2 + 6 * 2, "the still is inverted once"
    hum, silence = (addon.png.read(store / edited.elements[index].filename) for index in (1, 4))
    assert (hum != silence).any()
    for key in ("Source · kept layout", "Source · kept shapes"):
        before = keys(addon, core, scene, edited)
        assert edited[key] == pytest.approx(0.8)
        edited[key] = 0.0
        assert not set(keys(addon, core, scene, edited)) & set(before)
    settings.source = "noise"
    assert not addon.snapshot.take(scene, edited).editing


def test_the_thresholds_of_an_edit_follow_the_sound_like_every_parameter(edited, scene, addon, curve):
    item = edited.bend_settings.parameters["kept_layout"]
    item.feature, item.low, item.high = "rms", 1.0, 0.0
    assert bpy.ops.bend.bake() == {"FINISHED"}
    assert len(curve(edited, "Source · kept layout").keyframe_points) >= 12
    bpy.ops.bend.embed_sound()
    kept = [frame.strip["kept_layout"] for frame in addon.snapshot.take(scene, edited).frames]
    assert len(set(kept)) > 3 and 0 <= min(kept) < max(kept) <= 1
