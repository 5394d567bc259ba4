"""How a checkpoint in one file names the weights that diffusers names otherwise: CompVis' and Stability's names.

The UNet and the autoencoder are named as in CompVis' latent-diffusion; the text encoders as in transformers, or as in
OpenCLIP, which keeps queries, keys and values of a layer in one matrix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNET, AUTOENCODER = "model.diffusion_model.", "first_stage_model."
#: Where a moving average of the UNet's weights is kept, by names without dots.
AVERAGE = "model_ema."
#: Beginnings of a text encoder's names; older files leave out ``text_model.``
CLIP = {
    "sd1": ("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."),
    "sdxl": (
        "conditioner.embedders.0.transformer.text_model.",
        "conditioner.embedders.0.transformer.",
    ),
}
OPEN_CLIP = {"sd2": "cond_stage_model.model.", "sdxl": "conditioner.embedders.1.model."}

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_AROUND = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "time_embedding.cond_proj": "time_embed.cond_proj",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
#: The autoencoder's attention: as published, and as some later programs wrote it.
_ATTENTION = {
    "group_norm": ("norm",),
    "to_q": ("q", "to_q"),
    "to_k": ("k", "to_k"),
    "to_v": ("v", "to_v"),
    "to_out.0": ("proj_out", "to_out.0"),
}
_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_OPEN_CLIP_AROUND = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
_PROJECTIONS = ("q", "k", "v")


@dataclass(frozen=True)
class Source:
    """Where in a file a weight is.

    Parameters
    ----------
    names : its names, the published one first
    third : which third of the rows it is; None for all of them
    transposed : whether it stands with rows and columns exchanged under the first of its names
    """

    names: tuple[str, ...]
    third: int | None = None
    transposed: bool = False


def unet_source(name: str, config: Mapping[str, Any], averaged: bool = False) -> Source:
    """Where a weight of the UNet is.

    Parameters
    ----------
    name : in diffusers
    config : the UNet's configuration
    averaged : whether the file has a moving average of the UNet alone; the two are never mixed
    """
    inner = _unet_name(name, config)
    return Source((AVERAGE + "diffusion_model" + inner.replace(".", "") if averaged else UNET + inner,))


def _unet_name(name: str, config: Mapping[str, Any]) -> str:
    for ours, theirs in _AROUND.items():
        if name.startswith(f"{ours}."):
            return theirs + name.removeprefix(ours)
    kind = re.match(
        r"(down|up|mid)_blocks?\.(?:(\d+)\.)?(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", name
    )
    if kind is None:
        return name
    side, block, part, number, rest = kind[1], int(kind[2] or 0), kind[3], int(kind[4]), kind[5]
    if part == "resnets":
        layer, _, end = rest.rpartition(".")
        rest = f"{_RESNET.get(layer, layer)}.{end}"
    layers = int(config["layers_per_block"])
    if side == "mid":
        return f"middle_block.{2 * number if part == 'resnets' else 2 * number + 1}.{rest}"
    if side == "down":
        place = block * (layers + 1) + 1
        if part == "downsamplers":
            return f"input_blocks.{place + layers}.0.{rest.replace('conv.', 'op.', 1)}"
        return f"input_blocks.{place + number}.{int(part == 'attentions')}.{rest}"
    place = block * (layers + 1)
    if part == "upsamplers":
        attends = "CrossAttn" in config["up_block_types"][block]
        return f"output_blocks.{place + layers}.{1 + attends}.{rest}"
    return f"output_blocks.{place + number}.{int(part == 'attentions')}.{rest}"


def autoencoder_source(name: str, config: Mapping[str, Any]) -> Source:
    """Where a weight of the autoencoder is; see ``unet_source``."""
    last = len(config["up_block_types"]) - 1
    rules = (
        (r"conv_shortcut", "nin_shortcut"),
        (r"conv_norm_out", "norm_out"),
        (r"down_blocks\.(\d+)\.resnets\.(\d+)", r"down.\1.block.\2"),
        (r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample"),
        (r"up_blocks\.(\d+)\.resnets\.(\d+)", lambda found: f"up.{last - int(found[1])}.block.{found[2]}"),
        (r"up_blocks\.(\d+)\.upsamplers\.0", lambda found: f"up.{last - int(found[1])}.upsample"),
        (r"mid_block\.resnets\.(\d+)", lambda found: f"mid.block_{int(found[1]) + 1}"),
        (r"mid_block\.attentions\.0", "mid.attn_1"),
    )
    for pattern, theirs in rules:
        name = re.sub(pattern, theirs, name)
    beginning, mark, layer = name.partition("mid.attn_1.")
    if not mark:
        return Source((AUTOENCODER + name,))
    layer, _, end = layer.rpartition(".")
    return Source(tuple(f"{AUTOENCODER}{beginning}{mark}{word}.{end}" for word in _ATTENTION.get(layer, (layer,))))


def clip_source(name: str, prefixes: tuple[str, ...]) -> Source:
    """Where a weight of a text encoder is that is named as in transformers."""
    return Source(tuple(prefix + name.removeprefix("text_model.") for prefix in prefixes))


def open_clip_source(name: str, prefix: str) -> Source:
    """Where a weight of a text encoder is that is named as in OpenCLIP."""
    if name == "text_projection.weight":
        return Source((f"{prefix}text_projection", f"{prefix}text_projection.weight"), transposed=True)
    name = name.removeprefix("text_model.")
    if name in _OPEN_CLIP_AROUND:
        return Source((prefix + _OPEN_CLIP_AROUND[name],))
    found = re.match(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$", name)
    if found is None:
        return Source((prefix + name,))
    block = f"{prefix}transformer.resblocks.{found[1]}."
    projection = re.fullmatch(r"self_attn\.([qkv])_proj", found[2])
    if projection:
        return Source((f"{block}attn.in_proj_{found[3]}",), third=_PROJECTIONS.index(projection[1]))
    return Source((f"{block}{_LAYER.get(found[2], found[2])}.{found[3]}",))
