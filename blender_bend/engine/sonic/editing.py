"""A picture changed by sound: its layout is injected from the picture's own way through the network.

Source: Tumanyan et al. 2023 (Plug-and-Play), as SonicDiffusion uses it: features of two layers, and the queries and
keys of self-attention, both for the first part of the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import PIL.Image
import torch
from torch import Tensor, nn

from ...core.errors import BendError, Code
from ..families import family_of
from .condition import Branch, Guidance, Hearing
from .inversion import ddim_of, invert, source_latents
from .training.generate import prompt_rows

_SOURCE = Branch(False, False)
_DEEP = 4  # blocks on the way up of Stable Diffusion


@dataclass(frozen=True)
class Thresholds:
    """For which first part of the steps the source's layout is injected, 0...1; 0 is a free picture.

    Parameters
    ----------
    features : of two layers: what is where
    attention : queries and keys of self-attention: which parts belong together
    """

    features: float = 0.8
    attention: float = 0.8

    def active(self, step: int, steps: int) -> tuple[bool, bool]:
        """Whether features and attention are injected at a step."""
        return step < int(steps * self.features), step < int(steps * self.attention)


def feature_places(unet: nn.Module) -> list[str]:
    """The convolutions whose outputs are injected: of the last two resnets of the first block that has attention.

    On Stable Diffusion 1.x ``up_blocks.1.resnets.1.conv2`` and ``up_blocks.1.resnets.2.conv2``, as published. A UNet
    of fewer blocks knows too little there of what is where: of such a one, like mini, it is all on the way up.
    """
    first = _attending(unet)[0]
    blocks = [f"up_blocks.{number}" for number in range(len(unet.up_blocks))]
    if len(blocks) >= _DEEP:
        resnets = len(unet.get_submodule(first).resnets)
        return [f"{first}.resnets.{place}.conv2" for place in range(max(resnets - 2, 0), resnets)]
    return [
        f"{block}.resnets.{place}.conv2" for block in blocks for place in range(len(unet.get_submodule(block).resnets))
    ]


def attention_places(unet: nn.Module) -> list[str]:
    """The projections to queries and keys that are injected: all on the way up but those of its first attention."""
    paths = [
        f"{block}.attentions.{number}.transformer_blocks.{inner}.attn1"
        for block in _attending(unet)
        for number, attention in enumerate(unet.get_submodule(block).attentions)
        for inner in range(len(attention.transformer_blocks))
    ]
    first = paths[0].split(".transformer_blocks")[0]
    return [f"{path}.{part}" for path in paths if not path.startswith(f"{first}.") for part in ("to_q", "to_k")]


def _attending(unet: nn.Module) -> list[str]:
    """The blocks on the way up that have attention."""
    blocks = getattr(unet, "up_blocks", ())
    found = [f"up_blocks.{number}" for number, block in enumerate(blocks) if hasattr(block, "attentions")]
    if not found:
        raise BendError(
            Code.MODEL_INVALID,
            "This model doesn't support Keep Layout: its UNet has no attention in the up blocks.",
            "Use a Stable Diffusion 1.x model, or mini.",
        )
    return found


@contextmanager
def injected(unet: nn.Module, rows: int, features: bool, attention: bool) -> Iterator[None]:
    """For as long as this lasts, all of the ``rows`` of a batch take layout from its first one, the source."""

    def first_row(module: nn.Module, arguments: Any, output: Tensor) -> Tensor:
        source = output[: len(output) // rows]
        return source.repeat(rows, *(1,) * (output.ndim - 1))

    places = (feature_places(unet) if features else []) + (attention_places(unet) if attention else [])
    with ExitStack() as undo:
        for path in places:
            undo.callback(unet.get_submodule(path).register_forward_hook(first_row).remove)
        yield


@torch.inference_mode()
def edit(
    pipeline: Any,
    hearing: Hearing,
    picture: PIL.Image.Image,
    embedding: Tensor | None,
    *,
    prompt: str = "",
    negative: str = "",
    size: tuple[int, int] = (512, 512),
    steps: int = 50,
    guidance: Guidance = Guidance(7.5),  # noqa: B008 - it is frozen
    thresholds: Thresholds = Thresholds(),
    scale: float = 1.0,
    blocks: Mapping[str, float] | None = None,
) -> PIL.Image.Image:
    """Change a picture by sound, as ``generate`` makes one from it; its size is brought to ``size``.

    Parameters
    ----------
    picture : cut to the middle if its sides have another ratio
    """
    family = family_of(pipeline)
    trajectory = invert(family, source_latents(family, picture, size), steps, size)
    return family.decode(
        resample(
            pipeline, hearing, trajectory, embedding, prompt=prompt, negative=negative, size=size, guidance=guidance,
            thresholds=thresholds, scale=scale, blocks=blocks,
        )
    )  # fmt: skip


@torch.inference_mode()
def resample(
    pipeline: Any,
    hearing: Hearing,
    trajectory: Mapping[int, Tensor],
    embedding: Tensor | None,
    *,
    prompt: str = "",
    negative: str = "",
    size: tuple[int, int] = (512, 512),
    guidance: Guidance = Guidance(7.5),  # noqa: B008 - it is frozen
    thresholds: Thresholds = Thresholds(),
    scale: float = 1.0,
    blocks: Mapping[str, float] | None = None,
) -> Tensor:
    """The finished latent of an edit.

    Parameters
    ----------
    trajectory : what ``invert`` gives; the edit takes as many steps

    Returns
    -------
    shape (1, C, h, w)
    """
    family, steps = family_of(pipeline), len(trajectory)
    scheduler = ddim_of(family, steps)
    tokens = hearing.null if embedding is None else hearing.tokens(embedding.reshape(1, -1))
    branches = (_SOURCE, *guidance.branches)
    source = family.encode_prompt("", "", False)["prompt_embeds"]
    text = torch.cat([source, prompt_rows(family, prompt, negative, guidance)])
    lent = [trajectory[timestep] for timestep in scheduler.timesteps.tolist()]
    latents = lent[0]
    for step, (timestep, own) in enumerate(zip(scheduler.timesteps, lent, strict=True)):
        x = torch.cat([own, *[latents] * len(guidance.branches)])
        features, attention = thresholds.active(step, steps)
        with (
            hearing.rows(branches, tokens, scale, blocks),
            injected(pipeline.unet, len(branches), features, attention),
        ):
            predictions = family.predict(x, timestep, {"prompt_embeds": text}, guidance.text, size)
        prediction = guidance.combine(predictions[1:].split(1))
        latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
    return latents
