"""From a bend strip to a job: settings copied, curves sampled on every frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

import numpy as np
from bpy.types import ImageStrip, Scene

from ..core import models, prompts, schedulers
from ..core.catalogue import Parameter
from ..core.catalogue.strip import SCENE_TIME, SOUND_SCALE
from ..core.errors import BendError, Code
from ..core.job import Bend, Frame, Job, Lora
from ..core.prompts import Blend
from ..core.resolve import settle
from . import (
    activity,
    automatic,
    captured,
    compat,
    condition,
    drivers,
    embedding_files,
    preferences,
    prompt_schedule,
    strips,
)
from .bend_settings import BEND_PG_bend
from .parameters import Holder
from .properties import BEND_PG_lora, BEND_PG_settings
from .slices import Slices, at_once
from .timing import frame_rate

Value = TypeVar("Value")

#: Frames that are put together without a pause.
SLICE = 20
#: Frames on which a curve is evaluated without a pause, and how long frames are played without one.
PIECE, PLAYING_SECONDS = 1000, 0.008


def take(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None) -> Job:
    """The job of a bend strip, with every value of every frame resolved.

    Parameters
    ----------
    frames : frame numbers of the timeline; None means all that the strip shows

    Raises
    ------
    BendError for a missing model, a prompt schedule that cannot be read, pictures that are not captured, or settings
    no engine can render
    """
    return at_once(take_in_slices(scene, strip, frames))


def take_in_slices(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None) -> Slices[Job]:
    """The same as ``take``, for a caller with a window.

    The settings are read in the first slice, the curves in those that follow: what is changed in between may be in the
    job in part, so the caller compares, or is told of every change and begins again.
    """
    settings, scene_name, strip_name = strip.bend_settings, scene.name, strip.name
    frames = list(strips.frame_range(strip) if frames is None else frames)
    enabled = [bend for bend in settings.bends if bend.enabled]
    for holder in (settings, *enabled):
        holder.check()
    bends = tuple(_bend(bend) for bend in enabled)
    schedule = prompt_schedule.of(scene, settings, frames)
    prompt_at = prompts.travel(schedule) if schedule else _always(((settings.prompt, 1.0),))
    walk_at, time_at = _walk(strip, settings), _scene_time(scene, strip)
    wanted = [_parameters(holder) for holder in (settings, *enabled)]
    picture_at = _captured(strip, settings, "The strips below", settings.source == "pictures")
    masks = [
        _captured(strip, bend, f"The pictures of the mask of {bend.title}", bend.region == "mask") for bend in enabled
    ]
    masked = any(bend.region == "mask" for bend in enabled)
    job = _settings(settings, bends)
    written = [*(schedule.values() or [settings.prompt]), settings.negative]
    job = replace(job, embeddings=embedding_files.named_in(written))
    job.check()
    yield
    own, *tracks = yield from _tracks(scene_name, strip_name, wanted, frames)
    scene, strip = _again(scene_name, strip_name)
    heard = _heard(scene, strip, own, frames)
    if heard:
        job = replace(job, hearing=condition.hearing_of(strip))
        job.check()
    resolved = []
    yield
    for index, number in enumerate(frames):
        blend, share = next(heard) if heard else ((), 1.0)
        values = {name: track[index] for name, track in own.items()}
        if time_at:
            values[SCENE_TIME.name] = settle(time_at(number) + values[SCENE_TIME.name])
        if blend:  # where a sound fades into silence, its scale fades
            values[SOUND_SCALE.name] = settle(values[SOUND_SCALE.name] * share)
        frame = Frame(
            number,
            prompt_at(number),
            tuple([{name: values[index] for name, values in track.items()} for track in tracks]),
            walk_at(number) if walk_at else None,
            values,
            picture_at(number),
            tuple([mask_at(number) for mask_at in masks]) if masked else (),
            sound=tuple([(digest, settle(part)) for digest, part in blend]),
        )
        job.check_frame(frame)
        resolved.append(frame)
        if index % SLICE == SLICE - 1:
            yield
    return replace(job, frames=tuple(resolved))


def _always(value: Value) -> Callable[[int], Value]:
    return lambda number: value


def _again(scene_name: str, strip_name: str) -> tuple[Scene, ImageStrip]:
    """A scene and its bend strip after a pause: undo makes any kept reference invalid.

    Raises
    ------
    BendError(STRIP_MISSING)
    """
    strip = strips.called(scene_name, strip_name)
    return strip.id_data, strip


def _settings(settings: BEND_PG_settings, bends: tuple[Bend, ...]) -> Job:
    """All of a job but its frames."""
    model = models.resolve(settings.model.strip(), preferences.model_folders(), settings.decoder.strip())
    decoder = None
    if settings.decoder.strip():
        decoder = models.resolve_decoder(settings.decoder.strip(), preferences.decoder_folders())
    job = Job(
        model=model.path,
        fingerprint=model.fingerprint,
        size=(settings.width // 8 * 8, settings.height // 8 * 8),
        steps=settings.steps,
        guidance=settle(settings.guidance),
        seed=settings.seed,
        negative=settings.negative,
        bends=bends,
        frames=(),
        walk_amount=settle(settings.walk_amount),
        source=settings.source,
        scene=settings.scene,
        palette=settings.palette,
        scene_seed=settings.scene_seed,
        scheduler=settings.scheduler,
        blending=settings.blending,
        decoder=decoder.path if decoder else "",
        decoder_fingerprint=decoder.fingerprint if decoder else "",
        loras=tuple(_lora(item) for item in settings.loras if item.name.strip()),
        editing=settings.edits,
        **schedulers.reaching(
            settings.scheduler, spacing=settings.spacing, sigmas=settings.sigmas, prediction=settings.prediction
        ),
        prompt_weights=settings.prompt_weights,
        clip_skip=settings.clip_skip - 1,
    )
    return automatic.choice(job, settings.made).making.of(job)


def _lora(item: BEND_PG_lora) -> Lora:
    found = models.resolve_lora(item.name.strip(), preferences.lora_files())
    return Lora(found.name, found.path, found.fingerprint, settle(item.strength))


def _captured(strip: ImageStrip, holder: Holder, what: str, wanted: bool) -> Callable[[int], str]:
    """The digests of captured pictures by frame; none if they are not wanted.

    What is given raises BendError(CAPTURE_MISSING).
    """
    if not wanted:
        return _always("")
    known, start = captured.decode(holder.captured, len(strip.elements)), compat.content_start(strip)

    def digest(number: int) -> str:
        found = known.get(number - start, "")
        if not found:
            raise captured.missing(what)
        return found

    return digest


def _parameters(holder: Holder) -> list[tuple[str, Parameter]]:
    """The animated parameters of a holder, each with the name of its custom property."""
    return [(item.key, parameter) for item, parameter in holder.shown_parameters()]


def _tracks(
    scene_name: str, strip_name: str, holders: Sequence[Sequence[tuple[str, Parameter]]], frames: Sequence[int]
) -> Slices[list[dict[str, list[float]]]]:
    """For each holder the values of its parameters by name, one a frame, within their limits."""
    scene, strip = _again(scene_name, strip_name)
    keys = [key for parameters in holders for key, _ in parameters]
    played: dict[str, np.ndarray] = {}
    if len(frames) and _driven(scene, strip, keys):
        played = yield from _play(scene_name, strip_name, keys, frames)
    tracks = []
    for parameters in holders:
        track = {}
        for key, parameter in parameters:
            values = played.get(key)
            if values is None:
                values = yield from _sample(scene_name, strip_name, key, frames)
            track[parameter.name] = yield from _settled(values, parameter)
        tracks.append(track)
    return tracks


def _settled(values: np.ndarray, parameter: Parameter) -> Slices[list[float]]:
    settled: list[float] = []
    for begin in range(0, len(values), PIECE):
        clipped = np.clip(values[begin : begin + PIECE], parameter.minimum, parameter.maximum)
        settled += [settle(value) for value in clipped.tolist()]
        yield
    return settled


def _bend(bend: BEND_PG_bend) -> Bend:
    """A bend without its animated values, as plain data."""
    start = settle(bend.start)
    return Bend(
        name=bend.title,
        operator=bend.operator,
        site=bend.site.strip(),
        start=start,
        end=max(start, settle(bend.end)),
        channels=bend.channels,
        choices=bend.choices(),
        region=bend.region,
        inverted=bend.inverted,
        restore=bend.restore,
    )


def _walk(strip: ImageStrip, settings: BEND_PG_settings) -> Callable[[int], float] | None:
    """The position on the walk's circle by frame; the frame after the last would be the first again."""
    if settings.walk_amount == 0:
        return None
    start, length = compat.content_start(strip), len(strip.elements)
    turns = Fraction(settings.walk_turns)  # in fractions a whole turn is a whole number
    return lambda number: settle(float(turns * (number - start) / length % 1))


