"""A checkpoint in one file, as Stable Diffusion was published, made from a diffusers pipeline. Names are CompVis'."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

#: Parts of a layer's name, diffusers' first. The order counts.
_RESNET = [
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("time_emb_proj", "emb_layers.1"),
    ("conv_shortcut", "skip_connection"),
]
_ATTENTION = [
    ("group_norm.", "norm."),
    ("to_q.", "q."),
    ("to_k.", "k."),
    ("to_v.", "v."),
    ("to_out.0.", "proj_out."),
]


def _unet_name(name: str) -> str:
    table = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    for ours, theirs in table.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs, 1)
    if ".resnets." in name:
        for ours, theirs in _RESNET:
            name = name.replace(f".{ours}.", f".{theirs}.")
    rules = [
        (r"down_blocks\.(\d)\.resnets\.(\d)", lambda i, j: f"input_blocks.{3 * i + j + 1}.0"),
        (r"down_blocks\.(\d)\.attentions\.(\d)", lambda i, j: f"input_blocks.{3 * i + j + 1}.1"),
        (r"down_blocks\.(\d)\.downsamplers\.(\d)\.conv", lambda i, j: f"input_blocks.{3 * i + 3}.0.op"),
        (r"up_blocks\.(\d)\.resnets\.(\d)", lambda i, j: f"output_blocks.{3 * i + j}.0"),
        (r"up_blocks\.(\d)\.attentions\.(\d)", lambda i, j: f"output_blocks.{3 * i + j}.1"),
        (r"up_blocks\.(\d)\.upsamplers\.(\d)", lambda i, j: f"output_blocks.{3 * i + 2}.{1 if i == 0 else 2}"),
    ]
    for pattern, place in rules:
        if match := re.match(pattern, name):
            return place(int(match[1]), int(match[2])) + name[match.end() :]
    name = name.replace("mid_block.attentions.0", "middle_block.1")
    return re.sub(r"mid_block\.resnets\.(\d)", lambda match: f"middle_block.{2 * int(match[1])}", name)


def _vae_name(name: str) -> str:
    if "attentions" in name:
        for ours, theirs in _ATTENTION:
            name = name.replace(ours, theirs)
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    name = re.sub(r"encoder\.down_blocks\.(\d)\.resnets\.(\d)", r"encoder.down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    return name.replace("mid_block.attentions.0", "mid.attn_1")


def write_checkpoint(pipeline: Any, file: Path) -> None:
    """Save a pipeline of Stable Diffusion 1, of any width and with four levels, as one file."""
    tensors = {}
    for name, tensor in pipeline.unet.state_dict().items():
        tensors[f"model.diffusion_model.{_unet_name(name)}"] = tensor
    for name, tensor in pipeline.vae.state_dict().items():
        is_matrix = "attentions" in name and tensor.ndim == 2  # published as convolutions of one pixel
        tensors[f"first_stage_model.{_vae_name(name)}"] = tensor[:, :, None, None] if is_matrix else tensor
    for name, tensor in pipeline.text_encoder.state_dict().items():
        name = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"cond_stage_model.transformer.{name}"] = tensor
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, file)
