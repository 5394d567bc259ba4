"""A picture in the making, and what it may be made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import PIL.Image
import torch
from torch import Tensor

from ...core.job.resolved import Resolved
from ..bending import BendStack
from ..bending.channels import Study
from ..families import Conditioning


class Inputs(Protocol):
    """The pictures that frames start from or are masked by."""

    def source(self, frame: Resolved) -> PIL.Image.Image:
        """The picture that a frame starts from."""

    def mask(self, digest: str) -> Tensor:
        """A mask, shape (1, 1, h, w), 0...1."""

    def vector(self, digest: str, width: int | None = None) -> Tensor:
        """The vector of a sound, shape (1, width)."""


@dataclass(frozen=True)
class State:
    """A picture in the making.

    Parameters
    ----------
    latents : shape (1, C, h, w)
    call : how often the scheduler has stepped; some step more often than there are denoising steps
    bent : the last step whose latent bends have acted; -1 for none
    lent : of the picture whose layout is kept its latent at every call; None if none is
    """

    latents: Tensor
    scheduler: Any
    generator: torch.Generator
    conditioning: Conditioning
    call: int
    bent: int = -1
    lent: Sequence[Tensor] | None = None


def bends_of(
    frames: Sequence[Resolved], step: int, latents: Tensor, inputs: Inputs | None, study: Study | None
) -> BendStack:
    """The bends of frames that are computed together, at a step; ``latents`` has the size of theirs."""
    return BendStack(
        [frame["bends"] for frame in frames],
        seed=frames[0]["seed"],
        step=step,
        steps=frames[0]["steps"],
        size=(latents.shape[2], latents.shape[3]),
        read_mask=None if inputs is None else inputs.mask,
        study=study,
    )
