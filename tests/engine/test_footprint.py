"""Memory is told before a job starts: by the weights' headers, and by what the published networks really allocate."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from blender_bend.core.checkpoints import weight_files
from blender_bend.core.job.job import Job
from blender_bend.core.models import weights
from blender_bend.core.models.references import MINI_PATH
from blender_bend.core.precision import Precision
from blender_bend.core.resources import footprint
from blender_bend.core.resources.footprint import Offload, Stage
from blender_bend.core.resources.memory_advice import advise, batch_that_fits
from blender_bend.core.resources.speeds import Speeds

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "tests" / "data" / "published"
GB = 1_000_000_000
MakeJob = Callable[..., Job]
#: As published: stabilityai/stable-diffusion-3.5-large and black-forest-labs/FLUX.1-schnell, two blocks of each kind.
SD35 = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 2,
    "attention_head_dim": 64,
    "num_attention_heads": 38,
    "joint_attention_dim": 4096,
    "caption_projection_dim": 2432,
    "pooled_projection_dim": 2048,
    "pos_embed_max_size": 192,
    "qk_norm": "rms_norm",
}
FLUX = {
    "patch_size": 1,
    "in_channels": 64,
    "num_layers": 2,
    "num_single_layers": 2,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 768,
    "guidance_embeds": False,
}


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark that counts."""
    location = importlib.util.spec_from_file_location("footprint_benchmark", ROOT / "benchmarks" / "footprint.py")
    assert location and location.loader
    module = importlib.util.module_from_spec(location)
    location.loader.exec_module(module)
    return module


def write_header(file: Path, shapes: dict[str, tuple[int, ...]], kind: str = "F16") -> None:
    """A safetensors file of which only the header is on the disk."""
    at, described = 0, dict[str, Any]()
    for name, shape in shapes.items():
        size = torch.Size(shape).numel() * 2
        described[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    header = json.dumps(described).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "wb") as stream:
        stream.write(len(header).to_bytes(8, "little") + header)
        stream.truncate(8 + len(header) + at)


