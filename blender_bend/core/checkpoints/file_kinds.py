"""What a safetensors file is when it is not a model that Bend loads: told by the names in it, said in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import Code
from .safetensors_file import Contents, Entry
from .tensor_names import AUTOENCODER, UNET

_FIRST_LAYER = UNET + "input_blocks.0.0.weight"
_AS_FOLDER = "Download it from the hub in the preferences instead, as a diffusers model."
_IN_PROMPTS = "Add it under Embeddings in the preferences, and write its name in a prompt."
CHECKPOINT = "Choose a full checkpoint of Stable Diffusion 1, 2 or XL, or a diffusers folder."


@dataclass(frozen=True)
class Other:
    """A kind of file.

    Parameters
    ----------
    pattern : what one of its names matches
    words : what it is
    hint : what to do with it
    code : how a refusal for it ends
    """

    pattern: str
    words: str
    hint: str = CHECKPOINT
    code: Code = Code.MODEL_INVALID


def _kind(pattern: str, words: str, hint: str = CHECKPOINT) -> Other:
    return Other(pattern, words, hint, Code.MODEL_KIND)


def _beside(pattern: str, words: str, hint: str = CHECKPOINT) -> Other:
    return Other(pattern, words, hint, Code.MODEL_PURPOSE)


#: Networks of other architectures, with or without the prefix of a checkpoint. Names as in diffusers'
#: ``loaders/single_file_utils.py``. The order counts.
_ARCHITECTURES = (
    _kind(r"joint_blocks\.\d", "it is a Stable Diffusion 3 model", _AS_FOLDER),
    _kind(r"distilled_guidance_layer\.", "it is a Chroma model, which Bend doesn't support"),
    _kind(r"single_stream_modulation\.|early_stream_modulations\.", "it is a FLUX.2 model, which Bend doesn't "
                                                                    "support"),
    _kind(r"double_blocks\.\d+\.img_attn|single_transformer_blocks\.", "it is a FLUX.1 model", _AS_FOLDER),
    _kind(r"double_blocks\.\d", "it has a different architecture (Hunyuan), which Bend doesn't support"),
    _kind(r"\.time_stack\.|time_mixer", "it is a video model"),
    _kind(r"clip_txt_mapper|channelwise\.\d|clip_txt_pooled_mapper", "it is a Stable Cascade model"),
    _kind(r"(^|\.)(double_layers|cap_embedder|txtfusion|txt_in\.text_norm|txt_norm|patchify_proj|t_embedder)\.",
          "it is a transformer that Bend doesn't support"),
    _kind(r"noise_augmentor\.|embedder\.model\.visual", "it is an unCLIP model, which is made from pictures"),
    _kind(r"^edm_(mean|std)$", "it is Playground 2.5, which needs a sampler (EDM) that Bend doesn't have"),
    _kind(r"^edm_vpred\.", "it needs a sampler (EDM, like CosXL) that Bend doesn't have"),
)  # fmt: skip
#: Files that go beside a model.
_BESIDE = (
    _beside(
        r"^lora_(unet|te\d?|transformer)_|\.lora_(up|down|A|B)\b|\.lora\.(up|down)\.|_lora\.(up|down)|\.(hada_w|lokr_w|oft_)",
        "it is a LoRA",
        "Add it under LoRA in the preferences, and apply it to a strip with a model of its kind.",
    ),
    _beside(r"motion_modules\.", "it is an AnimateDiff motion module, which animates another model"),
    _beside(
        r"^control_model\.|input_hint_block\.|controlnet_(cond_embedding|down_blocks|mid_block)|^lllite_|^control_",
        "it is a ControlNet, which guides another model",
    ),
    _beside(r"^(ip_adapter|image_proj)\.", "it is an IP-Adapter, which guides another model"),
    _beside(r"^(adapter\.)?body\.\d+\.(block|in_conv|resnets)", "it is a T2I-Adapter, which guides another model"),
    _beside(
        r"^(string_to_param|emb_params|clip_[lg])\b|^<.*>$",
        "it is a textual inversion, a word for prompts",
        _IN_PROMPTS,
    ),
    _beside(r"\.RDB\d|\.rdb\d|^conv_first\.|^params_ema", "it is an upscaler, which enlarges pictures"),
)
#: Parts of a model, alone.
_PARTS = (
    _beside(
        r"^(input_blocks|output_blocks|middle_block)\.|^down_blocks\.\d+\.(resnets|attentions)\.|^time_embed",
        "it is only a UNet, without text encoder and autoencoder",
    ),
    _beside(
        r"^(encoder|decoder)\.(down|up|mid|conv_in|layers|mid_block|down_blocks|up_blocks)|^taesd_|^(pre_|post_)?quant_",
        "it is only an autoencoder",
        "Add it to the preferences as a decoder folder with its config.json.",
    ),
    _beside(r"^text_model\.|^encoder\.block\.\d|^(shared|text_projection)\.", "it is only a text encoder"),
)
_CHANNELS = {
    9: "it is made for inpainting: its UNet also takes a masked picture",
    8: "it is made for editing pictures (InstructPix2Pix): its UNet also takes a picture",
    7: "it is made for enlarging pictures",
    5: "it is made for depth (depth2img): its UNet also takes a depth map",
}
_PRECISIONS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")


def told(contents: Contents) -> Other | None:
    """What a file is if it is not a checkpoint of Stable Diffusion 1, 2 or XL for text to picture; None if it may be.

    Parameters
    ----------
    contents : with the names of tensors as published
    """
    names = contents.tensors
    if not names:
        return Other("", "it is empty")
    is_checkpoint = any(name.startswith(UNET + "input_blocks.") for name in names)
    tables = (_ARCHITECTURES,) if is_checkpoint else (_BESIDE, _ARCHITECTURES)
    lines = "\n".join(names)
    found = next((other for table in tables for other in table if _matches(other, lines)), None)
    if found:
        return found
    if is_checkpoint:
        return _unfit_unet(names)
    whole = [UNET, AUTOENCODER, "cond_stage_model.", "conditioner.", "model_ema."]
    if any(name.startswith(tuple(whole)) for name in names):
        return None
    return next((other for other in _PARTS if _matches(other, lines)), None)


def _matches(other: Other, lines: str) -> bool:
    return re.search(other.pattern, lines, re.MULTILINE) is not None


def _unfit_unet(names: Mapping[str, Entry]) -> Other | None:
    first = names.get(_FIRST_LAYER)
    channels = first.shape[1] if first is not None and len(first.shape) == 4 else 4
    if channels != 4:
        return _beside("", _CHANNELS.get(channels, f"its UNet takes {channels} channels instead of 4"))
    if any("conditioner.embedders.0.model." in name for name in names):
        return _beside("", "it is the refiner of Stable Diffusion XL, which only finishes pictures")
    scaled = (
        any(name.endswith((".scale_weight", ".weight_scale", ".absmax")) for name in names) or "scaled_fp8" in names
    )
    packed = next((e.dtype for n, e in names.items() if n.startswith(UNET) and e.dtype not in _PRECISIONS), "")
    if scaled or packed:
        how = packed if packed else "with scales beside them"
        hint = "Choose a file in fp32, fp16, bf16 or plain fp8."
        return Other("", f"its weights are quantized ({how})", hint, Code.MODEL_QUANTIZED)
    return None
