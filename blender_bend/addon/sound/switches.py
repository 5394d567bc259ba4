"""Animated switches of sound, such as a mute: Blender's mixdown takes them once, from where the playhead is.

A scene's volume is one of them: whether Blender mixes it as its keys move depends on when they were set.

So the sound is mixed down in pieces during which nothing switches, each with the playhead at its start.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from bpy.types import Scene, Strip

from ...core.errors import BendError, Code
from ...core.timebase import FrameRate
from ..timeline import strips
from . import animated, audible_properties

#: More pieces than a person waits for: a minute and more.
_MOST = 4000


def pieces(scene: Scene, sounds: Iterable[Strip], frames: range) -> list[range]:
    """Cut a range of frames where an animated switch of some strips changes; the playhead is moved if there is one.

    Returns
    -------
    the pieces in order; none if nothing can switch, and where the playhead is does not matter

    Raises
    ------
    BendError(PARAMETER_INVALID) if they are too many
    """
    switches = [switch for strip in sounds for switch in _switches(scene, strip)]
    if animated.moving(scene, "audio_volume"):
        switches.append((scene, "audio_volume"))
    if not switches:
        return []
    cuts, before = [], None
    for frame in frames:
        scene.frame_set(frame)
        now = [getattr(thing, name) for thing, name in switches]
        if now != before:
            cuts.append(frame)
        before = now
    if len(cuts) > _MOST:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"A driver or an animated meta strip changes the sound on {len(cuts)} frames.",
            "Animate the volume of the sound strips instead.",
        )
    return [range(first, end) for first, end in zip(cuts, [*cuts[1:], frames.stop], strict=True)]


def _switches(scene: Scene, strip: Strip) -> Iterator[tuple[Any, str]]:
    """The animated properties of a strip and its modifiers, and of the meta strips and channels that it lies in."""
    for one in (strip, *strips.parents(strip)):
        yield from _moving(scene, one, audible_properties.of_strip(one))
        for modifier in audible_properties.modifiers(one):
            yield from _moving(scene, modifier, audible_properties.of_modifier(scene, modifier))
    for channel in audible_properties.channels(scene, strip):
        yield from _moving(scene, channel, ("mute",))


def _moving(scene: Scene, thing: Any, names: Iterable[str]) -> Iterator[tuple[Any, str]]:
    for name in names:
        moved = animated.moving(scene, f"{thing.path_from_id()}.{name}")
        if moved and not (_glides(thing, name) and all(curve.driver is None for curve in moved)):
            yield thing, name


def _glides(thing: Any, name: str) -> bool:
    """Whether Blender mixes a property as its keys move it; not what a driver does, nor a meta strip's keys."""
    return name in {"volume", "pan"} and thing.bl_rna.identifier in {"SoundStrip", "SceneStrip"}


@contextmanager
def channels_held(scene: Scene, sounds: Iterable[Strip]) -> Iterator[None]:
    """Keep the animated mutes of channels as they are at the playhead.

    To mix, Blender walks through the frames, from the one before the first, and its sequencer waits for the animation
    of strips but not for that of channels: now it finds the mute of the piece, now that of the frame before.
    """
    found = [channel for strip in sounds for channel in audible_properties.channels(scene, strip)]
    mutes = {f"{channel.path_from_id()}.mute": channel for channel in found}
    moved = {path: [curve for curve in animated.moving(scene, path) if not curve.mute] for path in mutes}
    try:
        for path, curves in moved.items():
            now = mutes[path].mute
            for curve in curves:
                curve.mute = True
            if curves:
                mutes[path].mute = now
        yield
    finally:
        for curve in (curve for curves in moved.values() for curve in curves):
            curve.mute = False


@contextmanager
def playhead_kept(scene: Scene) -> Iterator[None]:
    """Put the playhead back where it was."""
    frame, part = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
        if (scene.frame_current, scene.frame_subframe) != (frame, part):
            scene.frame_set(frame, subframe=part)


def join(paths: Sequence[Path], pieces: Sequence[range], rate: FrameRate, sample_rate: int, path: Path) -> None:
    """Put mixdowns of pieces together, each cut where the next one begins; the last one keeps what it has.

    Parameters
    ----------
    paths : stereo 32-bit float wav files
    """
    start, parts = pieces[0].start, []
    for one, piece in zip(paths, pieces, strict=True):
        data = one.read_bytes()
        samples = np.frombuffer(data[data.index(b"data") + 8 :], np.float32).reshape(-1, 2)
        begin, end = (round(rate.seconds(frame - start) * sample_rate) for frame in (piece.start, piece.stop))
        parts.append(samples if piece is pieces[-1] else samples[: end - begin])
    path.write_bytes(_wav(np.concatenate(parts), sample_rate))


def _wav(samples: np.ndarray, sample_rate: int) -> bytes:
    """A stereo 32-bit float wav file."""
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 2, sample_rate, sample_rate * 8, 8, 32)
    chunks = b"".join(name + struct.pack("<I", len(body)) + body for name, body in ((b"fmt ", form), (b"data", data)))
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
