"""Models in diffusers' layout, on the hub or in a folder."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import published
import pytest
import safetensors.torch
import torch
from published import Files, with_json, without

from blender_bend.core.errors import BendError

from . import Bench, Case

INDEX = "model_index.json"


def sd15(*left_out: str) -> Files:
    """Stable Diffusion 1.5, which the other cases spoil; without its variants."""
    files = published.published("sd15")
    return without(files, *(name for name in files if ".fp16." in name or ".bin" in name), *left_out)


def of_class(name: str, kind: str = "sd15") -> Files:
    """A model whose index names another pipeline."""
    return with_json(published.published(kind), INDEX, lambda index: index.update(_class_name=name))


def with_channels(count: int, kind: str = "sd15") -> Files:
    """A model whose denoiser takes so many channels; only its settings tell."""
    denoiser = "transformer" if kind == "flux" else "unet"
    files = published.published(kind)
    return with_json(files, f"{denoiser}/config.json", lambda config: config.update(in_channels=count))


def in_variant(files: Files, kind: str, part: str, variant: str, shards: int = 1) -> Files:
    """The same model with a part in one variant only."""
    dtype = {"": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[variant]
    others = [name for name in files if name.startswith(f"{part}/") and ".safetensors" in name]
    own = published.weights(kind, part, dtype, shards, variant)
    return {**without(files, *others), **{f"{part}/{name}": content for name, content in own.items()}}


def all_in(variant: str, shards: int = 1) -> Files:
    """Stable Diffusion XL in one variant only."""
    files = published.published("sdxl")
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        files = in_variant(files, "sdxl", part, variant, shards)
    return files


def lacking_a_tensor(bench: Bench) -> None:
    """A network without one of its tensors; the libraries would fill it with chance."""
    for part, stem, tensor in (
        ("unet", "diffusion_pytorch_model", "conv_in.weight"),
        ("text_encoder", "model", "text_model.final_layer_norm.weight"),
    ):
        name = f"{part}/{stem}.safetensors"
        state = safetensors.torch.load(sd15()[name])
        del state[tensor]
        with pytest.raises(BendError, match=tensor.removeprefix("text_model.")) as caught:
            bench.own({**sd15(), name: safetensors.torch.save(state)})
        bench.count += 1
    raise caught.value


def mixed(bench: Bench) -> None:
    """Each part in another variant, one of them in shards."""
    files = in_variant(sd15(), "sd15", "unet", "bf16", shards=3)
    bench.everywhere(in_variant(files, "sd15", "text_encoder", "fp16"))


def half_present(bench: Bench) -> None:
    """A download of shards that another program left unfinished, beside whole ones."""
    files = in_variant(sd15(), "sd15", "unet", "", shards=2)
    whole = published.weights("sd15", "unet", torch.float16, 2, "fp16")
    files |= {f"unet/{name}": content for name, content in whole.items()}
    bench.everywhere(without(files, "unet/diffusion_pytorch_model-00002-of-00002.safetensors"))


def other_pipelines(bench: Bench, *names: str) -> None:
    """Pictures do not depend on which of these pipelines an index names."""
    assert all(np.array_equal(bench.everywhere(of_class(name)), bench.everywhere(of_class(PLAIN))) for name in names)


PLAIN = "StableDiffusionPipeline"


def unknown_extra_part(bench: Bench) -> None:
    """It is neither fetched nor imported."""
    extra = {"upscaler": ["os", "system"], "image_encoder": ["transformers", "CLIPVisionModelWithProjection"]}
    files = with_json(sd15(), INDEX, lambda index: index.update(extra))
    bench.everywhere({**files, "upscaler/config.json": b"{}", "image_encoder/config.json": b"{}"})


def without_t5(kind: str, part: str) -> Files:
    """A transformer without its T5."""
    left_out = {name: [None, None] for name in (f"text_encoder_{part}", f"tokenizer_{part}")}
    files = with_json(published.published(kind), INDEX, lambda index: index.update(left_out))
    return without(files, *(name for name in files if name.startswith(tuple(left_out))))


def pickled(files: Files, *parts: str) -> Files:
    """The same model with some parts as pickles only."""
    names = [name for name in files if name.startswith(parts) and ".safetensors" in name]
    return {**without(files, *names), **{f"{part}/pytorch_model.bin": b"pickle" for part in parts}}


def quantized(kind: str = "flux") -> Files:
    """A published FLUX in nf4: its settings mark the transformer and the T5."""
    files = published.published("flux")
    for part in ("transformer", "text_encoder_2"):
        asked = published.settings("flux_nf4")[f"{part}/config.json"]["quantization_config"]
        asked = {"torchao": {"quant_method": "torchao", "quant_type": "float8wo"}}.get(kind, asked)
        files = with_json(
            files, f"{part}/config.json", lambda config, own=asked: config.update(quantization_config=own)
        )
    return files


def gguf(bench: Bench) -> None:
    """A folder whose transformer is there as GGUF only."""
    files = published.published("flux")
    names = [name for name in files if name.startswith("transformer/") and ".safetensors" in name]
    bench.everywhere({**without(files, *names), "transformer/flux1-schnell-Q4_K_S.gguf": b"GGUF"})


def refiner(bench: Bench) -> None:
    """Its published index leaves out the first text encoder."""
    own = {"_class_name": "StableDiffusionXLImg2ImgPipeline", "requires_aesthetics_score": True}
    own |= {"text_encoder": [None, None], "tokenizer": [None, None]}
    bench.everywhere(with_json(published.published("sdxl"), INDEX, lambda index: index.update(own)))


def parts_of_two_models(bench: Bench) -> None:
    """The text encoder of Stable Diffusion 2.1 beside the UNet of 1.5."""
    other = {name: content for name, content in published.published("sd21").items() if name.startswith("text_encoder/")}
    bench.everywhere({**sd15(), **other})


def changed(name: str, **entries: Any) -> Case:
    """Stable Diffusion 1.5 with entries of one configuration changed."""
    return lambda bench: bench.everywhere(with_json(sd15(), name, lambda config: config.update(entries)))


CASES: dict[str, Case] = {
    # What renders.
    "diffusers": lambda bench: bench.everywhere(published.published("sd15")),
    "diffusers-other-pipeline": lambda bench: other_pipelines(
        bench, "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline"
    ),
    "diffusers-fp16": lambda bench: bench.everywhere(all_in("fp16")),
    "diffusers-bf16": lambda bench: bench.everywhere(all_in("bf16")),
    "diffusers-mixed": mixed,
    "diffusers-shards": lambda bench: bench.everywhere(all_in("fp16", shards=2)),
    "diffusers-half-present": half_present,
    "diffusers-extra-part": unknown_extra_part,
    "diffusers-sd3-without-t5": lambda bench: bench.everywhere(without_t5("sd35", "3")),
    # What is incomplete or damaged.
    "diffusers-unfinished": lambda bench: bench.everywhere(sd15("unet/diffusion_pytorch_model.safetensors")),
    "diffusers-shard-missing": lambda bench: bench.everywhere(
        without(all_in("", shards=3), "unet/diffusion_pytorch_model-00002-of-00003.safetensors")
    ),
    "diffusers-tensor-missing": lacking_a_tensor,
    "diffusers-index-damaged": lambda bench: bench.everywhere({**sd15(), INDEX: b"{ not JSON"}),
    "diffusers-settings-damaged": lambda bench: bench.everywhere({**sd15(), "unet/config.json": b"[]"}),
    "diffusers-settings-impossible": lambda bench: bench.own(
        with_json(sd15(), "text_encoder/config.json", lambda config: config.update(num_attention_heads="many"))
    ),
    "diffusers-vocabulary-damaged": lambda bench: bench.own({**sd15(), "tokenizer/vocab.json": b"{ not JSON"}),
    "diffusers-part-left-out": changed(INDEX, text_encoder=[None, None]),
    "diffusers-flux-without-t5": lambda bench: bench.everywhere(without_t5("flux", "2")),
    "diffusers-two-models": parts_of_two_models,
    # What Bend never loads.
    "diffusers-pickled": lambda bench: bench.everywhere(pickled(sd15(), "unet", "vae", "text_encoder")),
    "diffusers-one-part-pickled": lambda bench: bench.everywhere(pickled(sd15(), "text_encoder")),
    "diffusers-nf4": lambda bench: bench.everywhere(quantized()),
    "diffusers-torchao": lambda bench: bench.everywhere(quantized("torchao")),
    "diffusers-gguf": gguf,
    "diffusers-own-pipeline": changed(INDEX, _class_name=["pipeline", "MyPipeline"]),
    "diffusers-own-code": changed("unet/config.json", auto_map={"AutoModel": "unet.MyUNet"}),
    # What is made for something else.
    "diffusers-inpainting": lambda bench: bench.everywhere(with_channels(9)),
    "diffusers-pix2pix": lambda bench: bench.everywhere(with_channels(8)),
    "diffusers-depth": lambda bench: bench.everywhere(with_channels(5)),
    "diffusers-upscaler": lambda bench: bench.everywhere(with_channels(7)),
    "diffusers-flux-fill": lambda bench: bench.everywhere(with_channels(384, "flux")),
    "diffusers-flux-control": lambda bench: bench.everywhere(with_channels(128, "flux")),
    "diffusers-refiner": refiner,
    # Other kinds.
    "diffusers-video": lambda bench: bench.everywhere(of_class("StableVideoDiffusionPipeline")),
    "diffusers-animatediff": lambda bench: bench.everywhere(of_class("AnimateDiffPipeline")),
    "diffusers-wan": lambda bench: bench.everywhere(of_class("WanPipeline", "sd35")),
    "diffusers-controlnet-pipeline": lambda bench: bench.everywhere(of_class("StableDiffusionControlNetPipeline")),
    "diffusers-onnx": lambda bench: bench.everywhere(of_class("OnnxStableDiffusionPipeline")),
    "diffusers-other-kind": lambda bench: bench.everywhere(of_class("PixArtSigmaPipeline", "sd35")),
    "diffusers-other-class": changed(INDEX, unet=["diffusers", "UNet3DConditionModel"]),
}


def repository(files: Files) -> Case:
    """A repository or folder without an index."""
    return lambda bench: bench.everywhere({"README.md": b"", **files})


def config(**entries: Any) -> Files:
    """A configuration at the top."""
    return {"config.json": json.dumps(entries).encode()}


WEIGHTS = {"diffusion_pytorch_model.safetensors": b"weights"}
CASES |= {
    "part-lora": repository({"pytorch_lora_weights.safetensors": b"weights"}),
    "part-peft-lora": repository({"adapter_config.json": b"{}", "adapter_model.safetensors": b"weights"}),
    "part-controlnet": repository({**config(_class_name="ControlNetModel"), **WEIGHTS}),
    "part-decoder": repository({**config(_class_name="AutoencoderTiny"), **WEIGHTS}),
    "part-single-files": repository({"dreamer_v7.safetensors": b"weights", "dreamer_v7.vae.pt": b"pickle"}),
    "part-pickles": repository({"dreamer_v7.ckpt": b"pickle"}),
    "part-gguf": repository({"flux1-schnell-Q4_K_S.gguf": b"GGUF"}),
    "part-language-model": repository({**config(model_type="llama"), "model.safetensors": b"weights"}),
}
