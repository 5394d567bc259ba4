"""From a job to its frames: all that determines one frame's pixels and nothing else, and its hash, the frame key."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import catalogue
from ..catalogue import strip
from ..prompts import embeddings, weights
from ..prompts.schedule import Blending
from ..samplers import schedulers
from ..samplers.sampler_choices import SamplerChoices
from . import tiling
from .bend_resolution import JobBend, settle, within
from .job import Frame, Job
from .resolved import PreviousSource, PromptReading, Resolved, ResolvedBend, ResolvedSound, SameForAll, Source

#: Raise it whenever the engine makes other pixels from the same resolved frame.
RENDERER = "4"

#: The folder of a frame store that holds what frames start from or are masked by.
INPUTS = "inputs"

#: The sampler of edited pictures, the way back from which is known.
DDIM = "ddim"

_TEXT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Traced:
    """A frame of a job, its key, and what it comes to; ``frame`` knows the frame before it if it starts from that."""

    frame: Frame
    key: str
    resolver: Resolver = field(repr=False, compare=False)

    @functools.cached_property
    def data(self) -> Resolved:
        """The frame, resolved; where the key was known before, only when it is asked for."""
        return self.resolver.resolve(self.frame)


def trace(job: Job) -> Iterator[Traced]:
    """Every frame of a job, resolved, with its key; see ``Tracer``."""
    return map(Tracer(job).trace, job.frames)


class Tracer:
    """Resolves the frames of a job in their order, and gives each its key.

    Where a frame starts from the one before, the key of that one is part of what determines it. A job's first frame
    starts from noise, unless it names a frame before it: so a part of a job can be rendered by itself.

    Parameters
    ----------
    known : keys of the job's frames by number, as far as it was traced before: those are not computed again
    """

    def __init__(self, job: Job, known: Mapping[int, str] | None = None) -> None:
        self._resolver, self._chained = Resolver(job), job.source == strip.StartsFrom.PREVIOUS
        self._known = known or {}
        self._previous = self._anchor = ""

    def trace(self, frame: Frame) -> Traced:
        """The next frame."""
        if self._chained:
            frame = replace(frame, previous=frame.previous or self._previous, anchor=frame.anchor or self._anchor)
        key = self._known.get(frame.number, "")
        traced = Traced(frame, key, self._resolver)
        if not key:
            data = self._resolver.resolve(frame)
            key = frame_key(data)
            traced = Traced(frame, key, self._resolver)
            vars(traced)["data"] = data
        self._previous, self._anchor = key, frame.anchor or self._anchor or key
        return traced


def renders_singly(job: Job) -> bool:
    """Whether a job's batch makes no difference: a frame of a chain has no neighbors, and those with sound and
    edited ones have rows of their own.
    """
    return job.source == strip.StartsFrom.PREVIOUS or job.sound_condition is not None or job.editing


def resolve(job: Job, frame: Frame) -> Resolved:
    """One frame of a job; for many of them a ``Resolver`` is faster."""
    return Resolver(job).resolve(frame)


class Resolver:
    """Resolves frames of a job; what is the same for all of them is found out once."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._bends = [JobBend(bend, job.steps) for bend in job.bends]
        self._read = functools.lru_cache(maxsize=256)(functools.partial(_reading, job))
        self._sampled = {edited: _sampling(job, edited) for edited in ({False, bool(job.editing)})}
        self._same: SameForAll = {
            "renderer": RENDERER,
            "model": job.fingerprint,
            "decoder": job.decoder_fingerprint,
            "loras": _loras(job),
            "precision": job.precision,
            "batch": 1 if renders_singly(job) else job.batch,
            "size": job.size,
            "steps": job.steps,
            "guidance": settle(job.guidance),
            "seed": job.seed,
        }
        if job.draft_of is not None:
            self._same["draft"] = job.draft_of

    def resolve(self, frame: Frame) -> Resolved:
        """All that determines one frame's pixels and nothing else, as plain data.

        Bends that change nothing (mix 0, neutral values, a window before the start) are left out, and so is what a
        setting does not reach: frames that look the same are the same data.
        """
        job = self.job
        source = _source(job, frame)
        start = 0 if source is None else source["start"]
        masks = frame.masks or ("",) * len(self._bends)
        found = (
            bend.resolve(values, mask, start)
            for bend, values, mask in zip(self._bends, frame.values, masks, strict=True)
        )
        bends = [bend for bend in found if bend is not None]
        edited = source is not None and "kept" in source  # begins with the noise that its picture is inverted to
        walking = frame.walk is not None and job.walk_amount > 0 and not edited
        sound = _sound(job, frame, start)
        guided = job.guidance > 1 or (sound is not None and sound["guidance"] is not None)
        negative = job.negative if guided else ""
        resolved: Resolved = {
            **self._same,
            "scheduler": DDIM if edited else job.scheduler,
            "prompt": tuple([(text, settle(share)) for text, share in frame.prompt]),
            "blending": job.blending if len(frame.prompt) > 1 else Blending.LINEAR,
            "negative": negative,
            "walk": (settle(job.walk_amount), settle(frame.walk or 0.0) % 1.0) if walking else None,
            "travel": 0.0 if edited else _strip_value(frame, strip.SEED_TRAVEL),
            "source": source,
            "bends": bends,
            **self._sampled[edited],
            **self._read((*(text for text, _ in frame.prompt), negative)),
        }
        if _is_tiled(job, bends):
            resolved["decode"] = job.decode
        if sound is not None:
            resolved["sound"] = sound
        return resolved