def _scene_time(scene: Scene, strip: ImageStrip) -> Callable[[int], float] | None:
    """The time of the painted scene by frame, at its speed; what its curve adds is left out."""
    if strip.bend_settings.source != "procedural":
        return None
    rate, start, speed = frame_rate(scene), compat.content_start(strip), strip.bend_settings.scene_speed
    return lambda number: speed * float(rate.seconds(number - start))


def _heard(
    scene: Scene, strip: ImageStrip, own: dict[str, list[float]], frames: Sequence[int]
) -> Iterator[tuple[Blend, float]] | None:
    """What every frame hears, one by one; None if none hears anything.

    Raises
    ------
    BendError(SOUND_UNHEARD), and those of missing sounds and files
    """
    if not any(own.get(SOUND_SCALE.name, ())):
        return None
    condition.check(scene, strip)
    return condition.blends(scene, strip, frames)


def is_driven(scene: Scene, strip: ImageStrip) -> bool:
    """Whether the strip's frames must be played to know their values."""
    return _driven(
        scene, strip, [p.key for holder in strip.bend_settings.holders() for p, _ in holder.shown_parameters()]
    )


def _driven(scene: Scene, strip: ImageStrip, keys: Sequence[str]) -> bool:
    driven = {driver.data_path for driver in drivers.on(scene)}
    return bool(driven) and not driven.isdisjoint(strips.data_path(strip, key) for key in keys)


