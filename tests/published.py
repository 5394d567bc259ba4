"""Models as they are published: true settings, key names and files, with narrow networks and random weights.

``tests/data/published`` holds the settings and says where they come from.
"""

from __future__ import annotations

import copy
import functools
import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import safetensors.torch
import torch
import transformers
from torch import Tensor
from transformers import T5TokenizerFast

from blender_bend.core.models.references import MINI_PATH

DATA = Path(__file__).parent / "data" / "published"
Files = dict[str, bytes]
State = dict[str, Tensor]

#: The folders of settings, and what the hub calls the models.
MODELS = {
    "sd15": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "sd21": "stabilityai/stable-diffusion-2-1",
    "sd_turbo": "stabilityai/sd-turbo",
    "lcm": "SimianLuo/LCM_Dreamshaper_v7",
    "sdxl": "stabilityai/stable-diffusion-xl-base-1.0",
    "sdxl_turbo": "stabilityai/sdxl-turbo",
    "sd35": "stabilityai/stable-diffusion-3.5-medium",
    "flux": "black-forest-labs/FLUX.1-schnell",
}

#: Narrow widths of text encoders, by their true ones.
_WIDTHS = {768: 32, 1024: 48, 1280: 40, 4096: 96, 512: 48, 2048: 72}
_START, _END = 1726, 1727  # of mini's vocabulary, which ends with them
_LETTERS = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), ("▁", -3.0)]
_LETTERS += [(letter, -4.0) for letter in "abcdefghijklmnopqrstuvwxyz"]


def settings(kind: str) -> dict[str, dict[str, Any]]:
    """The published settings of a model, by their paths."""
    files = (DATA / kind).rglob("*.json")
    return {file.relative_to(DATA / kind).as_posix(): json.loads(file.read_text(encoding="utf-8")) for file in files}


