"""What trainers call the layers of a model: every spelling of every layer, made from the model itself.

Dots and underscores are one, since kohya's scripts write the one and peft writes the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ....core.site_kinds import DENOISERS
from .transformer_names import flux_names, stable_diffusion_3_names


@dataclass(frozen=True)
class Place:
    """A layer of a model, or some rows of a layer that a file knows as part of a larger one.

    Parameters
    ----------
    part : of the pipeline, such as ``unet`` or ``text_encoder``
    rows : which rows of the file's layer are this layer's, half-open; None for all
    swapped : whether the halves of the rows are the other way round
    """

    part: str
    path: str
    rows: tuple[int, int] | None = None
    swapped: bool = False


#: What a layer's name may begin with, and the parts of a pipeline that it then may be in; "" is the denoising network.
_PREFIXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    *((prefix, ("",)) for prefix in ("lora_unet_", "lora_transformer_", "unet_", "transformer_", "diffusion_model_")),
    *((prefix, ("text_encoder",)) for prefix in ("lora_te_", "lora_te1_", "te1_", "text_encoder_", "clip_l_")),
    *((prefix, ("text_encoder_2",)) for prefix in ("lora_te2_", "te2_", "text_encoder_2_", "clip_g_")),
    *((prefix, ("text_encoder_3", "text_encoder_2")) for prefix in ("lora_te3_", "te3_", "text_encoder_3_", "t5xxl_")),
)
#: Wrappers that say nothing about the part.
_WRAPPERS = ("base_model_model_", "model_", "lycoris_", "text_encoders_", "transformer_")


class LayerNames:
    """The layers of a pipeline by every name that files have for them."""

    def __init__(self, pipeline: Any) -> None:
        networks = {
            part: network
            for part, network in pipeline.components.items()
            if isinstance(network, nn.Module) and (part in DENOISERS or part.startswith("text_encoder"))
        }
        self.networks: dict[str, nn.Module] = networks
        self.denoiser = next(part for part in DENOISERS if part in networks)
        self.places = {part: _names(part, network) for part, network in networks.items()}

    def find(self, name: str) -> tuple[Place, ...]:
        """Where a layer of a file is in the model; nothing if it is not."""
        seen: set[tuple[tuple[str, ...] | None, str]] = set()
        open_: list[tuple[tuple[str, ...] | None, str]] = [(None, name.replace(".", "_"))]
        while open_:
            parts, rest = state = open_.pop(0)
            if state in seen:
                continue
            seen.add(state)
            if found := self._at(parts, rest):
                return found
            if parts is None:
                open_ += [(of, rest.removeprefix(prefix)) for prefix, of in _PREFIXES if rest.startswith(prefix)]
            open_ += [(parts, rest.removeprefix(prefix)) for prefix in _WRAPPERS if rest.startswith(prefix)]
        return ()

    def _at(self, parts: tuple[str, ...] | None, rest: str) -> tuple[Place, ...]:
        """The layer of this name in some parts; without a part in the one part that has it."""
        wanted = [self.denoiser if part == "" else part for part in parts or self.places]
        found = [self.places[part][rest] for part in wanted if rest in self.places.get(part, {})]
        return found[0] if found and (parts is not None or len(found) == 1) else ()


def _names(part: str, network: nn.Module) -> dict[str, tuple[Place, ...]]:
    names: dict[str, tuple[Place, ...]] = {}
    paths = {path: layer for path, layer in network.named_modules() if _has_weight(layer)}
    for path in paths:
        place = (Place(part, path),)
        for spelling in _spellings(part, path, network):
            names.setdefault(spelling.replace(".", "_"), place)
    rows = {path: _weight(layer).shape[0] for path, layer in paths.items()}
    native = {"SD3Transformer2DModel": stable_diffusion_3_names, "FluxTransformer2DModel": flux_names}
    if type(network).__name__ in native:
        for spelling, targets in native[type(network).__name__](rows):
            names.setdefault(spelling.replace(".", "_"), tuple(_places(part, targets, rows)))
    return names


def _has_weight(layer: nn.Module) -> bool:
    return isinstance(getattr(layer, "weight", None), Tensor)


def _weight(layer: nn.Module) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight


def _places(part: str, targets: tuple[str, ...], rows: dict[str, int]) -> Iterator[Place]:
    """The layers that lie one below the other in a layer of the file; ``~`` before one means that it is swapped."""
    first = 0
    for target in targets:
        path = target.removeprefix("~")
        last = first + rows[path]
        yield Place(part, path, (first, last) if len(targets) > 1 else None, target.startswith("~"))
        first = last


def _spellings(part: str, path: str, network: nn.Module) -> Iterator[str]:
    yield path
    if path.endswith(".to_out.0"):
        yield path.removesuffix(".0")  # the old attention processors
    if part.startswith("text_encoder"):
        inner = path.removeprefix("text_model.")
        yield from (inner, f"text_model.{inner}")
    elif part == "unet":
        yield from _of_the_checkpoints(path, network)


def _of_the_checkpoints(path: str, unet: Any) -> Iterator[str]:
    """The name of a UNet's layer in single files of Stable Diffusion: ``input_blocks.4.1`` and the like."""
    head = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    if path in head:
        yield head[path]
    found = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", path)
    if found:
        way, block, kind, number, inner = found[1], int(found[2]), found[3], int(found[4]), found[5]
        module = (unet.down_blocks if way == "down" else unet.up_blocks)[block]
        # On the way down a block's sampler follows its resnets; on the way up it belongs to the last of them.
        first = 1 if way == "down" else 0
        for earlier in (unet.down_blocks if way == "down" else unet.up_blocks)[:block]:
            first += len(earlier.resnets) + (way == "down" and getattr(earlier, "downsamplers", None) is not None)
        if kind == "downsamplers":
            yield f"input_blocks.{first + len(module.resnets)}.0.{inner.replace('conv', 'op')}"
        elif kind == "upsamplers":
            beside = 2 if getattr(module, "attentions", None) is not None else 1
            yield f"output_blocks.{first + len(module.resnets) - 1}.{beside}.{inner}"
        else:
            side = "input" if way == "down" else "output"
            yield f"{side}_blocks.{first + number}.{int(kind == 'attentions')}.{_inner(kind, inner)}"
    found = re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)", path)
    if found:
        number = 2 * int(found[2]) + (found[1] == "attentions")
        yield f"middle_block.{number}.{_inner(found[1], found[3])}"


_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def _inner(kind: str, inner: str) -> str:
    return _RESNET.get(inner, inner) if kind == "resnets" else inner
