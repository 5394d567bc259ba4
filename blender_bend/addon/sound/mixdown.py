"""From the chosen sound strips to a file of samples, by Blender's own mixdown: what you hear is what is measured."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
from bpy.types import FCurve, ImageStrip, Object, Scene, Strip

from ...core.errors import BendError, Code
from ...core.timebase import FrameRate
from ..host import compat, named_files, typed
from ..timeline.timing import frame_rate
from . import animated, sound_choice, switches

SAMPLE_RATE = 48000
#: Blender ends itself, or never ends, when it mixes less than its buffer of 1024 samples down.
_FEWEST = 2048
#: Samples of four bytes in a wav file, whose lengths are 32 bits.
_MOST = (1 << 30) - 1024
#: Blender's timeline goes no further.
LAST_FRAME = 1_048_574


def sound_strips(scene: Scene) -> list[Strip]:
    """Every strip of a scene that has sound, also those within meta strips, and those that play another sequencer."""
    return list(_sound_strips(scene, frozenset()))


def _sound_strips(scene: Scene, within: frozenset[str]) -> Iterator[Strip]:
    """The same, besides what plays one of some scenes, as scenes that play each other would never end."""
    for strip in typed.editor(scene).strips_all if scene.sequence_editor else ():
        if strip.type == "SOUND" or _plays_sound(strip, within | {scene.name_full}):
            yield strip


def _plays_sound(strip: Strip, within: frozenset[str]) -> bool:
    """Whether a strip plays the sequencer of a scene that has sound. Seen by a camera, a scene is silent."""
    if strip.type != "SCENE" or strip.scene_input != "SEQUENCER" or strip.scene is None:
        return False
    return strip.scene.name_full not in within and any(_sound_strips(strip.scene, within))


def measured_sounds(scene: Scene, strip: ImageStrip) -> list[Strip]:
    """The sound strips of a bend strip; missing ones are ignored."""
    return sound_choice.find(sound_strips(scene), strip.bend_settings.sounds).strips


def chosen_sounds(scene: Scene, strip: ImageStrip, choice: Collection[Any] = ()) -> list[Strip]:
    """The sound strips of a bend strip; all of the scene's if none were chosen.

    Parameters
    ----------
    choice : to take in place of what the features are measured of; empty for that

    Raises
    ------
    BendError(SOUND_NONE), BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE)
    """
    sounds = sound_strips(scene)
    if not sounds and not choice and not strip.bend_settings.sounds:
        raise BendError(Code.SOUND_NONE, "There is no sound on the timeline.", "Add a song.", "bend.add_sound")
    found = sound_choice.find(sounds, choice or strip.bend_settings.sounds)
    if found.gone:
        raise gone(found.gone[0])
    for one in found.strips:
        check_readable(one)
    return found.strips


def gone(item: Any) -> BendError:
    """The error for a chosen strip or channel that no longer has sound."""
    said = f"The sound strip '{item.name}' is no longer on the timeline."
    if item.channel:
        said = f"There is no longer any sound in channel {item.channel}."
    return BendError(
        Code.SOUND_NONE,
        said,
        "Choose another sound at the top of the Bend panel, or select sound strips and press Use Selected Sound.",
        "bend.use_sounds",
    )


def scenes_played(scene: Scene) -> list[Scene]:
    """A scene, and the scenes whose sequencers play in it, each once."""
    found = [scene]
    for one in found:
        inner = (strip.scene for strip in sound_strips(one) if strip.type == "SCENE")
        found += [other for other in dict.fromkeys(inner) if other not in found]
    return found


def check_readable(strip: Strip) -> None:
    """Make sure that Blender can decode a sound strip, and those of the scene that a strip plays.

    Blender's sound library may abort the whole process when it reads a bad file; what it found out when the file was
    loaded is safe to ask for.

    Raises
    ------
    BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE)
    """
    if strip.type == "SOUND":
        _check_readable(strip)
        return
    for scene in scenes_played(strip.scene):
        for one in sound_strips(scene):
            if one.type == "SOUND":
                _check_readable(one)


def _check_readable(strip: Strip) -> None:
    sound = strip.sound
    path = bpy.path.abspath(sound.filepath, library=sound.library) if sound else ""
    if sound is None or (not sound.packed_file and named_files.is_missing(path)):
        raise BendError(
            Code.SOUND_MISSING,
            f"The file of sound strip '{strip.name}' is missing: {path}.",
            "Restore the file, or choose another one in the strip's properties.",
        )
    if sound.samplerate == 0 or sound.channels == "INVALID":
        raise BendError(
            Code.SOUND_UNREADABLE,
            f"Blender can't read sound from '{os.path.basename(path)}'.",
            "Convert it to WAV, FLAC or MP3.",
        )


def mixdown(scene: Scene, sounds: list[Strip], frames: range, folder: Path) -> Path:
    """Write what is heard of some sound strips over a range of frames, and leave the scene as it was.

    Trims, volume curves, mutes, panning and meta strips count as in playback.

    Returns
    -------
    path of a stereo 32-bit float wav file at 48 kHz

    Raises
    ------
    BendError(SOUND_UNREADABLE) if Blender's mixdown fails, or would end Blender; BendError(PARAMETER_INVALID) if the
    frames last no time, or longer than a wav file
    """
    path = folder / "sound.wav"
    _refuse_lost_scenes(scene)
    with _only(scene, sounds), switches.playhead_kept(scene):
        pieces = switches.pieces(scene, sounds, frames)
        if not pieces:
            _mix(scene, frames, path)
            return path
        paths = [folder / f"piece-{number}.wav" for number in range(len(pieces))]
        for piece, part in zip(pieces, paths, strict=True):
            scene.frame_set(piece.start)
            with switches.channels_held(scene, sounds):
                _mix(scene, piece, part)
    switches.join(paths, pieces, frame_rate(scene), SAMPLE_RATE, path)
    return path


def _mix(scene: Scene, frames: range, path: Path) -> None:
    with _range(scene, _mixed(frame_rate(scene), frames)):
        try:
            compat.mixdown(scene, str(path), SAMPLE_RATE)
        except RuntimeError as error:
            raise BendError(
                Code.SOUND_UNREADABLE,
                f"Blender couldn't mix down the sound: {error}.",
                "Check that the strips play back.",
            ) from error


def _refuse_lost_scenes(scene: Scene, seen: frozenset[str] = frozenset()) -> None:
    """Blender ends itself when it mixes a strip of a scene that was deleted, muted or not, in this scene or below.

    Raises
    ------
    BendError(SOUND_UNREADABLE)
    """
    strips = scene.sequence_editor.strips_all if scene.sequence_editor else ()
    for strip in (strip for strip in strips if strip.type == "SCENE"):
        if strip.scene is None:
            raise BendError(
                Code.SOUND_UNREADABLE,
                f"The scene of strip '{strip.name}' in '{scene.name}' has been deleted, which would crash Blender.",
                "Delete the strip, or choose another scene for it.",
            )
        if strip.scene.name_full not in seen:
            _refuse_lost_scenes(strip.scene, seen | {scene.name_full})


def _mixed(rate: FrameRate, frames: range) -> range:
    """The frames that are mixed down: of a strip that is shorter than Blender survives, some more after it.

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    per_frame = Fraction(SAMPLE_RATE) / rate.value
    mixed = range(frames.start, frames.start + max(len(frames), math.ceil(_FEWEST / per_frame)))
    if mixed[-1] > LAST_FRAME or len(mixed) * per_frame > _MOST:
        fps, seconds = float(rate.value), float(rate.seconds(len(frames)))
        raise BendError(
            Code.PARAMETER_INVALID,
            f"At {fps:.4g} fps the strip lasts {seconds:.3g} seconds.",
            "Only sounds up to six hours can be measured; check Frame Rate in the Output properties.",
        )
    return mixed


