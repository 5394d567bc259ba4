"""From sound strips to samples: what you hear is what is analysed, and what cannot be heard is said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import bpy
import numpy as np
import pytest
from sounds import clicks, tone, write_wav
from timeline import ROOT, sequencer, slide, trim

ENGINE_PYTHON = ROOT / ".venv" / "engine" / "bin" / "python"
KINDS = (
    *("mono_48.wav", "stereo_44.wav", "float_96.wav", "mono_8.wav", "mono_192.wav", "surround_48.wav"),
    *("stereo_44.flac", "stereo_44.mp3", "mono_22.mp3", "stereo_44.ogg", "stereo_48.opus", "stereo_44.m4a"),
    *("surround_48.m4a", "film.mp4", "film.mov", "film.mkv", "film.webm"),
)
RATE = 48000
#: The level of a sine of half the full scale that is panned to the center, as Blender mixes it.
CENTERED = 0.25


@pytest.fixture(scope="session")
def kinds(tmp_path_factory) -> Path:
    """A folder with the same tone in every kind of file: a second of silence, a second of 440 Hz."""
    folder = tmp_path_factory.mktemp("kinds of sound")
    subprocess.run([ENGINE_PYTHON, ROOT / "tests" / "make_sounds.py", folder], check=True, cwd=ROOT)
    return folder


@pytest.fixture
def heard(scene, tmp_path, addon):
    """The samples of both channels that a mixdown of some strips gives over a range of frames, shape (samples, 2)."""

    def mix(strips, frames, of=None):
        path = addon.mixdown.mixdown(of or scene, strips, frames, tmp_path)
        data = path.read_bytes()
        samples = np.frombuffer(data[data.index(b"data") + 8 :][: len(frames) * RATE // 24 * 8], np.float32)
        return samples.reshape(-1, 2)

    return mix


def level(samples, first, last):
    """Root mean square of both channels between two frames, from the start; a mono sound is 3 dB softer on each."""
    part = samples[first * RATE // 24 : last * RATE // 24]
    return float(np.sqrt(np.mean(part.astype(np.float64) ** 2)))


def add(scene, path, frame=1, channel=1):
    return scene.sequence_editor.strips.new_sound(Path(path).stem, str(path), channel, frame)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_heard_in_time(scene, kinds, heard, addon, kind):
    strip = add(scene, kinds / kind)
    addon.mixdown.check_readable(strip)
    samples = heard([strip], range(1, 49))
    assert level(samples, 0, 22) < 0.01
    assert level(samples, 26, 46) > 0.1
    spectrum = np.abs(np.fft.rfft(samples[26 * RATE // 24 : 46 * RATE // 24, 0]))
    assert np.argmax(spectrum) * 24 / 20 == pytest.approx(440, abs=2)


def test_a_moved_and_trimmed_strip_is_heard_where_it_is_seen(scene, tmp_path, heard):
    strip = add(scene, write_wav(tmp_path / "a.wav", tone(4.0, RATE), RATE))
    slide(strip, 20)
    trim(strip, 33, 61)
    samples = heard([strip], range(1, 97))
    assert level(samples, 0, 32) < 1e-4
    assert level(samples, 33, 59) == pytest.approx(CENTERED, rel=0.02)
    assert level(samples, 61, 95) < 1e-4


def test_a_muted_strip_and_a_muted_channel_are_not_heard(scene, tmp_path, heard):
    strip = add(scene, write_wav(tmp_path / "a.wav", tone(1.0, RATE), RATE))
    strip.mute = True
    assert level(heard([strip], range(1, 25)), 0, 23) == 0
    strip.mute = False
    scene.sequence_editor.channels[1].mute = True
    assert level(heard([strip], range(1, 25)), 0, 23) == 0


def test_other_sounds_are_not_heard_and_stay_audible_afterwards(scene, tmp_path, heard):
    quiet = add(scene, write_wav(tmp_path / "a.wav", tone(1.0, RATE, level=0.1), RATE))
    loud = add(scene, write_wav(tmp_path / "b.wav", tone(1.0, RATE, 3000, level=0.9), RATE), channel=2)
    assert level(heard([quiet], range(1, 25)), 2, 22) == pytest.approx(CENTERED / 5, rel=0.02)
    assert not loud.mute and not quiet.mute


def test_opposite_channels_are_heard(scene, tmp_path, heard):
    sound = tone(1.0, RATE)
    strip = add(scene, write_wav(tmp_path / "a.wav", np.stack([sound, -sound], axis=1), RATE))
    samples = heard([strip], range(1, 25))
    assert level(samples, 2, 22) == pytest.approx(0.3535, rel=0.02)
    assert np.allclose(samples[:, 0], -samples[:, 1], atol=1e-4)


def test_a_panned_strip_is_heard_on_its_side(scene, tmp_path, heard):
    strip = add(scene, write_wav(tmp_path / "a.wav", tone(1.0, RATE), RATE))
    strip.pan = 1.0
    samples = heard([strip], range(1, 25))
    assert level(samples[:, 0], 2, 22) < 1e-4
    assert level(samples[:, 1], 2, 22) == pytest.approx(0.3535, rel=0.02)


def test_volume_curves_count(scene, tmp_path, heard):
    strip = add(scene, write_wav(tmp_path / "a.wav", tone(4.0, RATE), RATE))
    strip.volume = 1.0
    strip.keyframe_insert("volume", frame=1)
    strip.volume = 0.0
    strip.keyframe_insert("volume", frame=97)
    samples = heard([strip], range(1, 97))
    assert level(samples, 0, 8) > 3 * level(samples, 72, 80) > 0


def test_a_strip_within_a_meta_strip_is_heard(scene, tmp_path, heard):
    strip = add(scene, write_wav(tmp_path / "a.wav", tone(2.0, RATE), RATE), frame=10)
    meta = scene.sequence_editor.strips.new_meta("Meta", 3, 10)
    strip.move_to_meta(meta)
    trim(meta, 10, 58)
    samples = heard([strip], range(1, 97))
    assert level(samples, 0, 8) < 1e-4
    assert level(samples, 12, 54) == pytest.approx(CENTERED, rel=0.03)


def test_the_sequencer_scene_is_mixed_not_the_context_scene(scene, tmp_path, heard):
    other = bpy.data.scenes.new("Edit")
    other.sequence_editor_create()
    other.render.fps = 24
    strip = add(other, write_wav(tmp_path / "a.wav", tone(1.0, RATE), RATE))
    add(scene, write_wav(tmp_path / "b.wav", tone(1.0, RATE, level=0.9), RATE))
    assert level(heard([strip], range(1, 25), of=other), 2, 22) == pytest.approx(CENTERED, rel=0.02)


def test_a_bend_strip_in_another_sequencer_scene_is_baked(scene, store, tmp_path, addon, curve):
    other = bpy.data.scenes.new("Edit")
    other.sequence_editor_create()
    add(other, write_wav(tmp_path / "a.wav", tone(1.0, RATE), RATE))
    with sequencer(other):
        assert bpy.ops.bend.add_strip() == {"FINISHED"}
        assert bpy.ops.bend.bake() == {"FINISHED"}
    strip = next(addon.strips.bend_strips(other))
    assert len(curve(strip, "Rotate Channels · angle").keyframe_points) == 24


def failure_of(operator, **arguments):
    """What the artist is told."""
    with pytest.raises(RuntimeError) as raised:
        operator(**arguments)
    return str(raised.value)


def test_a_missing_file_is_named(scene, tmp_path, store):
    add(scene, tmp_path / "gone.wav")
    bpy.ops.bend.add_strip()
    assert "missing" in failure_of(bpy.ops.bend.bake)


def test_a_file_that_vanishes_after_loading_is_named(scene, bend_strip, song):
    Path(bpy.path.abspath(song.sound.filepath)).unlink()
    assert "song.wav" in failure_of(bpy.ops.bend.bake)


@pytest.mark.parametrize("content", [b"", b"this is not sound", bytes(5000)])
def test_an_undecodable_file_is_named_and_blender_lives(scene, tmp_path, store, content):
    (tmp_path / "noise.wav").write_bytes(content)
    add(scene, tmp_path / "noise.wav")
    bpy.ops.bend.add_strip()
    assert "can't read sound from 'noise.wav'" in failure_of(bpy.ops.bend.bake)


def test_a_film_without_sound_is_named(scene, kinds, store):
    add(scene, kinds / "without_sound.mp4")
    bpy.ops.bend.add_strip()
    assert "without_sound.mp4" in failure_of(bpy.ops.bend.bake)


def test_silence_is_said(scene, tmp_path, store):
    add(scene, write_wav(tmp_path / "silence.wav", np.zeros(RATE), RATE))
    bpy.ops.bend.add_strip()
    assert "silent" in failure_of(bpy.ops.bend.bake)


def test_no_sound_at_all_is_said(scene, store):
    bpy.ops.bend.add_strip()
    assert "no sound on the timeline" in failure_of(bpy.ops.bend.bake)


def test_a_deleted_sound_strip_is_missed_with_the_repair(scene, bend_strip, song):
    scene.sequence_editor.strips.remove(song)
    assert "'Song' is no longer on the timeline" in failure_of(bpy.ops.bend.bake)


def test_the_mixdown_is_stereo_at_48_khz_whatever_the_scene_says(scene, song, tmp_path, addon):
    scene.render.ffmpeg.audio_mixrate = 22050
    path = addon.mixdown.mixdown(scene, [song], range(1, 25), tmp_path)
    data = path.read_bytes()
    assert int.from_bytes(data[22:24], "little") == 2
    assert int.from_bytes(data[24:28], "little") == RATE


def test_after_a_render_that_failed_everything_is_heard(scene, song, heard):
    """Blender 5.2 ends a mixdown at once then; what was missing of the sound was taken for silence."""
    before, scenes = heard([song], range(1, 97)), list(bpy.data.scenes)
    with pytest.raises(RuntimeError, match="no camera"):
        bpy.ops.render.render(animation=True)
    assert np.array_equal(heard([song], range(1, 97)), before)
    assert list(bpy.data.scenes) == scenes


def test_packed_sound_is_heard(scene, tmp_path, heard, addon):
    path = write_wav(tmp_path / "packed.wav", tone(1.0, RATE), RATE)
    strip = add(scene, path)
    strip.sound.pack()
    path.unlink()
    addon.mixdown.check_readable(strip)
    assert level(heard([strip], range(1, 25)), 2, 22) == pytest.approx(CENTERED, rel=0.02)


def test_a_mixdown_that_cannot_be_written_is_said_in_words(scene, song, addon, core, tmp_path):
    with pytest.raises(core.errors.BendError) as raised:
        addon.mixdown.mixdown(scene, [song], range(1, 10), tmp_path / "missing")
    assert raised.value.code == core.errors.Code.SOUND_UNREADABLE


def test_a_mixdown_that_is_still_being_written_is_not_taken_for_whole(addon, tmp_path):
    """A windowed Blender 5.2 writes it in a thread: first nothing, then a head without a length, then the samples."""
    whole = write_wav(tmp_path / "whole.wav", clicks(0.5, 48000)[0], 48000)
    data = whole.read_bytes()
    growing = tmp_path / "growing.wav"
    assert not addon.compat.is_whole_wav(growing)
    for part in (b"", data[:4] + b"\xff\xff\xff\xff" + data[8:], data[:-100]):
        growing.write_bytes(part)
        assert not addon.compat.is_whole_wav(growing)
    growing.write_bytes(data)
    assert addon.compat.is_whole_wav(growing)


def test_a_mixdown_in_another_thread_is_waited_for(addon, tmp_path):
    import threading

    whole = write_wav(tmp_path / "whole.wav", clicks(0.5, 48000)[0], 48000).read_bytes()
    late = tmp_path / "late.wav"
    threading.Timer(0.2, lambda: late.write_bytes(whole)).start()
    addon.compat.wait_for_wav(late)
    assert late.read_bytes() == whole


def test_a_mixdown_that_never_begins_is_an_error(addon, tmp_path, monkeypatch):
    monkeypatch.setattr(addon.compat, "MIXDOWN_PATIENCE", 0.1)
    with pytest.raises(RuntimeError, match="try again"):
        addon.compat.wait_for_wav(tmp_path / "never.wav")


def scene_of(name, path):
    """Another scene with a sound in its sequencer."""
    made = bpy.data.scenes.new(name)
    made.sequence_editor_create()
    made.render.fps = 24
    add(made, path)
    return made


def play(scene, shown, channel=5):
    """A strip that plays the sequencer of a scene."""
    strip = scene.sequence_editor.strips.new_scene(shown.name, shown, channel, 1)
    strip.scene_input = "SEQUENCER"
    return strip


def test_a_scene_strip_is_heard_and_its_own_scene_strips_too(scene, tmp_path, heard, addon):
    inner = scene_of("Inner", write_wav(tmp_path / "a.wav", tone(1.0, RATE), RATE))
    middle = bpy.data.scenes.new("Middle")
    middle.sequence_editor_create()
    middle.render.fps = 24
    play(middle, inner)
    strip = play(scene, middle)
    assert addon.mixdown.sound_strips(scene) == [strip]
    assert level(heard([strip], range(1, 25)), 2, 22) == pytest.approx(CENTERED, rel=0.02)
    strip.scene_input = "CAMERA"
    assert addon.mixdown.sound_strips(scene) == []


def test_scenes_that_play_each_other_end(scene, tmp_path, addon, bend_strip):
    other = scene_of("Other", write_wav(tmp_path / "a.wav", tone(1.0, RATE), RATE))
    strip = play(scene, other)
    play(other, scene)
    assert strip in addon.mixdown.sound_strips(scene)
    addon.mixdown.check_readable(strip)
    bend_strip.bend_settings.sounds.clear()
    assert addon.sound_print.of(scene, bend_strip)


def test_a_file_that_is_missing_in_a_scene_is_named(scene, tmp_path, store):
    play(scene, scene_of("Other", tmp_path / "gone.wav"))
    bpy.ops.bend.add_strip()
    assert "gone.wav" in failure_of(bpy.ops.bend.bake)


@pytest.mark.parametrize("muted", [False, True])
def test_a_strip_whose_scene_was_deleted_is_named_and_blender_lives(scene, tmp_path, song, bend_strip, muted):
    other = scene_of("Other", write_wav(tmp_path / "a.wav", tone(1.0, RATE), RATE))
    play(scene, other).mute = muted
    bpy.data.scenes.remove(other)
    assert "'Other' in 'Scene' has been deleted" in failure_of(bpy.ops.bend.bake)


def test_speakers_of_a_3d_scene_are_not_measured_and_stay_audible(scene, song, heard, tmp_path):
    before = heard([song], range(1, 25))
    bpy.ops.object.speaker_add()
    speaker = bpy.context.object
    speaker.data.sound = bpy.data.sounds.load(str(write_wav(tmp_path / "a.wav", tone(2.0, RATE), RATE)))
    speaker.update_tag()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "speaker.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "speaker.blend"))  # Blender hears a new speaker from then on
    scene = bpy.context.scene
    samples = heard([scene.sequence_editor.strips["Song"]], range(1, 25), of=scene)
    assert np.abs(samples - before).max() < 1e-4
    assert not bpy.data.speakers[0].muted


def test_a_mute_is_heard_as_its_keys_say_wherever_the_playhead_is(scene, tmp_path, heard):
    strip = add(scene, write_wav(tmp_path / "a.wav", tone(2.0, RATE), RATE))
    for frame, mute in ((1, True), (13, False)):
        strip.mute = mute
        strip.keyframe_insert("mute", frame=frame)
    for playhead in (5, 20):
        scene.frame_set(playhead)
        samples = heard([strip], range(1, 37))
        assert level(samples, 0, 11) == 0 and level(samples, 13, 35) == pytest.approx(CENTERED, rel=0.02)
        assert scene.frame_current == playhead


def test_another_sound_whose_mute_is_animated_is_not_heard(scene, song, tmp_path, heard):
    before = heard([song], range(1, 25))
    other = add(scene, write_wav(tmp_path / "a.wav", tone(2.0, RATE), RATE), channel=3)
    other.mute = False
    other.keyframe_insert("mute", frame=1)
    assert np.array_equal(heard([song], range(1, 25)), before)
    curves = scene.animation_data.action.layers[0].strips[0].channelbags[0].fcurves
    assert not curves[0].mute and not other.mute


def blink(channel, how, frames):
    """Let a channel be muted on every odd frame; its curve or driver."""
    if how == "driver":
        driver = channel.driver_add("mute")
        driver.driver.expression = "frame % 2"
        return driver
    for frame in frames:
        channel.mute = bool(frame % 2)
        channel.keyframe_insert("mute", frame=frame)
    return channel.id_data.animation_data.action.layers[0].strips[0].channelbags[0].fcurves[0]


@pytest.mark.parametrize("how", ["keys", "driver"])
@pytest.mark.parametrize("where", ["timeline", "meta strip"])
def test_an_animated_mute_of_a_channel_is_heard_on_its_frames(scene, tmp_path, heard, how, where):
    """Blender's sequencer does not wait for it: one frame in thirty or so was heard as the one before it."""
    frames, strip = range(1, 37), add(scene, write_wav(tmp_path / "a.wav", tone(1.6, RATE), RATE))
    owner = scene.sequence_editor
    if where == "meta strip":
        owner = scene.sequence_editor.strips.new_meta("Meta", 3, 1)
        strip.move_to_meta(owner)
        trim(owner, 1, 38)
    curve = blink(owner.channels[strip.channel], how, frames)
    scene.frame_set(5)
    samples = heard([strip], frames)
    levels = [level(samples, frame - 1, frame) for frame in frames]
    assert [frame for frame in frames if levels[frame - 1] > 0] == list(frames[1::2])
    assert levels[1::2] == pytest.approx([CENTERED] * 18, rel=0.05)
    assert (curve.mute, owner.channels[strip.channel].mute, scene.frame_current) == (False, True, 5)


def test_a_mixdown_that_fails_leaves_the_animation_of_channels_as_it_was(scene, song, addon, core, tmp_path):
    curve = blink(scene.sequence_editor.channels[1], "keys", range(1, 10))
    scene.frame_set(4)
    with pytest.raises(core.errors.BendError) as raised:
        addon.mixdown.mixdown(scene, [song], range(1, 10), tmp_path / "missing")
    assert raised.value.code == core.errors.Code.SOUND_UNREADABLE
    assert (curve.mute, scene.frame_current, scene.sequence_editor.channels[1].mute) == (False, 4, False)
