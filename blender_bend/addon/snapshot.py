"""From a bend strip to a job: settings copied, curves sampled on every frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from bpy.types import ImageStrip, Scene

from ..core import catalogue, models, prompts
from ..core.errors import BendError, Code
from ..core.job import Bend, Frame, Job
from ..core.resolve import settle
from . import compat, preferences, strips
from .properties import BEND_PG_bend, BEND_PG_settings


def take(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None) -> Job:
    """The job of a bend strip, with every value of every frame resolved.

    Parameters
    ----------
    frames : frame numbers of the timeline; None means all that the strip shows

    Raises
    ------
    BendError for a missing model, a prompt schedule that cannot be read, or settings no engine can render
    """
    settings = strip.bend_settings
    frames = list(strips.frame_range(strip) if frames is None else frames)
    enabled = [bend for bend in settings.bends if bend.enabled]
    tracks = _tracks(scene, strip, enabled, frames)
    schedule = _schedule(scene, settings)
    walk = _walk(strip, settings, frames)
    model = models.resolve(settings.model.strip(), preferences.model_folders())
    job = Job(
        model=model.path,
        fingerprint=model.fingerprint,
        size=(settings.width // 8 * 8, settings.height // 8 * 8),
        steps=settings.steps,
        guidance=settle(settings.guidance),
        seed=settings.seed,
        negative=settings.negative,
        walk_amount=settle(settings.walk_amount),
        precision=preferences.preferences().precision,
        bends=tuple(_bend(bend) for bend in enabled),
        frames=tuple(
            Frame(
                number,
                prompts.blend_at(number, schedule) if schedule else ((settings.prompt, 1.0),),
                tuple({name: settle(values[index]) for name, values in track.items()} for track in tracks),
                walk[index] if walk else None,
            )
            for index, number in enumerate(frames)
        ),
    )
    job.check()
    return job


def _tracks(
    scene: Scene, strip: ImageStrip, bends: Sequence[BEND_PG_bend], frames: Sequence[int]
) -> list[dict[str, list[float]]]:
    """For each bend the values of its parameters by name, one a frame, within the limits of the operator."""
    keys = [parameter.key for bend in bends for parameter in bend.parameters]
    sampled = dict(zip(keys, sample(scene, strip, keys, frames), strict=True))
    tracks = []
    for bend in bends:
        described = {item.name: catalogue.animated_parameter(item.name, bend.operator) for item in bend.parameters}
        tracks.append(
            {
                item.name: np.clip(
                    sampled[item.key], described[item.name].minimum, described[item.name].maximum
                ).tolist()
                for item in bend.parameters
            }
        )
    return tracks


def _bend(bend: BEND_PG_bend) -> Bend:
    """A bend without its animated values, as plain data."""
    start = settle(bend.start)
    end = max(start, settle(bend.end))
    return Bend(bend.title, bend.operator, bend.site.strip(), start, end, bend.channels, bend.choices())


def _schedule(scene: Scene, settings: BEND_PG_settings) -> dict[int, str]:
    if settings.travel == "TEXT":
        if settings.travel_text is None:
            raise BendError(
                Code.PROMPT_INVALID,
                "Prompt travel has no text.",
                "Choose a text with lines like 120: a burning forest.",
            )
        return prompts.parse_schedule(settings.travel_text.as_string())
    if settings.travel == "MARKERS":
        named = ((marker.frame, prompts.prompt_of_marker(marker.name)) for marker in scene.timeline_markers)
        return {frame: prompt for frame, prompt in named if prompt}
    return {}


def _walk(strip: ImageStrip, settings: BEND_PG_settings, frames: Sequence[int]) -> list[float]:
    """The position on the walk's circle; the frame after the last would be the first again."""
    if settings.walk_amount == 0:
        return []
    start, length = compat.content_start(strip), len(strip.elements)
    return [settle(math.fmod(settings.walk_turns * (number - start) / length, 1.0)) for number in frames]


def sample(scene: Scene, strip: ImageStrip, keys: Sequence[str], frames: Sequence[int]) -> list[np.ndarray]:
    """The values of custom properties on frames: from the curves, or by playing the frames if a driver is involved.

    Returns
    -------
    for each key a float array, shape (frames,)
    """
    paths = [strips.data_path(strip, key) for key in keys]
    driven = {driver.data_path for driver in scene.animation_data.drivers} if scene.animation_data else set()
    if driven.intersection(paths):
        return _play(scene, strip, keys, frames)
    sampled = []
    for key in keys:
        curve = strips.find_curve(strip, key)
        if curve is None or curve.mute or curve.is_empty:
            sampled.append(np.full(len(frames), _value(strip, key)))
        else:
            sampled.append(np.array([curve.evaluate(frame) for frame in frames]))
    return sampled


def _value(strip: ImageStrip, key: str) -> float:
    value = strip.get(key)
    if not isinstance(value, (int, float)):
        raise BendError(
            Code.PARAMETER_INVALID,
            f"The strip has no number called '{key}' any more.",
            "Undo its deletion, or remove the bend and add it again.",
        )
    return float(value)


def _play(scene: Scene, strip: ImageStrip, keys: Sequence[str], frames: Sequence[int]) -> list[np.ndarray]:
    before = scene.frame_current
    if list(frames) == [before]:  # also the case within a render, where the frame must not be set
        return [np.array([_value(strip, key)]) for key in keys]
    played = np.empty((len(keys), len(frames)))
    try:
        for index, frame in enumerate(frames):
            scene.frame_set(frame)
            played[:, index] = [_value(strip, key) for key in keys]
    finally:
        scene.frame_set(before)
    return list(played)
