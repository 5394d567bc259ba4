"""What a file was made for, or what it is instead of a LoRA, as far as the names and shapes in it tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

#: Names of layers that only one kind of model has; the first that fits.
_STRUCTURES = (
    (r"motion_modules|temporal_transformer", "AnimateDiff (a motion LoRA)"),
    (r"(double|single)_blocks_\d+_(img|txt)_attn_(q|k|v)_", "HunyuanVideo"),
    (r"single_transformer_blocks_\d+_|double_blocks_\d+_|single_blocks_\d+_", "FLUX"),
    (r"joint_blocks_\d+_", "Stable Diffusion 3"),
    (r"transformer_blocks_\d+_(img|txt)_(mlp|mod)_", "Qwen-Image"),
    (r"(?<!mer_)blocks_\d+_(self_attn|cross_attn|ffn)_", "Wan (video)"),
    (
        r"^(?!.*(down|up|mid|input|output|middle)_block).*transformer_blocks_\d+_attn_add_[qkv]_proj",
        "Stable Diffusion 3",
    ),
    (
        r"^(?!.*(down|up|mid|input|output|middle)_block).*transformer_blocks_\d+_attn[12]_",
        "another transformer, such as LTX-Video or PixArt",
    ),
    (r"(noise|context)_refiner_|layers_\d+_(attention|feed_forward)_", "Lumina or Z-Image"),
    (r"prior_unet", "Stable Cascade"),
)
#: UNets by the width of the prompt, which the keys and values of their cross-attention read.
_BY_PROMPT = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "Stable Diffusion XL"}
#: Text encoders by the width of their layers.
_BY_TEXT = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 1280: "Stable Diffusion XL"}

_NO_LORAS = (
    (
        r"^(model\.diffusion_model\.|cond_stage_model\.|first_stage_model\.|conditioner\.embedders)",
        "a whole checkpoint",
    ),
    (r"^(emb_params|string_to_param|clip_[gl]$|bundle_emb\.)", "a textual inversion"),
    (r"^(control_model\.|controlnet_|input_hint_block)", "a ControlNet"),
    (r"^(image_proj\.|ip_adapter\.)", "an IP-Adapter"),
    (r"motion_modules\.", "a motion module"),
    (r"^(first_stage_model\.)?(encoder|decoder)\.(conv_in|down|up|mid)", "an autoencoder (VAE)"),
    (r"^(linear\.|\d+\.linear\d)", "a hypernetwork"),
    (r"^(unet\.)?(conv_in|down_blocks\.|time_embedding\.)", "a UNet"),
    (r"^(transformer\.)?(double_blocks|single_blocks|transformer_blocks|joint_blocks)\.", "a transformer"),
    (r"^(text_model\.|text_encoder\.)", "a text encoder"),
)


def purpose(shapes: Shapes, metadata: Mapping[str, str]) -> str:
    """The kind of model that a LoRA was trained on; empty if that cannot be told."""
    flat = {key.replace(".", "_"): shape for key, shape in shapes.items()}
    for pattern, kind in _STRUCTURES:
        if any(re.search(pattern, key) for key in flat):
            return kind
    if any(re.search(r"lora_te2_|text_encoder_2_", key) for key in flat):
        return "Stable Diffusion XL"
    for key, shape in flat.items():
        if re.search(r"attn2_(processor_)?to_[kv]_(.*(down|lora_A)|hada_w1_b)", key) and shape[1:2]:
            return _BY_PROMPT.get(shape[1], _told(metadata))
    deep = r"(down|up|mid|input|output|middle)_block.*transformer_blocks_[1-9]"
    if any(re.search(deep, key) for key in flat):
        return "Stable Diffusion XL"
    for key, shape in flat.items():
        if re.search(r"self_attn_[qkv]_proj_.*(down|lora_A)", key) and shape[1:2] and "lora_te1" not in key:
            return _BY_TEXT.get(shape[1], _told(metadata))
    return _told(metadata)


def _told(metadata: Mapping[str, str]) -> str:
    """What the trainer wrote into the file."""
    text = metadata.get("modelspec.architecture", "") or metadata.get("ss_base_model_version", "")
    kinds = (
        (r"flux", "FLUX"),
        (r"xl", "Stable Diffusion XL"),
        (r"diffusion-v?3|sd3", "Stable Diffusion 3"),
        (r"diffusion-v2|sd_v2", "Stable Diffusion 2.x"),
        (r"diffusion-v1|sd_v1", "Stable Diffusion 1.x"),
        (r"wan", "Wan (video)"),
    )
    return next((kind for pattern, kind in kinds if re.search(pattern, text.lower())), "")


def instead_of_a_lora(shapes: Shapes) -> str:
    """What a file without any LoRA in it is; empty if that cannot be told."""
    return next((kind for pattern, kind in _NO_LORAS if any(re.search(pattern, key) for key in shapes)), "")


def kind_of_model(pipeline: Any) -> str:
    """What a pipeline is, in the words of ``purpose``; empty if it is none of the published kinds."""
    by_class = {
        "StableDiffusionXLPipeline": "Stable Diffusion XL",
        "StableDiffusion3Pipeline": "Stable Diffusion 3",
        "FluxPipeline": "FLUX",
    }
    name = type(pipeline).__name__
    if name in by_class:
        return by_class[name]
    width = pipeline.unet.config.cross_attention_dim if hasattr(pipeline, "unet") else 0
    return _BY_PROMPT.get(width, "") if isinstance(width, int) else ""
