"""A checkpoint in one file, as Stable Diffusion 1, 2 and XL were published, made from a diffusers pipeline.

Names are CompVis' for the UNet and the autoencoder, OpenCLIP's for the text encoder of 2 and the second of XL;
``test_single_file_names`` holds them to diffusers' own converters.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from blender_bend.core.checkpoints import single_files

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


def _unet_name(name: str, attending: set[int]) -> str:
    """``attending`` are the upward levels with attention, whose upsampler comes third instead of second."""
    table = {
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
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
        (r"up_blocks\.(\d)\.upsamplers\.(\d)", lambda i, j: f"output_blocks.{3 * i + 2}.{2 if i in attending else 1}"),
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


_LAYER = [
    ("layer_norm1.", "ln_1."),
    ("layer_norm2.", "ln_2."),
    ("mlp.fc1.", "mlp.c_fc."),
    ("mlp.fc2.", "mlp.c_proj."),
    ("self_attn.out_proj.", "attn.out_proj."),
]
_AROUND = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}


def _clip(encoder: Any) -> dict[str, torch.Tensor]:
    """A text encoder's weights by transformers' names, all with ``text_model.`` but the projection."""
    weights = encoder.state_dict()
    return {n if n.startswith(("text_model.", "text_proj")) else f"text_model.{n}": t for n, t in weights.items()}


def _open_clip(encoder: Any) -> dict[str, torch.Tensor]:
    """A text encoder's weights as OpenCLIP has them."""
    weights = {name.removeprefix("text_model."): tensor for name, tensor in _clip(encoder).items()}
    made = {}
    for name, tensor in weights.items():
        if name in _AROUND:
            made[_AROUND[name]] = tensor
        elif name == "text_projection.weight":
            made["text_projection"] = tensor.T
        elif ".q_proj." in name:
            thirds = [weights[name.replace(".q_proj.", f".{letter}_proj.")] for letter in "qkv"]
            place = name.replace("encoder.layers.", "transformer.resblocks.").replace(
                "self_attn.q_proj.", "attn.in_proj_"
            )
            made[place] = torch.cat(thirds)
        elif ".k_proj." not in name and ".v_proj." not in name:
            for ours, theirs in _LAYER:
                name = name.replace(ours, theirs)
            made[name.replace("encoder.layers.", "transformer.resblocks.")] = tensor
    made["logit_scale"] = torch.tensor(4.6)
    return made


def checkpoint(pipeline: Any) -> dict[str, torch.Tensor]:
    """The tensors of a pipeline of Stable Diffusion 1, 2 or XL, of any width, by their published names."""
    tensors = {}
    attending = {i for i, kind in enumerate(pipeline.unet.config.up_block_types) if "CrossAttn" in kind}
    for name, tensor in pipeline.unet.state_dict().items():
        tensors[f"model.diffusion_model.{_unet_name(name, attending)}"] = tensor
    for name, tensor in pipeline.vae.state_dict().items():
        is_matrix = "attentions" in name and tensor.ndim == 2  # published as convolutions of one pixel
        tensors[f"first_stage_model.{_vae_name(name)}"] = tensor[:, :, None, None] if is_matrix else tensor
    if hasattr(pipeline, "text_encoder_2"):
        parts = {"conditioner.embedders.0.transformer.": _clip(pipeline.text_encoder)}
        parts["conditioner.embedders.1.model."] = _open_clip(pipeline.text_encoder_2)
    elif pipeline.text_encoder.config.hidden_act == "gelu":
        made = _open_clip(pipeline.text_encoder)
        # Stable Diffusion 2 leaves out the last layer, which is in the file all the same.
        count = pipeline.text_encoder.config.num_hidden_layers
        last = {n: t for n, t in made.items() if f"resblocks.{count - 1}." in n}
        made |= {n.replace(f"resblocks.{count - 1}.", f"resblocks.{count}."): t + 1 for n, t in last.items()}
        parts = {
            "cond_stage_model.model.": {**made, "text_projection": torch.eye(pipeline.text_encoder.config.hidden_size)}
        }
    else:
        parts = {"cond_stage_model.transformer.": _clip(pipeline.text_encoder)}
    for prefix, weights in parts.items():
        tensors |= {prefix + name: tensor for name, tensor in weights.items()}
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}


def write_checkpoint(pipeline: Any, file: Path) -> None:
    """Save a pipeline as one file."""
    save_file(checkpoint(pipeline), file)


def write_settings(pipelines: dict[str, Any], folder: Path) -> None:
    """The settings of narrow models, in the place of those that ship with Bend; ``single_files.SETTINGS`` is to be set.

    Parameters
    ----------
    pipelines : by the name of their kind, ``sd1``, ``sd2``, ``sdxl``
    """
    for name, pipeline in pipelines.items():
        settings = json.loads((single_files.SETTINGS / f"{name}.json").read_text(encoding="utf-8"))
        for part, was in settings.items():
            if part not in ("pipeline", "scheduler") and not part.startswith("tokenizer"):
                config = getattr(pipeline, part).config
                now = config.to_dict() if hasattr(config, "to_dict") else dict(config)
                settings[part] = {**was, **{key: value for key, value in now.items() if key[0] != "_"}}
            elif part.startswith("tokenizer"):
                tokenizer = getattr(pipeline, part)
                settings[part] = {"pad_token": tokenizer.pad_token, "model_max_length": tokenizer.model_max_length}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(settings), encoding="utf-8")
        pipeline.tokenizer.save_pretrained(folder / "clip")
