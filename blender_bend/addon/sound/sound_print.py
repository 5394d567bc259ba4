"""A fingerprint of everything that decides the sound of a bend strip, to notice when the sound of a bake has changed.

Times are taken relative to the first frame on which the strip can have sound: sliding the strip together with its sound
changes nothing, sliding one of them does. It is empty until the files of the sound have been checked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import bpy
from bpy.types import ID, ImageStrip, Scene, Strip

from ...core.errors import BendError
from ..host import compat, named_files
from ..host.named_files import Unseen
from ..timeline import strips
from ..timeline.timing import Placement
from . import audible_properties, rna_values
from .animated import over_time
from .mixdown import LAST_FRAME, measured_sounds, sound_strips

LENGTH = 16

#: What all data-blocks have, and what does not change the samples of a sound.
_OF_FILES = {p.identifier for p in ID.bl_rna.properties} | {"filepath", "packed_file", "use_memory_cache"}


class _Span(NamedTuple):
    """The frames that are measured, and the one that times are taken relative to."""

    frames: range
    first: int


def of(scene: Scene, strip: ImageStrip) -> str:
    """What the strip measures: its sounds, the beats it keeps to and its MIDI file; empty if that is not known yet."""
    settings, placed = strip.bend_settings, Placement.of(strip)
    sound, begins = _sound_of(scene, strip, placed), placed.start - placed.sound_frames.start
    try:
        midi = (_file(settings.midi_file), settings.midi_start + begins) if settings.midi_file else ()
    except Unseen:
        return ""
    return _digest(sound, _beats(strip, placed), midi) if sound else ""


def _beats(strip: ImageStrip, placed: Placement) -> str:
    """The beats that a strip keeps to; what is no grid is refused where it is used, not where panels are drawn."""
    try:
        return repr(strip.bend_settings.beats.settings(placed))
    except BendError as error:
        return error.message


def sound_of(scene: Scene, strip: ImageStrip) -> str:
    """What the strip measures of its sounds alone; empty if that is not known yet."""
    return _sound_of(scene, strip, Placement.of(strip))


def _sound_of(scene: Scene, strip: ImageStrip, placed: Placement) -> str:
    return of_sounds(scene, measured_sounds(scene, strip), placed.sound_frames, placed.sound_frames.start)


def of_sounds(scene: Scene, sounds: Iterable[Strip], frames: range, first: int) -> str:
    """What is heard of some sound strips; empty if that is not known yet.

    Parameters
    ----------
    frames : of the timeline, that are heard; what a strip has beyond them decides nothing
    first : frame of the timeline that times are taken relative to
    """
    span = _Span(frames, first)
    try:
        described = sorted(repr(_strip(scene, sound, span)) for sound in sounds)
    except Unseen:
        return ""
    return _digest(len(frames), _scene(scene, first), described)


def _scene(scene: Scene, first: int) -> tuple[Any, ...]:
    """What a scene does to all of its sound."""
    render = scene.render
    return render.fps, round(render.fps_base, 6), over_time(scene, scene, ("audio_volume",), first)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:LENGTH]


def _strip(scene: Scene, strip: Strip, span: _Span, within: frozenset[str] = frozenset()) -> tuple[Any, ...]:
    """One strip, with the meta strips and channels that it lies in; its name decides nothing.

    Parameters
    ----------
    within : the scenes whose sequencers it is heard in, so that a scene that shows itself ends
    """
    around = [_container(scene, one, span) for one in (strip, *strips.parents(strip))]
    content = _data(strip.sound) if strip.type == "SOUND" else _inner(strip, within | {scene.name_full})
    channels = [over_time(scene, one, ("mute",), span.first) for one in audible_properties.channels(scene, strip)]
    return content, _retiming(strip, span.first), around, channels


def _inner(strip: Strip, within: frozenset[str]) -> tuple[Any, ...]:
    """What is heard of the scene that a strip shows."""
    scene = strip.scene
    if scene.name_full in within:
        return ()
    span = _Span(range(LAST_FRAME), scene.frame_start)
    described = sorted(repr(_strip(scene, one, span, within)) for one in sound_strips(scene))
    return _scene(scene, scene.frame_start), described


def _container(scene: Scene, strip: Strip, span: _Span) -> tuple[Any, ...]:
    """What a strip, or a meta strip, does to the sound in it."""
    modifiers = [
        (modifier.type, over_time(scene, modifier, audible_properties.of_modifier(scene, modifier), span.first))
        for modifier in audible_properties.modifiers(strip)
    ]
    own = over_time(scene, strip, audible_properties.of_strip(strip), span.first)
    return _times(strip, span), own, modifiers


def _times(strip: Strip, span: _Span) -> tuple[float, ...]:
    """Where the strip is heard, and where its content begins; that of a meta strip is placed by itself."""
    begin = max(compat.left_handle(strip), span.frames.start)
    end = min(compat.right_handle(strip), span.frames.stop)
    content = 0.0 if strip.type == "META" else round(compat.exact_content_start(strip) - span.first, 3)
    return begin - span.first, end - span.first, content


def _retiming(strip: Strip, first: int) -> tuple[float, ...]:
    return tuple(round(key.timeline_frame - first, 3) for key in getattr(strip, "retiming_keys", ()))


def _data(sound: Any) -> tuple[Any, ...]:
    """The samples of a sound, without reading them."""
    if sound is None:
        return ()
    if sound.packed_file:
        file: tuple[Any, ...] = (sound.packed_file.size,)
    else:
        file = _file(sound.filepath, sound.library)
    return file, rna_values.values(sound, _OF_FILES)


def _file(path: str, library: Any = None) -> tuple[Any, ...]:
    """Name, size and second of change of a file; a missing one has neither. Its folder may be moved.

    Raises
    ------
    Unseen
    """
    full = bpy.path.abspath(path, library=library)
    size, changed = named_files.state(full)
    return os.path.basename(full), size, changed // 1_000_000_000


def is_unknown(scene: Scene, strip: ImageStrip) -> bool:
    """Whether curves were baked from a sound whose files haven't been checked since the .blend was opened."""
    return bool(_baked(strip)) and not of(scene, strip)


def stale(scene: Scene, strip: ImageStrip) -> list[Any]:
    """The baked parameters whose sound is known to have changed since they were baked."""
    baked = _baked(strip)
    now = of(scene, strip) if baked else ""
    return [parameter for parameter in baked if now and parameter.baked_from != now]


def _baked(strip: ImageStrip) -> list[Any]:
    """The parameters whose curves were baked from the sound."""
    return [parameter for parameter, _ in strip.bend_settings.routed() if parameter.baked]
