"""The names in which Bend looks for weights are those of the published files: diffusers' own converters are the oracle.

At full width, without a single weight: tensors on the ``meta`` device have names and shapes only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils as oracle
from single_file import checkpoint
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from blender_bend.core.checkpoints import single_files, tensor_names

KINDS = ("sd1", "sd2", "sdxl")
#: Tensors of the published checkpoints with their shapes; also diffusers' marks of each kind, in CHECKPOINT_KEY_NAMES.
PUBLISHED = {
    "sd1": {
        "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
        "model.diffusion_model.output_blocks.11.0.skip_connection.weight": (320, 640, 1, 1),
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
        "model.diffusion_model.output_blocks.2.1.conv.weight": (1280, 1280, 3, 3),
        "model.diffusion_model.output_blocks.5.2.conv.weight": (1280, 1280, 3, 3),
        "first_stage_model.decoder.up.3.block.0.conv1.weight": (512, 512, 3, 3),
        "first_stage_model.encoder.mid.attn_1.norm.weight": (512,),
        oracle.CHECKPOINT_KEY_NAMES["clip"]: (77, 768),
    },
    "sd2": {
        "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias": (320,),
        oracle.CHECKPOINT_KEY_NAMES["v2"]: (320, 1024),
        oracle.CHECKPOINT_KEY_NAMES["open_clip"]: (49408, 1024),
        "cond_stage_model.model.transformer.resblocks.22.mlp.c_proj.weight": (1024, 4096),
        "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight": (3072, 1024),
    },
    "sdxl": {
        "model.diffusion_model.label_emb.0.0.weight": (1280, 2816),
        "model.diffusion_model.input_blocks.7.1.transformer_blocks.9.attn2.to_k.weight": (1280, 2048),
        "model.diffusion_model.output_blocks.2.2.conv.weight": (1280, 1280, 3, 3),
        oracle.CHECKPOINT_KEY_NAMES["xl_base"]: (1280,),
        oracle.CHECKPOINT_KEY_NAMES["clip_sdxl"]: (77, 768),
        oracle.CHECKPOINT_KEY_NAMES["open_clip_sdxl"]: (77, 1280),
        "conditioner.embedders.1.model.transformer.resblocks.31.ln_2.weight": (1280,),
        "conditioner.embedders.1.model.text_projection": (1280, 1280),
    },
}


class Parts:
    """The networks of a kind at full width, without weights."""

    def __init__(self, kind: str) -> None:
        self.settings: dict[str, Any] = next(k for k in single_files.KINDS if k.name == kind).settings()
        with init_empty_weights(include_buffers=True):
            self.unet = UNet2DConditionModel.from_config(self.settings["unet"])
            self.vae = AutoencoderKL.from_config(self.settings["vae"])
            self.text_encoder = CLIPTextModel(CLIPTextConfig(**self.settings["text_encoder"]))
            if kind == "sdxl":
                config = CLIPTextConfig(**self.settings["text_encoder_2"])
                self.text_encoder_2 = CLIPTextModelWithProjection(config)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def parts(kind: str) -> Parts:
    return Parts(kind)


@pytest.fixture(scope="module")
def file(parts: Parts) -> dict[str, Tensor]:
    """The checkpoint that the tests write."""
    return checkpoint(parts)


def shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name.removeprefix("text_model."): tuple(tensor.shape) for name, tensor in tensors.items()}


def test_a_written_checkpoint_has_the_published_names_and_shapes(kind: str, file: dict[str, Tensor]) -> None:
    assert {name: tuple(file[name].shape) for name in PUBLISHED[kind]} == PUBLISHED[kind]


def test_a_written_checkpoint_is_what_diffusers_converts(kind: str, parts: Parts, file: dict[str, Tensor]) -> None:
    unet = oracle.convert_ldm_unet_checkpoint(dict(file), parts.settings["unet"])
    assert shapes(unet) == shapes(parts.unet.state_dict())
    assert shapes(oracle.convert_ldm_vae_checkpoint(dict(file), parts.settings["vae"])) == shapes(
        parts.vae.state_dict()
    )
    wanted = shapes(parts.text_encoder.state_dict())
    if kind == "sd2":
        assert shapes(oracle.convert_open_clip_checkpoint(parts.text_encoder, dict(file))) == wanted
    else:
        assert shapes(oracle.convert_ldm_clip_checkpoint(dict(file))) == wanted
    if kind == "sdxl":
        prefix = "conditioner.embedders.1.model."
        made = oracle.convert_open_clip_checkpoint(parts.text_encoder_2, dict(file), prefix=prefix)
        assert shapes(made) == shapes(parts.text_encoder_2.state_dict())


def test_every_weight_is_looked_for_where_it_is_published(kind: str, parts: Parts, file: dict[str, Tensor]) -> None:
    names = tensor_names
    finders: list[tuple[nn.Module, Callable[[str], names.Source]]] = [
        (parts.unet, lambda name: names.unet_source(name, parts.settings["unet"])),
        (parts.vae, lambda name: names.autoencoder_source(name, parts.settings["vae"])),
    ]
    if kind == "sd2":
        finders.append((parts.text_encoder, lambda name: names.open_clip_source(name, names.OPEN_CLIP["sd2"])))
    else:
        finders.append((parts.text_encoder, lambda name: names.clip_source(name, names.CLIP[kind])))
    if kind == "sdxl":
        finders.append((parts.text_encoder_2, lambda name: names.open_clip_source(name, names.OPEN_CLIP["sdxl"])))
    looked = {find(name).names[0] for network, find in finders for name in network.state_dict()}
    assert looked <= file.keys()
    spare = {name for name in file if name not in looked}
    assert all("logit_scale" in name or "cond_stage_model.model." in name for name in spare)


def test_the_settings_are_those_that_diffusers_reads_from_the_file(
    kind: str, parts: Parts, file: dict[str, Tensor]
) -> None:
    model_type = oracle.infer_diffusers_model_type(file)
    assert model_type == {"sd1": "v1", "sd2": "v2", "sdxl": "xl_base"}[kind]


WORDS = (
    "a photo of an Astronaut riding, 3 horses! ünïcode 猫",
    "!!! wow!",
    "it's   <b>bold</b> &amp; (word:1.3) \n new   line",
    "",
)


def test_the_vocabulary_is_clips(tmp_path: Any) -> None:
    vocabulary = json.loads((single_files.SETTINGS / "clip" / "vocab.json").read_text(encoding="utf-8"))
    merges = (single_files.SETTINGS / "clip" / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert len(vocabulary) == 49408 and sorted(vocabulary.values()) == list(range(49408))
    assert len(merges) == 48894 and all("".join(merge.split()) in vocabulary for merge in merges)
    tokenizer = CLIPTokenizer.from_pretrained(single_files.SETTINGS / "clip", local_files_only=True)
    # The numbers that the papers and pages of CLIP give for these words.
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer("a diagram").input_ids == [49406, 320, 22697, 49407]
    for text in WORDS:
        assert all(0 <= number < 49408 for number in tokenizer(text).input_ids)


@pytest.mark.parametrize(("pad", "number"), [("<|endoftext|>", 49407), ("!", 0)])
def test_prompts_are_filled_up_as_published(pad: str, number: int) -> None:
    kind = {"<|endoftext|>": "sd1", "!": "sd2"}[pad]
    settings = next(k for k in single_files.KINDS if k.name == kind).settings()
    assert settings["tokenizer"] == {"pad_token": pad}
    tokenizer = CLIPTokenizer.from_pretrained(single_files.SETTINGS / "clip", local_files_only=True, pad_token=pad)
    numbers = tokenizer("a cat", padding="max_length", max_length=77).input_ids
    assert numbers[4:] == [number] * 73 and torch.tensor(numbers).max() == 49407
