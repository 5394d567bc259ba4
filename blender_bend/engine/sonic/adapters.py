"""Gated audio cross-attention: conditions a Stable Diffusion UNet on sound, through hooks that are taken away again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from ...core.errors import BendError, Code

HEADS = 8


class AudioAttention(nn.Module):
    """Attention from the picture to the sound's tokens.

    It is no diffusers ``Attention``: as one it would be met by attention processors, LoRA and IP-Adapter loaders.
    """

    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """From (R, hw, width) and (R, tokens, context) to (R, hw, width)."""
        parts = (self.to_q(x), self.to_k(context), self.to_v(context))
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts)
        return self.to_out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Adapter(nn.Module):
    """The part of one transformer block that takes in sound: ``tanh(gate) * attention(norm(x), sound)``."""

    def __init__(self, width: int, context: int, gate: float) -> None:
        super().__init__()
        self.gate_adapter = nn.Parameter(torch.full((1,), gate))
        self.attn_adapter = AudioAttention(width, context)
        self.norm_adapter = nn.LayerNorm(width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """What is added to the picture's tokens ``x``, shape (R, hw, width), in their number format."""
        own = self.gate_adapter.dtype
        sound = self.attn_adapter(self.norm_adapter(x.to(own)), context.to(own))
        return (self.gate_adapter.tanh() * sound).to(x.dtype)


class AudioAdapters(nn.Module):
    """The adapters of a UNet. They are not part of it; their names are those of the published files.

    Parameters
    ----------
    widths : of every transformer block that takes in sound, by its path within the UNet
    context : width of the sound's tokens
    gate : where the gates begin; with 0 the attention learns nothing until its gate has moved
    """

    def __init__(self, widths: Mapping[str, int], context: int = 768, gate: float = 0.1) -> None:
        super().__init__()
        self.widths, self.context = dict(widths), context
        for path, width in widths.items():
            *parents, last = path.split(".")
            place: nn.Module = self
            for name in parents:
                if name not in dict(place.named_children()):
                    place.add_module(name, nn.Module())
                place = place.get_submodule(name)
            place.add_module(last, Adapter(width, context, gate))

    @classmethod
    def for_unet(cls, unet: nn.Module, context: int = 768, gate: float = 0.1) -> AudioAdapters:
        """New adapters for every transformer block in the middle and on the way up.

        Raises
        ------
        BendError(MODEL_INVALID) if the model has none
        """
        return cls(blocks_of(unet), context, gate)

    def adapter(self, path: str) -> Adapter:
        """The adapter of a block."""
        found = self.get_submodule(path)
        assert isinstance(found, Adapter)
        return found

    def gates(self) -> dict[str, float]:
        """How far each gate is open, -1...1, by block."""
        return {path: float(self.adapter(path).gate_adapter.detach().tanh()) for path in self.widths}

    @contextmanager
    def applied(
        self,
        unet: nn.Module,
        tokens: Tensor | None,
        scale: float | Tensor = 1.0,
        blocks: Mapping[str, float] | None = None,
    ) -> Iterator[None]:
        """Condition a UNet on sound for as long as this lasts. Training must leave it only after the backward pass.

        Parameters
        ----------
        tokens : of every row that the UNet is given, shape (R, 77, 768); None for no sound
        scale : how strongly, one number or shape (R,); at 0 the UNet is bit-equal to one without adapters
        blocks : factors by the beginning of a block's path (``mid_block``, ``up_blocks.1``); the longest one counts
        """
        with ExitStack() as undo:
            for path in self.widths:
                strength = scale * factor(path, blocks or {})
                if tokens is None or not torch.as_tensor(strength).any():
                    continue
                for handle in _add_sound(unet.get_submodule(path), self.adapter(path), tokens, strength):
                    undo.callback(handle.remove)
            yield


def blocks_of(unet: nn.Module) -> dict[str, int]:
    """The transformer blocks that get an adapter, by path, and the widths of their tokens.

    Raises
    ------
    BendError(MODEL_INVALID) if there is none
    """
    found = {
        path: module.norm2.normalized_shape[0]
        for path, module in unet.named_modules()
        if path.startswith(("mid_block.", "up_blocks."))
        and isinstance(module, BasicTransformerBlock)
        and module.attn2 is not None
    }
    if not found:
        raise BendError(
            Code.MODEL_INVALID,
            "This model doesn't support sound adapters: it has no UNet with cross-attention.",
            "Use a Stable Diffusion 1.x model, or mini.",
        )
    return found


def factor(path: str, blocks: Mapping[str, float]) -> float:
    """The factor of a block: that of the longest beginning of its path, or 1."""
    fitting = [name for name in blocks if f"{path}.".startswith(f"{name}.")]
    return blocks[max(fitting, key=len)] if fitting else 1.0


def _add_sound(
    block: nn.Module, adapter: Adapter, tokens: Tensor, scale: float | Tensor
) -> tuple[RemovableHandle, ...]:
    """Hooks that add the sound between a block's attention to the text and its feed-forward."""
    stream: list[Tensor] = []

    def remember(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        stream[:] = arguments[:1]

    def add(module: nn.Module, arguments: Any, output: Tensor) -> Tensor:
        # The block itself adds the stream to what attn2 gives.
        sound = adapter(stream.pop() + output, tokens)
        strength = scale if isinstance(scale, float) else torch.as_tensor(scale).to(sound).view(-1, 1, 1)
        return output + strength * sound

    return (
        block.get_submodule("norm2").register_forward_pre_hook(remember),
        block.get_submodule("attn2").register_forward_hook(add),
    )
