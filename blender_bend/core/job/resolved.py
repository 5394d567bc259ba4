"""What a frame comes to: all that determines its pixels and nothing else, as plain data, whose hash is its key."""

from __future__ import annotations

from typing import NotRequired, TypedDict, final

from ..prompts.schedule import Blend
from ..samplers.sampler_choices import SamplerChoices


class BendOfJob(TypedDict):
    """What a bend is on every frame of a job; see ``core.job.job.Bend``.

    Parameters
    ----------
    name : for messages only, and no part of the key
    """

    name: str
    operator: str
    site: str
    channels: str
    choices: dict[str, str]
    region: str
    inverted: bool
    restore: str


class ResolvedBend(BendOfJob):
    """A bend that acts on a frame.

    Parameters
    ----------
    steps : half-open range of denoising steps
    values : its animated parameters by name, ``mix`` among them
    mask : digest of its mask picture, in the store's inputs; empty without one
    """

    steps: tuple[int, int]
    values: dict[str, float]
    mask: str


class _Picture(TypedDict):
    """What a frame starts from.

    Parameters
    ----------
    start : the denoising step at which the frame begins
    kept : up to which steps layout and shapes stay; only for a picture that is inverted
    """

    start: int
    kept: NotRequired[tuple[int, int]]


@final
class SceneSource(_Picture):
    """A procedural scene: its name, its palette, its seed, and its time in seconds."""

    scene: tuple[str, str, int, float]


@final
class PictureSource(_Picture):
    """A captured picture: its digest, in the store's inputs."""

    picture: str


@final
class PreviousSource(_Picture):
    """The frame before.

    Parameters
    ----------
    previous : its key
    warp : zoom, turn and shifts of the camera
    colour : key of the frame that colours are matched to, and how much; None if they are not
    hue : how far the hue may turn, in radians; missing without a limit
    """

    previous: str
    warp: tuple[float, float, float, float]
    colour: tuple[str, float] | None
    hue: NotRequired[float]


Source = SceneSource | PictureSource | PreviousSource


class ResolvedSound(TypedDict):
    """The sound that a frame is conditioned on.

    Parameters
    ----------
    adapters, projector : fingerprints of the files
    vectors : digests of vectors, in the store's inputs, and their shares
    guidance : the sound's own; None if it has none
    steps : half-open range of denoising steps
    blocks : factors other than 1, by the beginning of a block's path
    """

    adapters: str
    projector: str
    vectors: Blend
    scale: float
    guidance: float | None
    steps: tuple[int, int]
    blocks: dict[str, float]


class PromptReading(TypedDict, total=False):
    """How prompts are read, as far as it makes a difference to those of the frame.

    Parameters
    ----------
    weights : whether brackets are weights
    clip_skip : how many of CLIP's last layers are left out
    embeddings : names of textual inversion files in the prompts, each with its fingerprint
    """

    weights: bool
    clip_skip: int
    embeddings: tuple[tuple[str, str], ...]


class SameForAll(TypedDict):
    """What all frames of a job have in common, see ``core.job.job.Job``.

    Parameters
    ----------
    renderer : see ``core.job.resolve.RENDERER``
    model, decoder : fingerprints
    loras : fingerprint, strength, and the name if a bend calls for it
    draft : only of a draft, the size of the picture that it is one of: so no draft has the key of a frame
    """

    renderer: str
    model: str
    decoder: str
    loras: tuple[tuple[str, float, str], ...]
    precision: str
    batch: int
    size: tuple[int, int]
    steps: int
    guidance: float
    seed: int
    draft: NotRequired[tuple[int, int]]


class Resolved(SameForAll, SamplerChoices, PromptReading):
    """A resolved frame; see ``core.job.resolve``.

    Parameters
    ----------
    negative : empty where it is not asked for
    walk : the share of the walking noise, and its place on the circle in turns; None without a walk
    travel : seeds travelled through
    source : what the frame starts from; None for noise
    decode : only if the autoencoder works in tiles
    sound : only if the frame is conditioned on one
    """

    scheduler: str
    prompt: Blend
    blending: str
    negative: str
    walk: tuple[float, float] | None
    travel: float
    source: Source | None
    bends: list[ResolvedBend]
    decode: NotRequired[str]
    sound: NotRequired[ResolvedSound]
