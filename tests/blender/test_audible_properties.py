"""Whatever changes what is heard changes the fingerprint: every property that this Blender has is tried.

Properties that leave the fingerprint as it is are changed one upon another, and the sound is mixed down once at the end
of each thing: it must be what it was. Which properties change the fingerprint needlessly is told only in the long form.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np
import pytest
from sounds import tone, write_wav
from timeline import sequencer, trim

RATE = 8000
FIRST, LAST = 3, 11
ALL = bool(os.environ.get("BEND_TEST_ALL"))
#: Of scenes and their rendering; the long form tries all.
SOUNDING = re.compile("audio|sound|sync|frame|fps|speed|sequencer|volume")
MODIFIERS = [item.identifier for item in bpy.types.StripModifier.bl_rna.properties["type"].enum_items]
#: What changes a fingerprint although the sound of the stage stays, and why it does.
NEEDLESS = {
    "pan": "it is heard of mono sounds alone",
    "pitch_correction": "it is heard of retimed strips alone",
    "animation_offset_start": "what a hard split has cut off moves the content, or the place of it",
    "content_trim_start": "the same by its new name",
    "semitones": "heard in one of the modes of a pitch modifier alone",
    "cents": "heard in one of the modes of a pitch modifier alone",
    "ratio": "heard in one of the modes of a pitch modifier alone",
    "mode": "heard once a pitch modifier changes the pitch",
    "preserve_formant": "heard once a pitch modifier changes the pitch",
    "curve_mapping": "how an equalizer's curve is clipped and shown counts as part of it",
    "strip in its scene": "of a scene that a strip plays, whole strips count, also what it does not show of them",
}

#: What is not animated by anyone who means the sound.
UNSTEADY = {
    "scene_input": "whether a scene is seen by its camera decides whether it has sound at all",
    "frame_offset_start": "a driver would have to trim the strip, which 4.5 hears in part",
    "frame_offset_end": "the same",
}
#: What Blender mixes as its keys move, or from where the playhead is, depending on what was done before.
RESTLESS = {"audio_volume", "volume"}


@pytest.fixture(autouse=True)
def quick(addon, monkeypatch):
    """Short mixdowns, and no warnings of names that Blender 5.2 keeps for old scripts."""
    monkeypatch.setattr(addon.mixdown, "SAMPLE_RATE", RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    """Stereo sounds that swell, each of another pitch, and one in mono."""
    folder, swell = tmp_path_factory.mktemp("sounds"), np.linspace(0.2, 1.0, RATE)[:, None]
    found = {}
    for name, pitch in (("song", 440), ("inner", 330), ("scene", 550), ("other", 250)):
        sides = np.stack([tone(1.0, RATE, pitch, 0.4), tone(1.0, RATE, 1.3 * pitch, 0.2)], axis=1)
        found[name] = str(write_wav(folder / f"{name}.wav", swell * (sides[:, :1] if name == "scene" else sides), RATE))
    return found


class Stage:
    """A bend strip over a song, a meta strip with another sound, and a strip that plays a scene with a third one."""

    def __init__(self, files: dict[str, str], addon: Any, folder: Any, kind: str = "") -> None:
        self.files, self.addon, self.folder, self.kind = files, addon, folder, kind
        self.build()

    def build(self) -> None:
        """Make everything anew."""
        bpy.ops.wm.read_homefile(use_empty=True)
        self.scene, self.shown = bpy.context.scene, bpy.data.scenes.new("Shown")
        for scene in (self.scene, self.shown):
            scene.sequence_editor_create()
            scene.render.fps = 24
        bpy.data.sounds.load(self.files["other"])
        strips = self.scene.sequence_editor.strips
        self.song = strips.new_sound("Song", self.files["song"], 1, 1)
        self.meta = strips.new_meta("Meta", 3, 1)
        self.inner = strips.new_sound("Inner", self.files["inner"], 2, 1)
        self.inner.move_to_meta(self.meta)
        self.sub = self.shown.sequence_editor.strips.new_sound("Sub", self.files["scene"], 1, 1)
        self.play = strips.new_scene("Play", self.shown, 4, 1)
        self.play.scene_input = "SEQUENCER"
        for strip in (self.meta, self.play):
            trim(strip, 1, 25)
        with sequencer(self.scene):
            self._add_modifier()
            assert bpy.ops.bend.add_strip() == {"FINISHED"}
        self.bend = self.scene.sequence_editor.active_strip
        self.bend.bend_settings.sounds.clear()
        trim(self.bend, FIRST, LAST)
        self.before = self.heard(), self.print()

    def _add_modifier(self) -> None:
        """A modifier of the song that is heard; those of pictures do not fit it."""
        if not self.kind:
            return
        self.scene.sequence_editor.active_strip = self.song
        try:
            bpy.ops.sequencer.strip_modifier_add(type=self.kind)
        except (TypeError, RuntimeError):
            return
        modifier = self.song.modifiers[0]
        for band in getattr(modifier, "graphics", ()):
            for point in band.curve_mapping.curves[0].points:
                point.location.y = 12.0
            band.curve_mapping.update()
        if "delay" in modifier.bl_rna.properties:
            modifier.delay = 0.05

    def things(self) -> dict[str, Any]:
        """Everything whose properties are tried, by name."""
        editor, shown = self.scene.sequence_editor, self.shown
        if self.kind:
            return {f"modifier {number}": modifier for number, modifier in enumerate(self.song.modifiers)}
        return {
            "song": self.song,
            "sound": self.song.sound,
            "meta strip": self.meta,
            "strip in it": self.inner,
            "scene strip": self.play,
            "strip in its scene": self.sub,
            "channel": editor.channels[1],
            "channel of the meta strip": self.meta.channels[self.inner.channel],
            "channel of the scene": shown.sequence_editor.channels[1],
            "scene": self.scene,
            "rendering": self.scene.render,
            "encoding": self.scene.render.ffmpeg,
            "shown scene": shown,
            "rendering of the shown scene": shown.render,
            "sequencer": editor,
        }

    def heard(self) -> Any:
        """The samples, or why there are none."""
        try:
            sounds = self.addon.mixdown.chosen_sounds(self.scene, self.bend)
            frames = self.addon.timing.Placement.of(self.bend).sound_frames
            data = self.addon.mixdown.mixdown(self.scene, sounds, frames, self.folder).read_bytes()
        except Exception as error:
            assert type(error).__name__ == "BendError"
            return str(error)
        rate = self.scene.render.fps / self.scene.render.fps_base
        return rate, data[data.index(b"data") + 8 :][: 8 * int(len(frames) / rate * RATE)]

    def print(self) -> str:
        self.addon.named_files.forget()
        with self.addon.named_files.press():
            return self.addon.sound_print.of(self.scene, self.bend)


def follow(thing: Any, path: tuple[Any, ...]) -> Any:
    """What lies within a thing."""
    for step in path:
        thing = thing[step] if isinstance(step, int) else getattr(thing, step)
    return thing


def properties(thing: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every property of a thing that can be written, and of what lies within it: where, and Blender's description."""
    far = isinstance(thing, (bpy.types.Scene, bpy.types.RenderSettings, bpy.types.FFmpegSettings))
    for prop in thing.bl_rna.properties:
        name = prop.identifier
        if prop.is_runtime or (far and not ALL and not SOUNDING.search(name)):
            continue
        if not prop.is_readonly:
            yield path, prop
        if far or len(path) > 6 or prop.type not in {"POINTER", "COLLECTION"} or name in {"rna_type", "original"}:
            continue
        inner = getattr(thing, name)
        if prop.type == "COLLECTION" and len(inner) and not isinstance(inner[0], (bpy.types.Strip, bpy.types.ID)):
            yield from properties(inner[0], (*path, name, 0))
        if prop.type == "POINTER" and inner and not isinstance(inner, (bpy.types.Strip, bpy.types.ID)):
            yield from properties(inner, (*path, name))


