"""From a bend strip to a job: settings copied, curves sampled on every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, repeat
from typing import TypeVar

from bpy.types import ImageStrip, Scene

from ...core.catalogue import MASK, Parameter
from ...core.catalogue.strip import SCENE_TIME, SOUND_SCALE, StartsFrom
from ...core.job.frames import Frames
from ...core.job.job import Bend, Frame, Job, Lora
from ...core.job.resolve import settle
from ...core.models import file_hashes, references
from ...core.prompts import schedule as prompts
from ...core.prompts.schedule import Blend
from ...core.samplers import schedulers
from ..capture import record
from ..condition import condition
from ..host import preferences
from ..host.slices import Slices, at_once
from ..process import automatic
from ..prompts import embedding_files
from ..prompts import schedule as prompt_schedule
from ..settings.parameters import Holder
from ..settings.strip_settings import BEND_PG_lora, BEND_PG_settings
from ..timeline import strips
from ..timeline.timing import Placement
from . import curve_values
from .curve_values import PIECE, Track

Value = TypeVar("Value")

#: Frames that are put together without a pause.
SLICE = 20


@file_hashes.reading_here()
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
    return at_once(_taken(scene, strip, frames))


def _taken(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None) -> Slices[Job]:
    film = Film(scene, strip, Placement.of(strip), frames)
    yield from film.find_sound()
    return replace(film.job, frames=tuple(chain.from_iterable(some or () for some in film.frames())))


def take_in_slices(scene: Scene, strip: ImageStrip, frames: Sequence[int] | None = None) -> Slices[Job]:
    """The same as ``take``, for a caller with a window; the frames are packed."""
    film, packed = Film(scene, strip, Placement.of(strip), frames), Frames()
    yield from film.find_sound()
    for some in film.frames():
        yield
        for frame in some or ():
            packed.append(frame)
    return replace(film.job, frames=packed)


class Film:
    """What a strip's frames are made of.

    The settings are read at once, the curves as the frames are asked for: what is changed in between may be in the
    frames in part, so the caller compares, or is told of every change and begins again.

    Parameters
    ----------
    placed : where the strip lies
    numbers : frame numbers of the timeline; None means all that the strip shows
    resolve, tracks : find the model, and give the animated values

    Raises
    ------
    BendError, see ``take``
    """

    def __init__(
        self,
        scene: Scene,
        strip: ImageStrip,
        placed: Placement,
        numbers: Sequence[int] | None = None,
        resolve: Callable[..., references.ModelReference] = references.resolve,
        tracks: curve_values.Tracks = curve_values.tracks,
    ) -> None:
        settings = strip.bend_settings
        self._tracks = tracks
        self._names = scene.name, strip.name
        self.numbers = placed.frames if numbers is None else numbers
        enabled = [bend for bend in settings.bends if bend.enabled]
        for holder in (settings, *enabled):
            holder.check()
        schedule = prompt_schedule.of(scene, settings, self.numbers)
        self._prompt_at = prompts.travel(schedule) if schedule else _always(((settings.prompt, 1.0),))
        self._walk_at, self._time_at = _walk(settings, placed), _scene_time(settings, placed)
        self._wanted = [_parameters(holder) for holder in (settings, *enabled)]
        self._picture_at = _captured(settings, placed, "The strips below", settings.source == StartsFrom.PICTURES)
        self._masks = [
            _captured(bend, placed, f"The pictures of the mask of {bend.title}", bend.region == MASK)
            for bend in enabled
        ]
        self._masked = any(bend.region == MASK for bend in enabled)
        written = [*(schedule.values() or [settings.prompt]), settings.negative]
        self._blends: Iterator[tuple[Blend, float]] = repeat(((), 1.0))
        #: What the frames have in common, once their sound is known.
        common = _settings(settings, tuple(bend.plain() for bend in enabled), resolve)
        self.job = replace(common, embeddings=embedding_files.named_in(written))
        self.job.check()

    def find_sound(self) -> Slices[None]:
        """Find the sound of the frames: all of them have some, or none does, so all are asked until one is found.

        Raises
        ------
        BendError, see ``take``; BendError(STRIP_MISSING) if the strip is gone by now
        """
        scales = [(key, parameter) for key, parameter in self._wanted[0] if parameter.name == SOUND_SCALE.name]
        yield
        for begin in range(0, len(self.numbers) if scales else 0, PIECE):
            numbers = self.numbers[begin : begin + PIECE]
            (track,) = yield from self._tracks(*self._names, [scales], numbers)
            if any(track[SOUND_SCALE.name]):
                strip = strips.called(*self._names)
                placed = Placement.of(strip)
                condition.check(strip.id_data, strip, placed)
                self._blends = condition.blends(strip, placed, self.numbers)
                self.job = replace(self.job, sound_condition=condition.condition_of(strip))
                self.job.check()
                return

    def frames(self) -> Iterator[list[Frame] | None]:
        """The frames, some of them in a slice; None for a slice that only reads curves. Call ``find_sound`` before.

        Raises
        ------
        BendError, see ``take``; BendError(STRIP_MISSING) if the strip is gone by now
        """
        for begin in range(0, len(self.numbers), PIECE):
            numbers = self.numbers[begin : begin + PIECE]
            own, *tracks = yield from self._tracks(*self._names, self._wanted, numbers)
            for place in range(0, len(numbers), SLICE):
                some = range(place, min(place + SLICE, len(numbers)))
                yield [self.frame(numbers[index], index, own, tracks, next(self._blends)) for index in some]

    def frame(self, number: int, index: int, own: Track, tracks: list[Track], sound: tuple[Blend, float]) -> Frame:
        """One frame.

        Parameters
        ----------
        index : its place in the tracks
        sound : the embeddings that condition it, and how much of them is not silence
        """
        blend, share = sound
        values = {name: track[index] for name, track in own.items()}
        if self._time_at:
            values[SCENE_TIME.name] = settle(self._time_at(number) + values[SCENE_TIME.name])
        if blend:  # where a sound fades into silence, its scale fades
            values[SOUND_SCALE.name] = settle(values[SOUND_SCALE.name] * share)
        frame = Frame(
            number,
            self._prompt_at(number),
            tuple([{name: values[index] for name, values in track.items()} for track in tracks]),
            self._walk_at(number) if self._walk_at else None,
            values,
            self._picture_at(number),
            tuple([mask_at(number) for mask_at in self._masks]) if self._masked else (),
            sound=tuple([(digest, settle(part)) for digest, part in blend]),
        )
        self.job.check_frame(frame)
        return frame


def _always(value: Value) -> Callable[[int], Value]:
    return lambda number: value


def _settings(
    settings: BEND_PG_settings, bends: tuple[Bend, ...], resolve: Callable[..., references.ModelReference]
) -> Job:
    """All of a job but its frames."""
    model = resolve(settings.model.strip(), preferences.model_folders(), settings.decoder.strip())
    decoder = None
    if settings.decoder.strip():
        decoder = references.resolve_decoder(settings.decoder.strip(), preferences.decoder_folders())
    job = Job(
        model=model.path,
        fingerprint=model.fingerprint,
        size=settings.frame_size,
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
    found = references.resolve_lora(item.name.strip(), preferences.lora_files())
    return Lora(found.name, found.path, found.fingerprint, settle(item.strength))


def _captured(holder: Holder, placed: Placement, what: str, wanted: bool) -> Callable[[int], str]:
    """The digests of captured pictures by frame; none if they are not wanted.

    What is given raises BendError(CAPTURE_MISSING).
    """
    if not wanted:
        return _always("")
    known = record.decode(holder.captured, placed.count)

    def digest(number: int) -> str:
        found = known.get(number - placed.start, "")
        if not found:
            raise record.missing(what)
        return found

    return digest


def _parameters(holder: Holder) -> list[tuple[str, Parameter]]:
    """The animated parameters of a holder, each with the name of its custom property."""
    return [(item.key, parameter) for item, parameter in holder.shown_parameters()]


def _walk(settings: BEND_PG_settings, placed: Placement) -> Callable[[int], float] | None:
    """The position on the walk's circle by frame; the frame after the last would be the first again."""
    if settings.walk_amount == 0:
        return None
    turns = Fraction(settings.walk_turns)  # in fractions a whole turn is a whole number
    return lambda number: settle(float(turns * (number - placed.start) / placed.count % 1))


def _scene_time(settings: BEND_PG_settings, placed: Placement) -> Callable[[int], float] | None:
    """The time of the painted scene by frame, at its speed; what its curve adds is left out."""
    if settings.source != StartsFrom.PROCEDURAL:
        return None
    return lambda number: time_in_scene(settings, placed, number)


def time_in_scene(settings: BEND_PG_settings, placed: Placement, number: int) -> float:
    """How far a procedural scene has come on a frame."""
    return float(settings.scene_speed * float(placed.rate.seconds(number - placed.start)))