def settings(config: Path) -> dict[str, Any]:
    return {name: value for name, value in json.loads(config.read_text()).items() if not name.startswith("_")}


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion XL as published, all tensors with their true shapes and no numbers."""
    folder = tmp_path_factory.mktemp("published") / "sdxl"
    shutil.copytree(PUBLISHED / "sdxl", folder)
    with torch.device("meta"):
        networks: dict[str, Any] = {
            "unet": UNet2DConditionModel.from_config(settings(folder / "unet" / "config.json")),
            "vae": AutoencoderKL.from_config(settings(folder / "vae" / "config.json")),
            "text_encoder": CLIPTextModel(CLIPTextConfig.from_pretrained(folder / "text_encoder")),
            "text_encoder_2": CLIPTextModelWithProjection(CLIPTextConfig.from_pretrained(folder / "text_encoder_2")),
        }
    for part, network in networks.items():
        shapes = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
        write_header(folder / part / f"{weight_files.stem_of(part)}.safetensors", shapes)
    return folder


@pytest.fixture
def film(sdxl: Path, make_job: MakeJob) -> Job:
    """A job of SDXL at its size, guided, in float16."""
    job = make_job("mini", [], 1, size=(1024, 1024), guidance=5.0, precision="float16")
    return replace(job, model=str(sdxl))


def card(gigabytes: float, **changes: Any) -> Speeds:
    """A GPU with so much memory that gains by batches."""
    seconds = {"float32": 0.002, "float16": 0.001, "bfloat16": 0.001}
    known = Speeds({}, "cuda", "A card", seconds, dict.fromkeys(Precision, 2.0), int(gigabytes * GB))
    return replace(known, **changes)


def test_the_weights_of_sdxl_are_those_of_its_published_size(sdxl: Path) -> None:
    parts = weights.of_model(sdxl)
    millions = {name: round(part.elements / 1e6) for name, part in parts.items()}
    assert millions == {"unet": 2567, "vae": 84, "text_encoder": 123, "text_encoder_2": 695}


@pytest.mark.parametrize(
    ("gigabytes", "stage"),
    [
        (24, Stage(Offload.NOTHING, "whole")),
        (12, Stage(Offload.MODEL, "whole")),
        (8, Stage(Offload.MODEL, "tiled")),
        (4, Stage(Offload.SEQUENTIAL, "tiled")),
        (2, None),
    ],
)
def test_sdxl_at_its_size_is_planned_for_every_card(gigabytes: int, stage: Stage | None, film: Job) -> None:
    advice = advise(film, card(gigabytes))
    assert advice is not None and advice.stage == stage
    assert advice.fits == (gigabytes == 24)


def test_the_arithmetic_of_sdxl_on_8_gigabytes_is_that_of_the_docs(film: Job) -> None:
    found = footprint.of_job(film)
    assert found is not None
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for stage in footprint.STAGES:
        assert f"**{found.needs(stage) / GB:.1f} GB**" in page, (stage, found)
    for part in (found.denoiser, found.decoder, found.encoder, found.step, found.whole, found.tiled):
        assert f"{part / GB:.2f} GB" in page, (part, found)


def test_what_is_suggested_fits(film: Job) -> None:
    advice = advise(replace(film, batch=4, precision="float32"), card(20))
    assert advice is not None and not advice.fits
    assert "16 bit" in advice.suggestions
    fast = advise(replace(film, batch=1), card(24))
    assert fast is not None and fast.fits and fast.suggestions == ()
    small = advise(film, card(12))
    assert small is not None
    (size,) = small.suggestions
    width, _, height = size.partition(" × ")
    again = advise(replace(film, size=(int(width), int(height))), card(12))
    assert again is not None and again.fits


def test_16_bit_is_not_suggested_where_it_is_slow(film: Job) -> None:
    slow = card(8, device="cpu", seconds={"float32": 0.1, "float16": 6.6, "bfloat16": 3.8})
    advice = advise(replace(film, precision="float32"), slow)
    assert advice is not None and not advice.fits
    assert not any("16" in text and "×" not in text for text in advice.suggestions)
    assert "bfloat16" not in advice.suggestions


def test_a_processor_has_nothing_to_offload(film: Job) -> None:
    for gigabytes in (4, 8, 12, 16, 32):
        advice = advise(film, card(gigabytes, device="cpu"))
        assert advice is not None
        assert advice.stage is None or advice.stage.offload == Offload.NOTHING


def test_free_memory_counts_where_it_is_known(film: Job) -> None:
    advice = advise(film, card(24), free=6 * GB)
    assert advice is not None and advice.stage == Stage(Offload.MODEL, "tiled")
    assert "6.0 GB" in advice.lines()[0] and "tiles" in advice.lines()[1]


def test_an_automatic_batch_costs_no_stage(film: Job) -> None:
    assert batch_that_fits(film, card(24)) == 4
    assert batch_that_fits(film, card(6.9)) == 1, "the network alone fits, with three more pictures it would not"
    assert batch_that_fits(film, card(24, device="cpu")) == 1
    assert batch_that_fits(film, card(24, batched=dict.fromkeys(Precision, 1.1))) == 1


@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl"])
def test_a_step_of_a_published_unet_takes_what_the_table_says(kind: str, bench: ModuleType) -> None:
    config = PUBLISHED / kind / "unet" / "config.json"
    unet = bench.build(UNet2DConditionModel, config)
    told = footprint.step_of(json.loads(config.read_text()), 64 * 64)
    assert bench.unet_step(unet, 1, 64, 64) / 2 == pytest.approx(told, rel=0.02)


def test_a_step_is_linear_in_rows_and_cells(bench: ModuleType) -> None:
    unet = bench.build(UNet2DConditionModel, PUBLISHED / "sdxl" / "unet" / "config.json")
    one = bench.unet_step(unet, 1, 64, 64)
    assert bench.unet_step(unet, 3, 64, 96) == pytest.approx(4.5 * one, rel=0.02)


@pytest.mark.parametrize(
    ("kind", "config", "step"),
    [(SD3Transformer2DModel, SD35, "sd3_step"), (FluxTransformer2DModel, FLUX, "flux_step")],
    ids=["sd35", "flux"],
)
def test_a_step_of_a_transformer_takes_what_the_table_says(
    kind: Any, config: dict[str, Any], step: str, bench: ModuleType
) -> None:
    with torch.device("meta"):
        transformer = kind(**config).half()
    told = footprint.step_of({**config, "_class_name": kind.__name__}, 128 * 128)
    assert getattr(bench, step)(transformer, 1, 128, 128) / 2 == pytest.approx(told, rel=0.05)


@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl"])
def test_decoding_takes_what_the_table_says(kind: str, bench: ModuleType) -> None:
    config = PUBLISHED / kind / "vae" / "config.json"
    vae = bench.build(AutoencoderKL, config, torch.float32)
    told = footprint.DECODERS["AutoencoderKL"] * json.loads(config.read_text())["block_out_channels"][0] * 512 * 512
    assert bench.decoding(vae, 64, 64) / 4 == pytest.approx(told, rel=0.02)


def test_decoding_with_a_tiny_autoencoder_takes_what_the_table_says(bench: ModuleType) -> None:
    with torch.device("meta"):
        vae = AutoencoderTiny().half()
    told = footprint.DECODERS["AutoencoderTiny"] * vae.config.decoder_block_out_channels[0] * 512 * 512
    assert bench.decoding(vae, 64, 64) / 2 == pytest.approx(told, rel=0.02)


def test_tiled_decoding_takes_what_is_told_for_a_tile_and_the_finished_ones(bench: ModuleType, film: Job) -> None:
    from blender_bend.engine.families.tiles import tiled

    vae = bench.build(AutoencoderKL, PUBLISHED / "sdxl" / "vae" / "config.json", torch.float32)
    with tiled(vae, (1024, 1024)):
        counted = bench.decoding(vae, 128, 128)
    found = footprint.of_job(film)
    assert found is not None
    lifted = found.decoder
    workspace = (footprint.DECODE_WORKSPACE - 1) * 768 * 512 * 512 * 4
    assert counted == pytest.approx(found.tiled - lifted - workspace, rel=0.05)


def test_every_part_counts_once_however_often_it_is_published(tmp_path: Path) -> None:
    shapes = {"weight": (64, 64), "bias": (64,)}
    (tmp_path / "model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]})
    )
    whole = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    for name in ("diffusion_pytorch_model", "diffusion_pytorch_model.fp16", "diffusion_pytorch_model.non_ema"):
        write_header(whole.with_name(f"{name}.safetensors"), shapes)
    assert weights.of_model(tmp_path) == {"unet": weights.Weights(64 * 65, 64 * 64, "F16")}
    whole.unlink()
    assert weights.of_model(tmp_path)["unet"].elements == 64 * 65
    for file in (tmp_path / "unet").glob("*"):
        file.unlink()
    shards = {f"tensor {n}": f"diffusion_pytorch_model-0000{n}-of-00002.safetensors" for n in (1, 2)}
    whole.with_name("diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    for number in (1, 2):
        write_header(whole.with_name(f"diffusion_pytorch_model-0000{number}-of-00002.safetensors"), shapes)
    assert weights.of_model(tmp_path)["unet"].elements == 2 * 64 * 65


def test_the_weights_of_mini_are_counted_right(load: Callable[..., Any]) -> None:
    pipeline, parts = load("mini"), weights.of_model(MINI_PATH)
    for part in ("unet", "vae", "text_encoder"):
        counted = sum(weight.numel() for weight in getattr(pipeline, part).parameters())
        assert parts[part].elements == pytest.approx(counted, rel=0.001)


def test_a_single_file_has_the_parts_of_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "merge.safetensors"
    write_header(
        file,
        {
            "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
            "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
            "conditioner.embedders.0.transformer.x": (10,),
            "conditioner.embedders.1.model.x": (20,),
            "something.else": (1000,),
        },
    )
    counted = {name: part.elements for name, part in weights.of_model(file).items()}
    assert counted == {"unet": 11520, "vae": 18432, "text_encoder": 10, "text_encoder_2": 20}


@pytest.mark.parametrize("damage", [b"", b"\xff" * 16, b"\x02\0\0\0\0\0\0\0[]", b"<!DOCTYPE html>"])
def test_what_cannot_be_told_is_not_told(damage: bytes, film: Job, tmp_path: Path) -> None:
    shutil.copytree(PUBLISHED / "sdxl", tmp_path / "sdxl")
    (tmp_path / "sdxl" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(damage)
    job = replace(film, model=str(tmp_path / "sdxl"))
    assert weights.of_model(tmp_path / "sdxl") == {}
    assert footprint.of_job(job) is None and advise(job, card(8)) is None
    assert not weights.asks_for_bfloat16(tmp_path / "sdxl")


def test_a_model_asks_for_bfloat16_by_its_weights_or_by_being_flux(sdxl: Path, tmp_path: Path) -> None:
    assert not weights.asks_for_bfloat16(sdxl)
    (tmp_path / "model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusion3Pipeline", "transformer": ["diffusers", "SD3Transformer2DModel"]})
    )
    file = tmp_path / "transformer" / "diffusion_pytorch_model.safetensors"
    write_header(file, {"weight": (8, 8), "norm": (8,)}, "BF16")
    assert weights.asks_for_bfloat16(tmp_path)
    write_header(file, {"weight": (8, 9), "norm": (8,)}, "F16")
    assert not weights.asks_for_bfloat16(tmp_path)
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    assert weights.asks_for_bfloat16(tmp_path)