@contextmanager
def _only(scene: Scene, sounds: list[Strip]) -> Iterator[None]:
    """Silence every other strip that can be heard, and the speakers of 3D scenes."""
    chosen = {sound.name for sound in sounds}
    others = [
        strip
        for strip in typed.editor(scene).strips_all
        if strip.type in {"SOUND", "SCENE"} and strip.name not in chosen
    ]
    moved = [curve for strip in others for curve in _moves_mute(scene, strip) if not curve.mute]
    strips, speakers = [strip for strip in others if not strip.mute], list(_audible_speakers())
    try:
        for curve in moved:
            curve.mute = True
        for strip in others:
            strip.mute = True
        _mute_speakers(speakers, True)
        yield
    finally:
        for strip in strips:
            strip.mute = False
        for curve in moved:
            curve.mute = False
        _mute_speakers(speakers, False)


def _moves_mute(scene: Scene, strip: Strip) -> list[FCurve]:
    """The animation that would let a strip be heard although it is muted."""
    return animated.moving(scene, f"{strip.path_from_id()}.mute")


def _audible_speakers() -> Iterator[Object]:
    yield from (item for item in bpy.data.objects if item.type == "SPEAKER" and not typed.speaker(item).muted)


def _mute_speakers(speakers: Iterable[Object], mute: bool) -> None:
    for speaker in speakers:
        typed.speaker(speaker).muted = mute
        speaker.update_tag()  # Blender takes note of a speaker with its object only


@contextmanager
def _range(scene: Scene, frames: range) -> Iterator[None]:
    """The frame range of the mixdown; sound must be on, or the mixdown is silent."""
    before = scene.frame_start, scene.frame_end, scene.use_audio
    try:
        # frame_end first: Blender keeps start <= end.
        scene.frame_end = max(frames[-1], scene.frame_start)
        scene.frame_start, scene.frame_end, scene.use_audio = frames[0], frames[-1], True
        yield
    finally:
        scene.frame_end = max(before[1], scene.frame_start)
        scene.frame_start, scene.frame_end, scene.use_audio = before
