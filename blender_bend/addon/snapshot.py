"""From a bend strip to a job: settings copied, curves sampled on every frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from bpy.types import ImageStrip, Scene

from ..core import models, prompts, schedulers
from ..core.catalogue import Parameter
from ..core.catalogue.strip import SCENE_TIME, SOUND_SCALE
from ..core.errors import BendError, Code
from ..core.job import Bend, Frame, Job, Lora
from ..core.prompts import Blend
from ..core.resolve import settle
from . import activity, automatic, captured, compat, condition, embedding_files, preferences, prompt_schedule, strips
from .bend_settings import BEND_PG_bend
from .parameters import Holder
from .properties import BEND_PG_lora, BEND_PG_settings
from .slices import Slices, at_once
from .timing import frame_rate

#: Frames that are put together without a pause.
SLICE = 20


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

    The strip is read in the first slices: what is changed in between is not in the job as a whole, but the caller is
    told of every change and begins again.
    """
    settings = strip.bend_settings
    frames = list(strips.frame_range(strip) if frames is None else frames)
    enabled = [bend for bend in settings.bends if bend.enabled]
    for holder in (settings, *enabled):
        holder.check()
    bends = tuple(_bend(bend) for bend in enabled)
    own, *tracks = _tracks(scene, strip, [settings, *enabled], frames)
    if settings.source == "procedural":
        own |= _scene_times(scene, strip, own, frames)
    schedule = prompt_schedule.of(scene, settings, frames)
    walk = _walk(strip, settings, frames)
    pictures = _captured(strip, settings, "The strips below", frames) if settings.source == "pictures" else None
    masks = [
        _captured(strip, bend, f"The pictures of the mask of {bend.title}", frames) if bend.region == "mask" else None
        for bend in enabled
    ]
    job = _settings(settings, bends)
    written = [*(schedule.values() or [settings.prompt]), settings.negative]
    job = replace(job, embeddings=embedding_files.named_in(written))
    heard = _heard(scene, strip, own, frames)
    if heard:
        job = replace(job, hearing=condition.hearing_of(strip))
    prompt = ((settings.prompt, 1.0),)
    resolved = []
    yield
    for index, number in enumerate(frames):
        blend, share = next(heard) if heard else ((), 1.0)
        values = {name: track[index] for name, track in own.items()}
        if blend:  # where a sound fades into silence, its scale fades
            values[SOUND_SCALE.name] = settle(values[SOUND_SCALE.name] * share)
        resolved.append(
            Frame(
                number,
                prompts.blend_at(number, schedule) if schedule else prompt,
                tuple({name: values[index] for name, values in track.items()} for track in tracks),
                walk[index] if walk else None,
                values,
                pictures[index] if pictures else "",
                tuple(mask[index] if mask else "" for mask in masks) if any(masks) else (),
                sound=tuple((digest, settle(part)) for digest, part in blend),
            )
        )
        if index % SLICE == SLICE - 1:
            yield
    replace(job, frames=()).check()
    for begin in range(0, len(resolved), SLICE):
        replace(job, frames=tuple(resolved[begin : begin + SLICE])).check()
        yield
    return replace(job, frames=tuple(resolved))


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


def _captured(strip: ImageStrip, holder: Holder, what: str, frames: Sequence[int]) -> list[str]:
    """The digests of captured pictures, one a frame.

    Raises
    ------
    BendError(CAPTURE_MISSING)
    """
    known, start = captured.decode(holder.captured, len(strip.elements)), compat.content_start(strip)
    digests = [known.get(number - start, "") for number in frames]
    if not all(digests):
        raise captured.missing(what)
    return digests


def _tracks(
    scene: Scene, strip: ImageStrip, holders: Sequence[Holder], frames: Sequence[int]
) -> list[dict[str, list[float]]]:
    """For each holder the values of its parameters by name, one a frame, within their limits."""
    shown = [holder.shown_parameters() for holder in holders]
    keys = [item.key for pairs in shown for item, _ in pairs]
    sampled = dict(zip(keys, sample(scene, strip, keys, frames), strict=True))

    def track(key: str, parameter: Parameter) -> list[float]:
        clipped = np.clip(sampled[key], parameter.minimum, parameter.maximum)
        return [settle(value) for value in clipped.tolist()]

    return [{parameter.name: track(item.key, parameter) for item, parameter in pairs} for pairs in shown]


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


def _walk(strip: ImageStrip, settings: BEND_PG_settings, frames: Sequence[int]) -> list[float]:
    """The position on the walk's circle; the frame after the last would be the first again."""
    if settings.walk_amount == 0:
        return []
    start, length = compat.content_start(strip), len(strip.elements)
    turns = Fraction(settings.walk_turns)  # in fractions a whole turn is a whole number
    return [settle(float(turns * (number - start) / length % 1)) for number in frames]


def _scene_times(
    scene: Scene, strip: ImageStrip, own: dict[str, list[float]], frames: Sequence[int]
) -> dict[str, list[float]]:
    """The time of the painted scene: its own, at its speed, and what the curve adds."""
    rate, start = frame_rate(scene), compat.content_start(strip)
    speed, name = strip.bend_settings.scene_speed, SCENE_TIME.name
    moved = [speed * float(rate.seconds(number - start)) for number in frames]
    return {name: [settle(time + more) for time, more in zip(moved, own[name], strict=True)]}


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
    if activity.rendering:
        raise BendError(
            Code.PARAMETER_INVALID,
            "A driver moves a parameter, and frames before this one are needed: they cannot be played while rendering.",
            "Turn the driver into keys: Key, Bake Channels, in the Graph Editor.",
        )
    played = np.empty((len(keys), len(frames)))
    try:
        for index, frame in enumerate(frames):
            scene.frame_set(frame)
            played[:, index] = [_value(strip, key) for key in keys]
    finally:
        scene.frame_set(before)
    return list(played)
