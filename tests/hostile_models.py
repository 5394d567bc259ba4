"""Model folders as an attacker would make them of mini: each asks for code, for the network, or for no end.

Every folder holds modules that write down that they ran, wherever a library might look for one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blender_bend.core.models.references import MINI_PATH

#: Where modules lie: beside the index, in every part, and where transformers looks for a way to generate.
_MODULES = ("evil", "pipeline", "modeling", "custom_generate/generate", "unet/unet", "diffusers", "transformers")
_HUB = "attacker/model"
_EVIL = {
    "AutoConfig": "evil.X",
    "AutoModel": "evil.X",
    "AutoTokenizer": ["evil.X", "evil.X"],
    "AutoProcessor": "evil.X",
}
#: A huge number, as an attacker's settings have it.
HUGE = 1_000_000_000
Change = Callable[[Path], None]


def write(path: Path, content: Any) -> None:
    """Write settings; mini's own, which are shared, are not touched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def _set(file: str, **values: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / file
        write(path, {**(json.loads(path.read_text()) if path.exists() else {}), **values})

    return change


def _moved(file: str, values: dict[str, Any]) -> Change:
    """A list of shards that leads elsewhere, in place of the weights."""

    def change(folder: Path) -> None:
        part, stem = file.split("/")
        (folder / part / f"{stem}.safetensors").unlink()
        write(folder / part / f"{stem}.safetensors.index.json", {"metadata": {}, "weight_map": values})

    return change


def _refused() -> dict[str, Change]:
    """Folders that must be refused, by what they try."""
    found: dict[str, Change] = {}
    for part, files in {
        "tokenizer": "tokenizer_config processor_config preprocessor_config config special_tokens_map "
        "generation_config video_preprocessor_config image_processor_config chat_template audio_tokenizer_config",
        "text_encoder": "config generation_config processor_config preprocessor_config tokenizer_config adapter_config",
        "unet": "config adapter_config generation_config",
        "vae": "config",
        "scheduler": "scheduler_config config",
    }.items():
        for file in files.split():
            found[f"auto_map in {part}/{file}"] = _set(f"{part}/{file}.json", auto_map=_EVIL, trust_remote_code=True)
    found["auto_map deep within"] = _set("text_encoder/config.json", text_config={"a": [{"auto_map": _EVIL}]})
    found["auto_map of the hub"] = _set(
        "tokenizer/tokenizer_config.json", auto_map={"AutoTokenizer": f"{_HUB}--evil.X"}
    )
    for part, pairs in {
        "tokenizer": "transformers.CLIPProcessor transformers.AutoTokenizer transformers.AutoProcessor evil.X",
        "text_encoder": "transformers.AutoModel transformers.AutoModelForCausalLM peft.PeftModel bitsandbytes.X",
        "unet": "evil.X unet.X os.system subprocess.Popen diffusers.AutoModel diffusers.ModularPipeline",
        "vae": "evil.X transformers.AutoModel",
        "scheduler": "builtins.exec evil.X",
    }.items():
        for pair in pairs.split():
            found[f"{part} is {pair}"] = _set("model_index.json", **{part: pair.split(".")})
    found["unet is of a module elsewhere"] = _set("model_index.json", unet=["../evil", "X"])
    found["unet is of three words"] = _set("model_index.json", unet=["diffusers", "UNet2DConditionModel", "evil"])
    found["pipeline of its own"] = _set("model_index.json", _class_name=["pipeline", "X"])
    found["pipeline of its own module"] = _set("model_index.json", _class_name="evil.Pipeline")
    found["pipeline of the hub"] = _set("model_index.json", custom_pipeline=_HUB)
    found["pipelines of the hub"] = _set("model_index.json", custom_pipelines={"text": {"impl": "evil.X"}})
    found["auto_map in the index"] = _set("model_index.json", auto_map=_EVIL)
    for method in ["bitsandbytes", "torchao", "gguf", "quanto", "gptq", "awq", "hqq", "compressed-tensors", "evil"]:
        config = {"quant_method": method, "load_in_8bit": True, "modules_to_not_convert": ["evil"]}
        found[f"quantized by {method}"] = _set("text_encoder/config.json", quantization_config=config)
    found["quantized unet"] = _set(
        "unet/config.json", quantization_config={"quant_method": "torchao", "quant_type": "X"}
    )
    found["quantized by a list"] = _set("text_encoder/config.json", quantization_config=["bitsandbytes"])
    found["quantized by a word"] = _set("vae/config.json", quantization_config="quanto")
    found["compressed"] = _set("text_encoder/config.json", compression_config={"quant_method": "compressed-tensors"})
    for kernel in ("kernels-community/flash-attn", f"{_HUB}:run", "flash_attention_2", f"paged|{_HUB}"):
        found[f"attention of {kernel}"] = _set("text_encoder/config.json", _attn_implementation=kernel)
    found["attention by another name"] = _set("text_encoder/config.json", attn_implementation={"": _HUB})
    base = {"peft_type": "LORA", "base_model_name_or_path": _HUB, "r": 4, "target_modules": ["q_proj"]}
    found["adapter of the hub"] = _set("text_encoder/adapter_config.json", **base)
    library = {"base_model_class": "X", "parent_library": "evil"}
    found["adapter of a module"] = _set("text_encoder/adapter_config.json", **base, auto_mapping=library)
    found["vocabulary of elsewhere"] = _set("tokenizer/tokenizer_config.json", fast_tokenizer_files=["../../evil.json"])
    found["GGUF of elsewhere"] = _set("tokenizer/tokenizer_config.json", gguf_file="../../evil.gguf")
    found["shards above"] = _moved("unet/diffusion_pytorch_model", {"a": "../../evil.safetensors"})
    found["shards at a root"] = _moved("text_encoder/model", {"a": "/etc/evil.safetensors"})
    found["shards of another part"] = _moved("unet/diffusion_pytorch_model", {"a": "../vae/evil.safetensors"})
    found["shards that are numbers"] = _moved("text_encoder/model", {"a": 1, "b": "model.safetensors"})
    for file, key, value in (
        ("unet/config", "layers_per_block", HUGE),
        ("unet/config", "transformer_layers_per_block", HUGE),
        ("unet/config", "transformer_layers_per_block", [200, 200, 200]),
        ("unet/config", "block_out_channels", [HUGE, HUGE]),
        ("unet/config", "down_block_types", ["DownBlock2D"] * 100_000),
        ("unet/config", "sample_size", HUGE),
        ("unet/config", "attention_head_dim", 0),
        ("unet/config", "norm_num_groups", 0),
        ("unet/config", "block_out_channels", []),
        ("text_encoder/config", "num_hidden_layers", HUGE),
        ("text_encoder/config", "num_hidden_layers", 1e9),
        ("text_encoder/config", "max_position_embeddings", HUGE),
        ("text_encoder/config", "vocab_size", HUGE),
        ("text_encoder/config", "num_attention_heads", 0),
        ("vae/config", "num_decoder_blocks", [HUGE] * 4),
        ("scheduler/scheduler_config", "num_train_timesteps", HUGE),
        ("scheduler/scheduler_config", "num_train_timesteps", 1e9),
        ("scheduler/scheduler_config", "trained_betas", [0.1] * 200_000),
    ):
        found[f"{file} {key} {str(value)[:20]}"] = _set(f"{file}.json", **{key: value})
    return found


