"""A fingerprint of everything that decides what a bend strip hears, to notice when the sound of a bake has changed.

Times are taken relative to the first frame that the strip hears: sliding the strip together with its sound changes
nothing, sliding one of them does. It is empty as long as nobody has looked at the files of the sound.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np
from bpy.types import FCurve, ImageStrip, Scene, SoundStrip, Strip

from ..core.errors import BendError
from . import compat, curve_changes, named_files, strips
from .named_files import Unseen
from .sound import listened

LENGTH = 16


def of(scene: Scene, strip: ImageStrip) -> str:
    """What the strip hears: its sounds, the beats it keeps to and its MIDI file; empty if that is not known yet."""
    settings, heard = strip.bend_settings, sound_of(scene, strip)
    try:
        midi = (_file(settings.midi_file), settings.midi_start + _content_start(strip)) if settings.midi_file else ()
    except Unseen:
        return ""
    return _digest(heard, _beats(strip), midi) if heard else ""


def _beats(strip: ImageStrip) -> str:
    """The beats that a strip keeps to; what is no grid is refused where it is used, not where panels are drawn."""
    try:
        return repr(strip.bend_settings.beats.settings())
    except BendError as error:
        return error.message


def sound_of(scene: Scene, strip: ImageStrip) -> str:
    """What the strip hears of its sounds alone; empty if that is not known yet."""
    first = max(0, compat.left_handle(strip))
    return of_sounds(scene, listened(scene, strip), first, compat.right_handle(strip) - first)


def of_sounds(scene: Scene, sounds: Iterable[SoundStrip], first: int, length: int) -> str:
    """What is heard of some sound strips, in so many frames; empty if that is not known yet.

    Parameters
    ----------
    first : frame of the timeline that times are taken relative to
    """
    render = scene.render
    try:
        described = sorted(_sound(scene, sound, first) for sound in sounds)
    except Unseen:
        return ""
    return _digest(
        render.fps,
        round(render.fps_base, 6),
        length,
        round(scene.audio_volume, 5),
        _curve(scene, "audio_volume", first),
        described,
    )


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:LENGTH]


def _content_start(strip: Strip) -> int:
    """Relative to the first frame that is heard."""
    return compat.content_start(strip) - max(0, compat.left_handle(strip))


def _sound(scene: Scene, strip: SoundStrip, first: int) -> tuple[Any, ...]:
    """One sound strip, with the meta strips and channels that it lies in; its name decides nothing."""
    sound = strip.sound
    around = tuple(_container(scene, meta, first) for meta in strips.parents(strip))
    return (
        _data(sound),
        bool(sound and sound.use_mono),
        _times(strip, first),
        round(getattr(strip, "sound_offset", 0.0), 5),
        tuple(round(key.timeline_frame - first, 3) for key in getattr(strip, "retiming_keys", ())),
        bool(getattr(strip, "pitch_correction", False)),
        round(strip.pan, 5),
        _curve(scene, f"{strip.path_from_id()}.pan", first),
        _modifiers(strip),
        _container(scene, strip, first),
        around,
        _muted_channels(scene, strip),
    )


def _times(strip: Strip, first: int) -> tuple[float, ...]:
    """Where the strip is, and where its content begins."""
    begin = compat.content_start(strip)
    return compat.left_handle(strip) - first, compat.right_handle(strip) - first, begin - first


def _container(scene: Scene, strip: Strip, first: int) -> tuple[Any, ...]:
    """What a strip does to the sound in it. Meta strips have a volume since 5.2."""
    if not hasattr(strip, "volume"):
        return (strip.mute, _times(strip, first))
    path = f"{strip.path_from_id()}.volume"
    return (strip.mute, _times(strip, first), round(strip.volume, 5), _curve(scene, path, first))


def _muted_channels(scene: Scene, strip: Strip) -> tuple[bool, ...]:
    """Whether the channels are muted in which the strip and its meta strips lie."""
    chain = [strip, *strips.parents(strip)]
    owners = [*chain[1:], scene.sequence_editor]
    return tuple(owner.channels[inner.channel].mute for inner, owner in zip(chain, owners, strict=True))


def _modifiers(strip: SoundStrip) -> tuple[Any, ...]:
    """The equalizers of a strip."""
    found = []
    for modifier in strip.modifiers:
        bands = getattr(modifier, "graphics", ())
        points = [
            tuple(round(value, 4) for value in point.location)
            for band in bands
            for curve in band.curve_mapping.curves
            for point in curve.points
        ]
        found.append((modifier.type, modifier.mute, points))
    return tuple(found)


def _data(sound: Any) -> tuple[Any, ...]:
    """The samples of a sound, without reading them."""
    if sound is None:
        return ()
    if sound.packed_file:
        return (sound.packed_file.size,)
    return _file(sound.filepath, sound.library)


def _file(path: str, library: Any = None) -> tuple[Any, ...]:
    """Name, size and second of change of a file; a missing one has neither. Its folder may be moved.

    Raises
    ------
    Unseen
    """
    full = bpy.path.abspath(path, library=library)
    size, changed = named_files.state(full)
    return os.path.basename(full), size, changed // 1_000_000_000


def _curve(scene: Scene, path: str, first: int) -> str:
    """The animation of a property of the scene; empty if it has none."""
    curves = compat.fcurves(scene)
    curve = curves.find(path) if curves else None
    if curve is None:
        return ""
    return curve_changes.remembered(
        curve, ("sound", first), lambda: _digest(*around_keys(curve), _points(curve, first))
    )


def around_keys(curve: FCurve) -> tuple[Any, ...]:
    """What decides a curve besides its keys."""
    return curve.mute, curve.extrapolation, [_modifier_of_curve(m) for m in curve.modifiers]


def _points(curve: FCurve, first: int) -> bytes:
    points, columns = curve.keyframe_points, []
    for name in ("co", "handle_left", "handle_right"):
        column = np.empty(2 * len(points), np.float32)
        points.foreach_get(name, column)
        column[0::2] -= first
        columns.append(np.round(column, 3))
    for name in ("interpolation", "easing"):
        column = np.empty(len(points), np.int32)
        points.foreach_get(name, column)
        columns.append(column)
    return b"".join(column.tobytes() for column in columns)


def _modifier_of_curve(modifier: Any) -> list[Any]:
    plain = {"BOOLEAN", "INT", "FLOAT", "ENUM"}
    return [getattr(modifier, p.identifier) for p in modifier.bl_rna.properties if p.type in plain and not _array(p)]


def _array(described: Any) -> bool:
    return bool(getattr(described, "is_array", False) or getattr(described, "is_enum_flag", False))


def is_unknown(scene: Scene, strip: ImageStrip) -> bool:
    """Whether curves were baked from a sound whose files nobody has looked at since the .blend was opened."""
    baked = any(
        parameter.routed and parameter.baked
        for holder in strip.bend_settings.holders()
        for parameter, _ in holder.shown_parameters()
    )
    return baked and not of(scene, strip)


def stale(scene: Scene, strip: ImageStrip) -> list[Any]:
    """The baked parameters whose sound is known to have changed since they were baked."""
    baked = [
        parameter
        for holder in strip.bend_settings.holders()
        for parameter, _ in holder.shown_parameters()
        if parameter.routed and parameter.baked
    ]
    if not baked:
        return []
    now = of(scene, strip)
    return [parameter for parameter in baked if now and parameter.baked_from != now]
