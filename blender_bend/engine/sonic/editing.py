"""A picture changed by sound: its layout is injected from the picture's own way through the network.

Source: Tumanyan et al. 2023 (Plug-and-Play), as SonicDiffusion uses it: features of two layers, and the queries and
keys of self-attention, both for the first part of the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from ...core.errors import BendError, Code

_DEEP = 4  # blocks on the way up of Stable Diffusion


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