def others(owner: Any, prop: Any, files: dict[str, str]) -> list[Any]:
    """Other values for a property."""
    now, kind = getattr(owner, prop.identifier), prop.type
    if getattr(prop, "is_array", False):
        return [[not value if kind == "BOOLEAN" else value + 1 for value in now]]
    if kind == "BOOLEAN":
        return [not now]
    if kind in {"INT", "FLOAT"}:
        return [now + 1, now * 0.5, now - 0.3] if kind == "FLOAT" else [now + 1, now - 1, now * 2]
    if kind == "ENUM" and not prop.is_enum_flag:
        return [item.identifier for item in prop.enum_items if item.identifier != now][-5:]
    if kind == "STRING":
        return [files["other"] if prop.subtype == "FILE_PATH" else f"{now}x"]
    same = {bpy.types.Sound: bpy.data.sounds, bpy.types.Scene: bpy.data.scenes}.get(type(now), ())
    return [None, *(item for item in same if item != now)] if kind == "POINTER" else []


def put(owner: Any, name: str, value: Any) -> bool:
    """Set a property, if Blender lets it be set like that."""
    try:
        setattr(owner, name, value)
    except (AttributeError, TypeError, ValueError, RuntimeError, ReferenceError):
        return False
    return True


def plain(value: Any) -> Any:
    """A value that stays while its property changes."""
    return value[:] if hasattr(value, "__getitem__") and not isinstance(value, (str, bpy.types.bpy_struct)) else value