def _sample(scene_name: str, strip_name: str, key: str, frames: Sequence[int]) -> Slices[np.ndarray]:
    """The values of a custom property on frames, from its curve.

    Raises
    ------
    BendError if it, or the strip, is gone
    """
    values = np.empty(len(frames))
    for begin in range(0, len(frames), PIECE):
        _, strip = _again(scene_name, strip_name)
        curve, piece = strips.find_curve(strip, key), frames[begin : begin + PIECE]
        if curve is None or curve.mute or curve.is_empty:
            values[begin : begin + PIECE] = _value(strip, key)
        else:
            values[begin : begin + PIECE] = list(map(curve.evaluate, piece))
        yield
    return values


def _value(strip: ImageStrip, key: str) -> float:
    value = strip.get(key)
    if not isinstance(value, (int, float)):
        raise BendError(
            Code.PARAMETER_INVALID,
            f"The strip has no number called '{key}' any more.",
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
    scene, strip = _again(scene_name, strip_name)
    if list(frames) == [scene.frame_current]:  # also the case within a render, where the frame must not be set
        return {key: np.array([_value(strip, key)]) for key in keys}
    if activity.rendering:
        raise BendError(
            Code.PARAMETER_INVALID,
            "A driver moves a parameter, and frames before this one are needed: they cannot be played while rendering.",
            "Turn the driver into keys: Key, Bake Channels, in the Graph Editor.",
        )
    played: list[list[float]] = []
    while len(played) < len(frames):
        scene, strip = _again(scene_name, strip_name)
        with _playing(scene):
            until = time.monotonic() + PLAYING_SECONDS
            for frame in frames[len(played) :]:
                scene.frame_set(frame)
                played.append([_value(strip, key) for key in keys])
                if time.monotonic() > until:
                    break
        yield
    return dict(zip(keys, np.array(played).reshape(-1, len(keys)).T, strict=True))


@contextmanager
def _playing(scene: Scene) -> Iterator[None]:
    """Let the playhead move for a moment; it comes back, and nobody takes it for a change."""
    frame, subframe, before = scene.frame_current, scene.frame_subframe, activity.grabbing
    activity.grabbing = True
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
        activity.grabbing = before
