"""LoRA files on a published model; what each kind of file makes is compared with a hand merge elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lora_files import Tensors, flat, kohya, of_kind, save, text_lora
from published import published, write

from blender_bend.core.job.job import Lora
from blender_bend.core.models import references
from blender_bend.engine.loading import load_pipeline

from . import Bench, Case

#: Makes a file in a folder for a model.
Make = Callable[[Path, Any], Path]

_LAYER = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"


def used(make: Make) -> Case:
    """A LoRA file on Stable Diffusion 1.5; it changes the picture, or is refused."""

    def use(bench: Bench) -> None:
        model = write(published("sd15"), bench.folder / "model")
        file = make(bench.folder, load_pipeline(model, torch.float32, "cpu"))
        found = references.resolve_lora("ink", {"ink": str(file)})
        reference = references.resolve("model", {"model": str(model)})
        bent = bench.render(reference, loras=(Lora("ink", found.path, found.fingerprint),))
        assert not np.array_equal(bent, bench.render(reference))

    return use


def of(tensors: Callable[[Any], Tensors]) -> Case:
    """A file with the tensors that a function makes for a model."""
    return used(lambda folder, pipeline: save(folder, tensors(pipeline)))


def low_rank(pipeline: Any) -> Tensors:
    """The usual kind, as kohya writes it."""
    return kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q", "to_v", alpha=lambda rank, path: 16.0)[0]


def of_diffusers(pipeline: Any) -> Tensors:
    """The same as diffusers writes it."""
    ways = (".lora_A.weight", ".lora_B.weight", ".alpha")
    name = "unet.{}".format
    return kohya(pipeline.unet, "unet", name, "to_q", "to_v", alpha=lambda *_: None, ways=ways)[0]


def written(name: str, change: Callable[[bytes], bytes] = lambda content: content) -> Case:
    """The usual kind under another name, or with other bytes."""

    def make(folder: Path, pipeline: Any) -> Path:
        file = folder / name
        file.write_bytes(change(save(folder, low_rank(pipeline)).read_bytes()))
        return file

    return used(make)


def with_one_more(pipeline: Any) -> Tensors:
    """A file of which one layer belongs elsewhere."""
    other = {f"{_LAYER.replace('mid_block', 'down_blocks_7')}.{end}": torch.ones(4, 4) for end in ("diff",)}
    return low_rank(pipeline) | other


CASES: dict[str, Case] = {
    "lora-kohya": of(low_rank),
    "lora-locon": of(lambda pipeline: of_kind("LoCon", pipeline)),
    "lora-diffusers": of(of_diffusers),
    "lora-loha": of(lambda pipeline: of_kind("LoHa", pipeline)),
    "lora-lokr": of(lambda pipeline: of_kind("LoKr", pipeline)),
    "lora-full": of(lambda pipeline: of_kind("in full", pipeline)),
    "lora-dora": of(lambda pipeline: of_kind("DoRA", pipeline)),
    "lora-text": of(lambda pipeline: text_lora(pipeline)[0]),
    "lora-other-model": of(
        lambda pipeline: {
            "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": torch.ones(4, 3072),
            "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": torch.ones(9216, 4),
        }
    ),
    "lora-in-part": of(with_one_more),
    "lora-other-encoder": of(
        lambda pipeline: low_rank(pipeline) | {"lora_te2_text_model_encoder_layers_0_mlp_fc1.diff": torch.ones(128, 32)}
    ),
    "lora-kind": of(lambda pipeline: {f"{_LAYER}.oft_blocks": torch.ones(4, 4)}),
    "lora-zero": of(lambda pipeline: {name: 0 * tensor for name, tensor in low_rank(pipeline).items()}),
    "lora-nan": of(lambda pipeline: {name: tensor * float("nan") for name, tensor in low_rank(pipeline).items()}),
    "lora-damaged": written("cut.safetensors", lambda content: content[: len(content) // 2]),
    "lora-something-else": of(lambda pipeline: {"emb_params": torch.ones(2, 32)}),
    "lora-pickle": written("ink.pt"),
    "lora-gone": used(lambda folder, pipeline: folder / "gone.safetensors"),
}
