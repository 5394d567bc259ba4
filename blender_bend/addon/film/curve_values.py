"""The animated values of a bend strip on frames: from its curves, or by playing where drivers move them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from bpy.types import ImageStrip, Scene

from ...core.catalogue import Parameter
from ...core.errors import BendError, Code
from ...core.job.resolve import settle
from ..host import activity
from ..host.slices import Slices
from ..timeline import drivers, strips

#: Frames on which a curve is evaluated without a pause, and how long frames are played without one.
PIECE, PLAYING_SECONDS = 512, 0.008

#: The values of a holder's parameters by name, one a frame.
Track = dict[str, list[float]]
#: An animated parameter with the name of its custom property.
Named = tuple[str, Parameter]
#: What gives the values of holders on frames, as ``tracks`` does.
Tracks = Callable[[str, str, Sequence[Sequence[Named]], Sequence[int]], Slices[list[Track]]]


def tracks(
    scene_name: str, strip_name: str, holders: Sequence[Sequence[Named]], frames: Sequence[int]
) -> Slices[list[Track]]:
    """For each holder the values of its parameters, within their limits.

    Parameters
    ----------
    frames : up to ``PIECE`` frame numbers of the timeline

    Raises
    ------
    BendError if a value, or the strip, is gone; or if frames must be played while Blender renders
    """
    strip = strips.called(scene_name, strip_name)
    keys = [key for parameters in holders for key, _ in parameters]
    played: dict[str, np.ndarray] = {}
    if _driven(strip.id_data, strip, keys):
        played = yield from _play(scene_name, strip_name, keys, frames)
    found = []
    for parameters in holders:
        track: Track = {}
        for key, parameter in parameters:
            values = played.get(key)
            if values is None:
                values = _sample(strips.called(scene_name, strip_name), key, frames)
            clipped = np.clip(values, parameter.minimum, parameter.maximum)
            track[parameter.name] = [settle(value) for value in clipped.tolist()]
            yield
        found.append(track)
    return found


def _sample(strip: ImageStrip, key: str, frames: Sequence[int]) -> np.ndarray:
    """The values of a custom property on frames, from its curve.

    Raises
    ------
    BendError if it is gone
    """
    curve = strips.find_curve(strip, key)
    if curve is None or curve.mute or curve.is_empty:
        return np.full(len(frames), value_of(strip, key))
    return np.array(list(map(curve.evaluate, frames)))


def is_driven(scene: Scene, strip: ImageStrip) -> bool:
    """Whether the strip's frames must be played to know their values."""
    return _driven(
        scene, strip, [p.key for holder in strip.bend_settings.holders() for p, _ in holder.shown_parameters()]
    )


def _driven(scene: Scene, strip: ImageStrip, keys: Sequence[str]) -> bool:
    driven = {driver.data_path for driver in drivers.on(scene)}
    return bool(driven) and not driven.isdisjoint(strips.data_path(strip, key) for key in keys)


def value_of(strip: ImageStrip, key: str) -> float:
    """What a custom property is now.

    Raises
    ------
    BendError(PARAMETER_INVALID) if it is gone
    """
    value = strip.get(key)
    if not isinstance(value, (int, float)):
        raise BendError(
            Code.PARAMETER_INVALID,
            f"Property '{key}' is missing from the strip.",
            "Undo its deletion, or remove the bend and add it again.",
        )
    return float(value)


def _play(
    scene_name: str, strip_name: str, keys: Sequence[str], frames: Sequence[int]
) -> Slices[dict[str, np.ndarray]]:
    """The values of custom properties on frames by playing them, as drivers need it.

    Raises
    ------
    BendError if one of them, or the strip, is gone, or Blender renders
    """
    strip = strips.called(scene_name, strip_name)
    scene = strip.id_data
    if list(frames) == [scene.frame_current]:  # also the case within a render, where the frame must not be set
        return {key: np.array([value_of(strip, key)]) for key in keys}
    if activity.rendering:
        raise BendError(
            Code.PARAMETER_INVALID,
            "A driver animates a parameter and needs earlier frames, which can't be played while rendering.",
            "Convert the driver to keyframes: Key > Bake Channels in the Graph Editor.",
        )
    played: list[list[float]] = []
    while len(played) < len(frames):
        strip = strips.called(scene_name, strip_name)
        scene = strip.id_data
        with playing(scene):
            until = time.monotonic() + PLAYING_SECONDS
            for frame in frames[len(played) :]:
                scene.frame_set(frame)
                played.append([value_of(strip, key) for key in keys])
                if time.monotonic() > until:
                    break
        yield
    return dict(zip(keys, np.array(played).reshape(-1, len(keys)).T, strict=True))


@contextmanager
def playing(scene: Scene) -> Iterator[None]:
    """Let the playhead move for a moment; it comes back, and this doesn't count as a change."""
    frame, subframe, before = scene.frame_current, scene.frame_subframe, activity.grabbing
    activity.grabbing = True
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
        activity.grabbing = before
