"""A picture of one sound without a film: what training shows of itself, and what measurements look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import PIL.Image
import torch
from torch import Tensor

from ...core.catalogue import strip
from ...core.job import job
from ...core.job.frames import Frame
from ...core.job.resolve import resolve
from ...core.job.resolved import Resolved
from ..sonic.condition import Guidance, SoundConditioner
from ..sonic.inversion import cut
from .plain import render_plain
from .sampler import Sampler


def sound_picture(
    pipeline: Any,
    conditioner: SoundConditioner,
    embedding: Tensor | None,
    over: PIL.Image.Image | None = None,
    **settings: Any,
) -> PIL.Image.Image:
    """Make a picture of a sound, or change one by it.

    Parameters
    ----------
    embedding : CLAP's vector of the sound, shape (1024,) or (1, 1024); None stands for the tokens of no sound
    over : the picture to change, cut to its middle if its sides have another ratio
    settings : those of ``sound_frame``
    """
    sampler = Sampler(pipeline)
    sampler.conditioner = conditioner
    return render_plain(sampler, sound_frame(over is not None, **settings), Given(over, embedding))


def sound_frame(
    editing: bool = False,
    *,
    kept: tuple[float, float] = (0.8, 0.8),
    prompt: str = "",
    negative: str = "",
    size: tuple[int, int] = (512, 512),
    steps: int = 50,
    guidance: Guidance = Guidance(7.5),  # noqa: B008 - it is frozen
    seed: int = 0,
    scale: float = 1.0,
    blocks: Mapping[str, float] | None = None,
    window: tuple[float, float] = (0.0, 1.0),
) -> Resolved:
    """The frame of one sound, whose inputs are ``Given``.

    Parameters
    ----------
    editing : whether a picture is changed
    kept : for which first part of the steps, 0...1, its layout and its shapes stay
    prompt, negative : either may be empty
    size : width and height in pixels
    scale, blocks : of the adapters, see ``AudioAdapters.applied``; with scale 0 the picture is the base model's own
    window : part of the steps in which the adapters act, as fractions
    """
    condition = job.SoundCondition("", "", "", "", guidance.sound is not None, *window, dict(blocks or {}))
    values = {
        strip.SOUND_SCALE.name: scale,
        strip.SOUND_GUIDANCE.name: guidance.sound or 0.0,
        **{part.name: value for part, value in zip(strip.OF_EDIT, kept, strict=True)},
    }
    frame = Frame(1, ((prompt, 1.0),), strip=values, picture="given", sound=(("given", 1.0),))
    told = job.Job(
        "", "", size, steps, guidance.text, seed, negative, (), (frame,), sound_condition=condition,
        prompt_weights=False, source=strip.StartsFrom.PICTURES if editing else strip.StartsFrom.NOISE, editing=editing,
    )  # fmt: skip
    return resolve(told, frame)


@dataclass(frozen=True)
class Given:
    """The one picture and the one sound that there are; see ``Inputs``."""

    picture: PIL.Image.Image | None
    embedding: Tensor | None

    def source(self, frame: Resolved) -> PIL.Image.Image:
        """The picture that is changed."""
        assert self.picture is not None
        return cut(self.picture, frame["size"])

    def mask(self, digest: str) -> Tensor:
        """There is none without bends."""
        raise LookupError(digest)

    def vector(self, digest: str, width: int | None = None) -> Tensor:
        """That of the sound; of no sound it is zeros, see ``AudioProjector``."""
        return torch.zeros(1, width or 0) if self.embedding is None else self.embedding.reshape(1, -1)