def missed(stage: Stage, name: str) -> list[Any]:
    """The properties of a thing that are heard and not in the fingerprint."""
    quiet = []
    for path, prop in list(properties(stage.things()[name])):
        owner = follow(stage.things()[name], path)
        before, marks = plain(getattr(owner, prop.identifier)), set()
        for other in others(owner, prop, stage.files):
            if put(owner, prop.identifier, other):
                marks.add(stage.print() != stage.before[1])
        if True in marks:
            if not put(owner, prop.identifier, before) or stage.print() != stage.before[1]:
                stage.build()
                for back, again, value in quiet:
                    put(follow(stage.things()[name], back), again, value)
        elif marks:
            quiet.append((path, prop.identifier, plain(getattr(owner, prop.identifier))))
    if stage.heard() == stage.before[0]:
        return []
    return [change for change in quiet if is_heard_alone(stage, name, change)] or quiet


def is_heard_alone(stage: Stage, name: str, change: tuple[Any, ...]) -> bool:
    """Whether one change alone is heard."""
    stage.build()
    path, prop, value = change
    put(follow(stage.things()[name], path), prop, value)
    return stage.heard() != stage.before[0]


@pytest.mark.parametrize("kind", ["", *MODIFIERS])
def test_every_property_that_is_heard_is_in_the_fingerprint(files, addon, store, tmp_path, kind):
    stage = Stage(files, addon, tmp_path, kind)
    assert {name: found for name in stage.things() if (found := missed(stage, name))} == {}


def key(owner: Any, prop: Any, files: dict[str, str]) -> bool:
    """Let a property change over the frames that are heard."""
    before = plain(getattr(owner, prop.identifier))
    for frame, value in zip((FIRST + 2, FIRST + 5), (before, *others(owner, prop, files)[-1:]), strict=False):
        try:
            setattr(owner, prop.identifier, value)
            owner.keyframe_insert(prop.identifier, frame=frame)
        except (AttributeError, TypeError, ValueError, RuntimeError):
            put(owner, prop.identifier, before)
            return False
    return True


def drive(owner: Any, prop: Any, files: dict[str, str]) -> bool:
    """Let a driver decide a property."""
    try:
        driven = owner.driver_add(prop.identifier)
    except (TypeError, RuntimeError):
        return False
    for driver in driven if isinstance(driven, list) else [driven]:
        driver.driver.expression = "0.4 if frame < 6 else 1"
    return True


def at_two_playheads(stage: Stage, what: Any) -> list[Any]:
    """Something of the stage with the playhead early and late."""
    found = []
    for frame in (FIRST + 1, LAST - 1):
        stage.scene.frame_set(frame)
        found.append(what())
    return found


@pytest.mark.parametrize("animate", [key, drive])
@pytest.mark.parametrize("kind", ["", *MODIFIERS])
def test_animation_that_is_heard_is_in_the_fingerprint_wherever_the_playhead_is(
    files, addon, store, tmp_path, kind, animate
):
    stage = Stage(files, addon, tmp_path, kind)
    for name in list(stage.things()):
        quiet = []
        for path, prop in list(properties(stage.things()[name])):
            if path or not prop.is_animatable or prop.identifier in UNSTEADY:
                continue
            if not animate(stage.things()[name], prop, files):
                continue
            bpy.context.view_layer.update()
            if stage.print() == stage.before[1]:
                quiet.append(prop.identifier)
                continue
            for what in (stage.print, *([] if animate is key and prop.identifier in RESTLESS else [stage.heard])):
                early, late = at_two_playheads(stage, what)
                assert early == late, f"{name}: {prop.identifier}: {what.__name__} follows the playhead"
            stage.build()
        early, late = at_two_playheads(stage, stage.heard)
        assert early == late == stage.before[0], f"{name}: one of {quiet} is heard"
        assert at_two_playheads(stage, stage.print) == [stage.before[1]] * 2, f"{name}: one of {quiet}"
        stage.build()


@pytest.mark.skipif(not ALL, reason="takes a minute")
@pytest.mark.parametrize("kind", ["", *MODIFIERS])
def test_what_is_not_heard_is_not_in_the_fingerprint(files, addon, store, tmp_path, kind):
    stage, needless = Stage(files, addon, tmp_path, kind), []
    for name in list(stage.things()):
        for path, prop in list(properties(stage.things()[name])):
            heard, printed = False, False
            for other in others(follow(stage.things()[name], path), prop, files):
                if put(follow(stage.things()[name], path), prop.identifier, other):
                    heard |= stage.heard() != stage.before[0]
                    printed |= stage.print() != stage.before[1]
                    stage.build()
            label = (name, *path, prop.identifier)
            if printed and not heard and not set(label) & set(NEEDLESS):
                needless.append(label)
    assert needless == []