def narrow(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a network with fewer and narrower layers, and all else as it was."""
    small = dict(config)
    kind = config.get("_class_name") or config["architectures"][0]
    if kind == "UNet2DConditionModel":
        channels = config["block_out_channels"]
        heads = config["attention_head_dim"]
        small |= {
            "block_out_channels": [8, 16, 32, 32][: len(channels)],
            "norm_num_groups": 4,
            "cross_attention_dim": _WIDTHS[config["cross_attention_dim"]],
            "attention_head_dim": [1, 2, 4, 4][: len(channels)] if isinstance(heads, list) else heads,
        }
        if config.get("addition_time_embed_dim"):
            small |= {"addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 6 * 8 + 40}
            small |= {"transformer_layers_per_block": [1, 2, 3]}
    elif kind == "AutoencoderKL":
        small |= {"block_out_channels": [4, 8, 8, 8], "norm_num_groups": 4}
    elif kind == "SD3Transformer2DModel":
        small |= {"num_layers": 3, "num_attention_heads": 4, "attention_head_dim": 8, "caption_projection_dim": 32}
        small |= {"joint_attention_dim": 96, "pooled_projection_dim": 72, "pos_embed_max_size": 32, "sample_size": 32}
        small |= {"dual_attention_layers": [0, 1]}
    elif kind == "FluxTransformer2DModel":
        small |= {"num_layers": 2, "num_single_layers": 2, "num_attention_heads": 2, "attention_head_dim": 16}
        small |= {"axes_dims_rope": [4, 6, 6], "joint_attention_dim": 96, "pooled_projection_dim": 32}
    elif kind == "T5EncoderModel":
        small |= {"d_model": 96, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": len(_LETTERS)}
    else:
        width = _WIDTHS[config["hidden_size"]]
        small |= {"hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": 4}
        small |= {"num_hidden_layers": 3, "projection_dim": _WIDTHS[config["projection_dim"]]}
        small |= {"vocab_size": _END + 1}
    return small


def network(config: Mapping[str, Any]) -> Any:
    """A network of some settings with random weights, those of a model of the same seed."""
    kind = config.get("_class_name")
    if kind:
        return getattr(diffusers, kind).from_config(dict(config))
    own = {name: value for name, value in config.items() if name not in ("architectures", "torch_dtype")}
    name = config["architectures"][0]
    holder = transformers.T5Config if name == "T5EncoderModel" else transformers.CLIPTextConfig
    return getattr(transformers, name)(holder(**own))


def published_keys(state: State, config: Mapping[str, Any]) -> State:
    """Weights under the names that the libraries of their time gave them."""
    old = tuple(int(number) for number in str(config.get("_diffusers_version", "9.9")).split(".")[:2]) < (0, 17)
    if config.get("_class_name") == "AutoencoderKL" and old:
        words = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
        for new, older in words.items():
            state = {key.replace(f".{new}.", f".{older}."): value for key, value in state.items()}
    if "CLIPText" in str(config.get("architectures")):
        prefix = "" if all(key.startswith(("text_model.", "text_projection.")) for key in state) else "text_model."
        state = {key if key.startswith("text_projection.") else prefix + key: value for key, value in state.items()}
        if str(config["transformers_version"]) < "4.31":
            state["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    return state


@functools.cache
def weights(kind: str, part: str, dtype: torch.dtype, shards: int = 1, variant: str = "", seed: int = 0) -> Files:
    """The weight files of a part, by their names in its folder."""
    config = narrow(settings(kind)[f"{part}/config.json"])
    torch.manual_seed(zlib.crc32(f"{part} of {kind}".encode()) + seed)
    state = network(config).state_dict()
    if "T5" in str(config.get("architectures")):
        state.pop("encoder.embed_tokens.weight")  # it is shared.weight
    state = published_keys({key: value.clone() for key, value in state.items()}, config)
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()}
    stem = "model" if part.startswith("text_encoder") else "diffusion_pytorch_model"
    return weight_files(state, stem, shards, variant)


def weight_files(state: State, stem: str, shards: int = 1, variant: str = "") -> Files:
    """Weights as one file, or as shards with their list."""
    word = f".{variant}" if variant else ""
    if shards == 1:
        return {f"{stem}{word}.safetensors": safetensors.torch.save(state, {"format": "pt"})}
    keys = list(state)
    files, places = {}, {}
    for number in range(shards):
        name = f"{stem}{word}-{number + 1:05}-of-{shards:05}.safetensors"
        own = keys[number::shards]
        files[name] = safetensors.torch.save({key: state[key] for key in own}, {"format": "pt"})
        places |= dict.fromkeys(own, name)
    listed = {"metadata": {"total_size": sum(value.nbytes for value in state.values())}, "weight_map": places}
    files[f"{stem}.safetensors.index{word}.json"] = json.dumps(listed).encode()
    return files


@functools.cache
def _clip_vocabulary() -> Files:
    model = json.loads((MINI_PATH / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return {
        "vocab.json": json.dumps(model["vocab"]).encode(),
        "merges.txt": "\n".join(["#version: 0.2", *merges, ""]).encode(),
    }


def _tokenizer(part: str, config: dict[str, Any], folder: Path) -> Files:
    """The vocabulary of a tokenizer, with settings whose token numbers fit it."""
    if part == "tokenizer_3" or (part == "tokenizer_2" and not config):
        T5TokenizerFast(vocab=_LETTERS, extra_ids=0).save_pretrained(folder)
        return {file.name: file.read_bytes() for file in folder.iterdir()}
    own = copy.deepcopy(config)
    numbers = {"49406": str(_START), "49407": str(_END)}
    if "added_tokens_decoder" in own:
        own["added_tokens_decoder"] = {numbers[key]: value for key, value in own["added_tokens_decoder"].items()}
    return {**_clip_vocabulary(), "tokenizer_config.json": json.dumps(own).encode()}


#: How the weights of a model were published: their number format, that of the variant beside them, and shards.
_FORMS: dict[str, tuple[torch.dtype, str, dict[str, int]]] = {
    "sd35": (torch.float16, "", {"text_encoder_3": 2}),
    "flux": (torch.bfloat16, "", {"text_encoder_2": 2, "transformer": 3}),
}
_JUNK = {
    "sd15": ["v1-5-pruned.safetensors", "v1-5-pruned-emaonly.safetensors", "v1-5-pruned.ckpt", "v1-inference.yaml"],
    "sd21": ["v2-1_768-ema-pruned.ckpt", "v2-1_768-ema-pruned.safetensors", "v2-1_768-nonema-pruned.safetensors"],
    "sd_turbo": ["sd_turbo.safetensors"],
    "lcm": ["LCM_Dreamshaper_v7_4k.safetensors", "lcm_pipeline.py", "lcm_scheduler.py", "unet/model.onnx"],
    "sdxl": [
        "sd_xl_base_1.0.safetensors",
        "sd_xl_base_1.0_0.9vae.safetensors",
        "sd_xl_offset_example-lora_1.0.safetensors",
    ]
    + ["unet/openvino_model.bin", "unet/openvino_model.xml", "unet/model.onnx", "unet/model.onnx_data"]
    + ["text_encoder/flax_model.msgpack", "unet/diffusion_flax_model.msgpack"]
    + [f"{part}/diffusion_pytorch_model.safetensors" for part in ("vae_1_0", "vae_encoder", "vae_decoder")],
    "sdxl_turbo": ["sd_xl_turbo_1.0.safetensors", "sd_xl_turbo_1.0_fp16.safetensors", "unet/model.onnx"],
    "sd35": ["sd3.5_medium.safetensors", "text_encoders/t5xxl_fp16.safetensors"],
    "flux": ["flux1-schnell.safetensors", "ae.safetensors"],
}


@functools.cache
def _published(kind: str) -> Files:
    import tempfile

    files: Files = {"README.md": b"---\nlicense: other\n---\n", ".gitattributes": b""}
    files |= dict.fromkeys(_JUNK[kind], b"for other programs")
    dtype, _, shards = _FORMS.get(kind, (torch.float32, "fp16", {}))
    known = settings(kind)
    files |= {name: json.dumps(config).encode() for name, config in known.items()}
    for part, pair in known["model_index.json"].items():
        if not isinstance(pair, list) or pair[0] is None:
            continue
        if part.startswith("tokenizer"):
            with tempfile.TemporaryDirectory() as folder:
                own = _tokenizer(part, known.get(f"{part}/tokenizer_config.json", {}), Path(folder))
            files |= {f"{part}/{name}": content for name, content in own.items()}
        elif part == "safety_checker":
            files[f"{part}/model.safetensors"] = files[f"{part}/pytorch_model.bin"] = b"never loaded"
        elif f"{part}/config.json" in known:
            files[f"{part}/config.json"] = json.dumps(narrow(known[f"{part}/config.json"])).encode()
            own = dict(weights(kind, part, dtype, shards.get(part, 1)))
            if kind not in _FORMS:
                own |= weights(kind, part, torch.float16, variant="fp16")
                stem = next(iter(own)).removesuffix(".safetensors")
                own |= {
                    f"{'pytorch_model' if stem == 'model' else stem}{word}.bin": b"pickle" for word in ("", ".fp16")
                }
            if (kind, part) == ("sd15", "unet"):
                own |= {
                    "diffusion_pytorch_model.non_ema.safetensors": next(
                        iter(weights(kind, part, dtype, seed=1).values())
                    )
                }
            files |= {f"{part}/{name}": content for name, content in own.items()}
    return files


def published(kind: str) -> Files:
    """All files of a model's repository."""
    return dict(_published(kind))


def write(files: Files, folder: Path) -> Path:
    """The files in a folder of this machine."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def with_json(files: Files, name: str, change: Callable[[dict[str, Any]], Any]) -> Files:
    """The same files with one configuration changed."""
    config = json.loads(files[name])
    change(config)
    return {**files, name: json.dumps(config).encode()}


def without(files: Files, *names: str) -> Files:
    """The same files but some."""
    return {name: content for name, content in files.items() if name not in names}