def _is_tiled(job: Job, bends: list[ResolvedBend]) -> bool:
    """Whether the autoencoder works in tiles: a bend within it acts on the picture as a whole, so then it does not."""
    if job.decode == tiling.WHOLE or tiling.tile_side(job.size) is None:
        return False
    return not any(bend["site"].startswith("vae:") for bend in bends)


def _sampling(job: Job, edited: bool) -> SamplerChoices:
    """What is chosen of the sampler instead of the model's own; an edit has timesteps of its own."""
    if edited:
        return schedulers.acting(DDIM, prediction=job.prediction)
    return schedulers.acting(job.scheduler, spacing=job.spacing, sigmas=job.sigmas, prediction=job.prediction)


def _reading(job: Job, prompts: tuple[str, ...]) -> PromptReading:
    """How a frame's prompts are read; what makes no difference to them is left out."""
    files = {embedding.name: embedding.fingerprint for embedding in job.embeddings}
    found: PromptReading = {}
    if job.prompt_weights and not all(weights.is_plain(prompt) for prompt in prompts):
        found["weights"] = True
    if job.clip_skip:
        found["clip_skip"] = job.clip_skip
    if named := embeddings.used(prompts, files):
        found["embeddings"] = tuple([(name, files[name]) for name in named])
    return found


def _sound(job: Job, frame: Frame, start: int) -> ResolvedSound | None:
    """The sound that conditions a frame, from which step to which; None if there is none."""
    condition, scale = job.sound_condition, _strip_value(frame, strip.SOUND_SCALE)
    if condition is None or not frame.sound or scale == 0:
        return None
    first, last = max(round(condition.start * job.steps), start), round(condition.end * job.steps)
    if last <= first:
        return None
    return {
        "adapters": condition.adapters_fingerprint,
        "projector": condition.projector_fingerprint,
        "vectors": tuple([(digest, settle(share)) for digest, share in frame.sound]),
        "scale": scale,
        "guidance": _strip_value(frame, strip.SOUND_GUIDANCE) if condition.separate else None,
        "steps": (first, last),
        "blocks": {path: settle(factor) for path, factor in sorted(condition.blocks.items()) if factor != 1},
    }


def _loras(job: Job) -> tuple[tuple[str, float, str], ...]:
    """The LoRA files and their strengths; their names count only if a bend calls one by its name."""
    named = any(bend.site.strip().startswith("lora:") for bend in job.bends)
    return tuple(
        (lora.fingerprint, settle(lora.strength), lora.site_name if named else "")
        for lora in job.loras
        if lora.strength or named
    )


def _strip_value(frame: Frame, parameter: catalogue.Parameter) -> float:
    return within(parameter, frame.strip)


def _source(job: Job, frame: Frame) -> Source | None:
    """Where the frame starts from, and at which step; as diffusers' image-to-image reads the strength."""
    if job.editing and (edited := _picture(job, frame, job.steps)) is not None:
        layout, shapes = (int(job.steps * _strip_value(frame, kept)) for kept in strip.OF_EDIT)
        edited["kept"] = (layout, shapes)
        return edited
    return _picture(job, frame, min(int(job.steps * _strip_value(frame, strip.STRENGTH)), job.steps))


def _picture(job: Job, frame: Frame, steps: int) -> Source | None:
    """The picture that a frame starts from, painted over in so many steps."""
    if job.source == strip.StartsFrom.PROCEDURAL:
        time = _strip_value(frame, strip.SCENE_TIME)
        return {"scene": (job.scene, job.palette, job.scene_seed, time), "start": job.steps - steps}
    if job.source == strip.StartsFrom.PICTURES:
        return {"picture": frame.picture, "start": job.steps - steps}
    if job.source == strip.StartsFrom.PREVIOUS and frame.previous:
        zoom, turn, x, y = (_strip_value(frame, p) for p in (strip.ZOOM, strip.TURN, strip.SHIFT_X, strip.SHIFT_Y))
        matched = _strip_value(frame, strip.COLOUR)
        begun: PreviousSource = {
            "previous": frame.previous,
            "warp": (zoom, turn, x, y),
            "colour": (frame.anchor, matched) if matched else None,
            "start": job.steps - steps,
        }
        limit = _strip_value(frame, strip.HUE_LIMIT)
        if strip.HUE_LIMIT.name in frame.strip and limit < strip.HUE_LIMIT.maximum:
            begun["hue"] = limit
        return begun
    return None


def frame_key(resolved: Resolved) -> str:
    """The hash of a resolved frame: 64 hexadecimal digits, also the name of its file.

    A bend's name is for messages only and does not count.
    """
    plain = {**resolved, "bends": [{k: v for k, v in bend.items() if k != "name"} for bend in resolved["bends"]]}
    return hashlib.sha256(_TEXT.encode(plain).encode()).hexdigest()


def input_path(store: Path, digest: str) -> Path:
    """Where an input picture of a frame store is."""
    return store / INPUTS / file_name(digest)


def vector_path(store: Path, digest: str) -> Path:
    """Where the vector of a sound is: its numbers as little-endian float32, named after their SHA-256."""
    return store / INPUTS / f"{digest}.f32"


def file_name(key: str) -> str:
    """The name of the file of a frame key, or of an input picture's digest."""
    return f"{key}.png"