def _harmless() -> dict[str, Change]:
    """Folders that name what no library reads; they may be loaded, and nothing comes of it."""
    found = {
        f"{part} is left out": _set("model_index.json", **{part: ["evil", "X"]})
        for part in ("safety_checker", "feature_extractor", "image_encoder", "controlnet")
    }
    for key in ("tokenizer_file", "vocab_file", "name_or_path", "special_tokens_map_file"):
        found[f"{key} elsewhere"] = _set("tokenizer/tokenizer_config.json", **{key: _HUB})
    for part in ("unet", "vae", "text_encoder"):
        found[f"{part} of the hub"] = _set(f"{part}/config.json", _name_or_path=_HUB)
    found["tokenizer of its own"] = _set("tokenizer/tokenizer_config.json", tokenizer_class="evil.X")
    template = "{{ cycler.__init__.__globals__.os.system('touch ' + canary) }}"
    found["chat template"] = _set("tokenizer/tokenizer_config.json", chat_template=template)
    return found


REFUSED, HARMLESS = _refused(), _harmless()


def make(folder: Path, canary: Path) -> dict[str, Path]:
    """All folders, by what they try; what runs in one of them writes to the canary."""
    made = {}
    code = f"open({str(canary)!r}, 'a').write(__file__)\nclass X: pass\nclass Pipeline: pass\n"
    for number, (name, change) in enumerate({**REFUSED, **HARMLESS}.items()):
        model = folder / str(number)
        shutil.copytree(MINI_PATH, model, copy_function=os.symlink)
        for module in _MODULES:
            write(model / f"{module}.py", code)
        for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler", "safety_checker"):
            write(model / part / "evil.py", code)
        change(model)
        made[name] = model
    return made
