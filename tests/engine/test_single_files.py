"""A checkpoint in one file gives the pictures of the folder that it was made from, however its tensors are spelled and
stored; what it lacks is named, and nothing is painted with weights that are not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file
from single_file import checkpoint, write_settings
from torch import Tensor

from blender_bend.core.checkpoints import single_files
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.models import references
from blender_bend.core.models.references import fingerprint
from blender_bend.engine.host.alignment import is_aligned
from blender_bend.engine.loading import load_pipeline
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]
Tensors = dict[str, Tensor]
KINDS = {"sd15": "sd1", "sd21": "sd2", "sdxl": "sdxl"}
UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."


@pytest.fixture(scope="module")
def published(load: Callable[..., Any]) -> dict[str, Tensors]:
    """The three small models, by the published names of their tensors."""
    return {kind: checkpoint(load(kind)) for kind in KINDS}


@pytest.fixture(scope="module", autouse=True)
def settings(load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Their settings in the place of those of the large models."""
    folder = tmp_path_factory.mktemp("settings")
    write_settings({name: load(kind) for kind, name in KINDS.items()}, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(single_files, "SETTINGS", folder)
        yield folder


@pytest.fixture(scope="module")
def sd15(published: dict[str, Tensors]) -> Tensors:
    return published["sd15"]


def write(tensors: Tensors, folder: Path, metadata: dict[str, str] | None = None) -> Path:
    file = folder / "my painter.safetensors"
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, file, metadata)
    return file


def picture(job: Job, folder: Path) -> np.ndarray:
    """The job's first frame."""
    store = FrameStore(folder)
    Renderer("cpu").render(job, store)
    with PIL.Image.open(store.path(frame_key(resolve(job, job.frames[0])))) as image:
        return np.asarray(image)


def single(job: Job, file: Path) -> Job:
    found = references.resolve("my painter", {"my painter": str(file)}, job.decoder)
    return replace(job, model=found.path, fingerprint=found.fingerprint)


def refused(file: Path) -> str:
    with pytest.raises(BendError) as caught:
        load_pipeline(file, torch.float32, "cpu")
    wanted = Code.MODEL_QUANTIZED if "quantized" in caught.value.message else Code.MODEL_INVALID
    assert caught.value.code == wanted and caught.value.hint and file.name in caught.value.message
    return caught.value.message


def weights(pipeline: Any) -> dict[str, Tensor]:
    parts = ("unet", "vae", "text_encoder", "text_encoder_2")
    return {
        f"{part}.{name}": tensor
        for part in parts
        if getattr(pipeline, part, None) is not None
        for name, tensor in getattr(pipeline, part).state_dict().items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_file_makes_the_pictures_of_its_folder(
    published: dict[str, Tensors], kind: str, make_job: MakeJob, tmp_path: Path
) -> None:
    marks = {"v_pred": torch.zeros(0)} if kind == "sd21" else {}
    job = make_job(kind)
    one = single(job, write(published[kind] | marks, tmp_path))
    assert one.fingerprint != job.fingerprint
    assert np.array_equal(picture(one, tmp_path / "one"), picture(job, tmp_path / "two"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_is_that_of_the_folder_and_aligned(
    published: dict[str, Tensors], kind: str, load: Callable[..., Any], tmp_path: Path
) -> None:
    pipeline = load_pipeline(write(published[kind], tmp_path), torch.float32, "cpu")
    made, wanted = weights(pipeline), weights(load(kind))
    assert made.keys() == wanted.keys()
    assert all(torch.equal(made[name], wanted[name]) for name in wanted)
    assert all(is_aligned(tensor) for tensor in made.values())
    networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    assert not any(network.training for network in networks)
    assert not any(buffer.is_meta for network in networks for buffer in network.buffers())


def test_a_file_can_be_overwritten_once_it_is_loaded(sd15: Tensors, load: Callable[..., Any], tmp_path: Path) -> None:
    file = write(sd15, tmp_path)
    made = weights(load_pipeline(file, torch.float32, "cpu"))
    with open(file, "r+b") as stream:
        stream.write(bytes(file.stat().st_size))
    assert all(torch.equal(made[name], wanted) for name, wanted in weights(load("sd15")).items())


def _average(tensors: Tensors) -> Tensors:
    flat = {
        "model_ema." + n.removeprefix("model.").replace(".", ""): t for n, t in tensors.items() if n.startswith(UNET)
    }
    return flat | {"model_ema.decay": torch.tensor(0.99), "model_ema.num_updates": torch.tensor(5)}


def _without(tensors: Tensors, *prefixes: str) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(prefixes)}


def _renamed(tensors: Tensors, old: str, new: str) -> Tensors:
    return {name.replace(old, new): tensor for name, tensor in tensors.items()}


EXTRAS = {
    "alphas_cumprod": torch.ones(1000),
    "betas": torch.ones(1000),
    "global_step": torch.tensor(3),
    "denoiser.sigmas": torch.ones(1000),
    "cond_stage_model.logit_scale": torch.tensor(4.6),
    "cond_stage_model.transformer.text_projection.weight": torch.eye(4),
    "first_stage_model.loss.logvar": torch.zeros(1),
    "first_stage_model.model_ema.decay": torch.zeros(1),
}
POSITIONS = "cond_stage_model.transformer.text_model.embeddings.position_ids"
SPELLINGS: dict[str, Callable[[Tensors], Tensors]] = {
    "old text encoder": lambda t: _renamed(t, "transformer.text_model.", "transformer."),
    "average beside": lambda t: t | {name: tensor + 1 for name, tensor in _average(t).items()},
    "average instead": lambda t: _without(t, UNET) | _average(t),
    "extras": lambda t: t | EXTRAS,
    "positions": lambda t: t | {POSITIONS: torch.arange(77)[None]},
    "positions in floats": lambda t: t | {POSITIONS: torch.arange(77)[None].float()},
    "state_dict": lambda t: {f"state_dict.{name}": tensor for name, tensor in t.items()},
    "model": lambda t: {f"model.{name}": tensor for name, tensor in t.items()},
    "only the UNet wrapped": lambda t: {(f"model.{n}" if n.startswith(UNET) else n): v for n, v in t.items()},
    "autoencoder in new names": lambda t: {
        (n.replace(".q.", ".to_q.").replace(".k.", ".to_k.").replace(".v.", ".to_v.").replace("proj_out", "to_out.0"))
        if "mid.attn_1" in n
        else n: v
        for n, v in t.items()
    },
    "autoencoder of matrices": lambda t: {
        n: v[:, :, 0, 0] if "mid.attn_1" in n and v.ndim == 4 else v for n, v in t.items()
    },
    "projections as matrices": lambda t: {
        n: v[:, :, 0, 0] if n.startswith(UNET) and n.endswith(("proj_in.weight", "proj_out.weight")) else v
        for n, v in t.items()
    },
    "double": lambda t: {n: v.double() for n, v in t.items()},
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelled_otherwise_it_is_the_same_model(
    sd15: Tensors, load: Callable[..., Any], spelling: str, tmp_path: Path
) -> None:
    made = weights(load_pipeline(write(SPELLINGS[spelling](sd15), tmp_path), torch.float32, "cpu"))
    wanted = weights(load("sd15"))
    assert all(torch.equal(made[name], wanted[name]) for name in wanted)


def test_the_projection_of_the_second_text_encoder_is_known_in_both_ways(
    published: dict[str, Tensors], load: Callable[..., Any], tmp_path: Path
) -> None:
    tensors = dict(published["sdxl"])
    projection = tensors.pop("conditioner.embedders.1.model.text_projection")
    tensors["conditioner.embedders.1.model.text_projection.weight"] = projection.T
    made = load_pipeline(write(tensors, tmp_path), torch.float32, "cpu").text_encoder_2.text_projection.weight
    assert torch.equal(made, load("sdxl").text_encoder_2.text_projection.weight)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_in_lower_precision_are_the_nearest(
    published: dict[str, Tensors], dtype: torch.dtype, kind: str, load: Callable[..., Any], tmp_path: Path
) -> None:
    eighth = dtype.itemsize == 1
    stored = {
        n: t.to(dtype) if not eighth or (n.startswith(UNET) and t.ndim > 1) else t.half()
        for n, t in published[kind].items()
    }
    made = weights(load_pipeline(write(stored, tmp_path), torch.float32, "cpu"))
    for name, wanted in weights(load(kind)).items():
        kept = dtype if not eighth or (name.startswith("unet.") and wanted.ndim > 1) else torch.float16
        assert torch.equal(made[name], wanted.to(kept).float()), name


@pytest.mark.parametrize(("dtype", "most"), [(torch.float16, 1.0), (torch.float8_e4m3fn, 12.0)])
def test_in_lower_precision_the_picture_is_close(
    sd15: Tensors, dtype: torch.dtype, most: float, make_job: MakeJob, tmp_path: Path
) -> None:
    stored = {n: t.to(dtype) if n.startswith(UNET) and t.ndim > 1 else t.half() for n, t in sd15.items()}
    job = make_job("sd15")
    made = picture(single(job, write(stored, tmp_path)), tmp_path / "one").astype(int)
    difference = np.abs(made - picture(job, tmp_path / "two")).mean()
    assert 0 < difference < most


ONE_OF_EACH = [
    ("sd15", "model.diffusion_model.middle_block.1.norm.weight"),
    ("sd15", "model.diffusion_model.output_blocks.2.1.conv.bias"),
    ("sd15", "first_stage_model.decoder.mid.attn_1.q.weight"),
    ("sd15", "first_stage_model.encoder.down.0.downsample.conv.weight"),
    ("sd15", "cond_stage_model.transformer.text_model.encoder.layers.1.mlp.fc1.bias"),
    ("sd21", "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight"),
    ("sd21", "cond_stage_model.model.ln_final.bias"),
    ("sdxl", "model.diffusion_model.label_emb.0.2.bias"),
    ("sdxl", "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight"),
    ("sdxl", "conditioner.embedders.1.model.token_embedding.weight"),
    ("sdxl", "conditioner.embedders.1.model.text_projection"),
]


@pytest.mark.parametrize(("kind", "name"), ONE_OF_EACH)
def test_a_missing_tensor_is_named(published: dict[str, Tensors], kind: str, name: str, tmp_path: Path) -> None:
    assert f"lacks {name}" in refused(write(_without(published[kind], name), tmp_path))


@pytest.mark.parametrize(("kind", "name"), ONE_OF_EACH)
def test_a_tensor_of_another_shape_is_named_with_both(
    published: dict[str, Tensors], kind: str, name: str, tmp_path: Path
) -> None:
    was = published[kind][name]
    wrong = torch.cat([was, was[:1]])
    message = refused(write(published[kind] | {name: wrong}, tmp_path))
    assert name in message and " × ".join(map(str, wrong.shape)) in message and "expected" in message


@pytest.mark.parametrize(("kind", "name"), ONE_OF_EACH)
def test_a_tensor_of_whole_numbers_is_no_weight(
    published: dict[str, Tensors], kind: str, name: str, tmp_path: Path
) -> None:
    whole = torch.zeros(published[kind][name].shape, dtype=torch.int8)
    message = refused(write(published[kind] | {name: whole}, tmp_path))
    assert "int8" in message or "quantized (I8)" in message


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        ("sd15", UNET, "model.other_model.", "lacks the UNet"),
        ("sd15", f"{UNET}input_blocks", f"{UNET}entry_blocks", "the UNet lacks"),
        ("sd15", VAE, "vae_of_mine.", "lacks the autoencoder"),
        ("sd15", f"{VAE}decoder", f"{VAE}decodes", "the autoencoder lacks"),
        ("sd15", TEXT, "words.", "lacks the text encoder"),
        ("sd15", "encoder.layers", "encoder.stages", "the text encoder lacks"),
        ("sd21", "resblocks", "layers", "the text encoder lacks"),
        ("sdxl", "embedders.1.model", "embedders.2.model", "second of the two text encoders"),
        ("sdxl", "embedders.0.transformer", "embedders.2.transformer", "first of the two text encoders"),
        ("sdxl", "label_emb", "class_emb", "the UNet lacks"),
    ],
)
def test_a_part_by_other_names_is_a_part_that_is_missing(
    published: dict[str, Tensors], kind: str, old: str, new: str, words: str, tmp_path: Path
) -> None:
    assert words in refused(write(_renamed(published[kind], old, new), tmp_path))


def test_what_the_unet_has_no_place_for_is_named(sd15: Tensors, tmp_path: Path) -> None:
    strange = f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k_ip.weight"
    assert strange in refused(write(sd15 | {strange: torch.zeros(4)}, tmp_path))


def test_the_moving_average_never_fills_gaps(sd15: Tensors, tmp_path: Path) -> None:
    name = f"{UNET}middle_block.1.norm.weight"
    assert name in refused(write({n: t for n, t in (sd15 | _average(sd15)).items() if n != name}, tmp_path))


@pytest.mark.parametrize(
    ("encoder", "words"),
    [("conditioner.embedders.0.", "the first of the two"), ("conditioner.embedders.1.", "the second of the two")],
)
def test_a_checkpoint_with_one_of_two_text_encoders_says_which_is_missing(
    published: dict[str, Tensors], encoder: str, words: str, tmp_path: Path
) -> None:
    assert f"it lacks {words} text encoders" in refused(write(_without(published["sdxl"], encoder), tmp_path))


def _with_header(file: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """The file with another header before the same weights."""
    data = file.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    text = change(json.loads(data[8:end]))
    header = (text if isinstance(text, str) else json.dumps(text)).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + data[end:])


_BIAS = f"{VAE}decoder.conv_out.bias"
HEADERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nested too deeply": lambda own: "[" * 100_000,
    "a list": lambda own: [],
    "not of tensors": lambda own: {**own, _BIAS: 5},
    "an unknown type": lambda own: {**own, _BIAS: {**own[_BIAS], "dtype": "Q7"}},
    "a negative side": lambda own: {**own, _BIAS: {**own[_BIAS], "shape": [-4]}},
    "words that are numbers": lambda own: {**own, "__metadata__": {"modelspec.title": 5}},
    "a list of words": lambda own: {**own, "__metadata__": [1]},
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_damaged_header_is_said_in_words(sd15: Tensors, name: str, tmp_path: Path) -> None:
    file = write(sd15, tmp_path)
    _with_header(file, HEADERS[name])
    message = refused(file)
    assert "damaged" in message and "Error" not in message and "JSON" not in message


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.3, 0.999])
def test_a_file_that_was_cut_is_damaged(sd15: Tensors, share: float, tmp_path: Path) -> None:
    file = write(sd15, tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    assert "damaged" in refused(file)


def test_a_file_that_was_damaged_after_it_was_chosen_is_named(sd15: Tensors, make_job: MakeJob, tmp_path: Path) -> None:
    file = write(sd15, tmp_path)
    job = single(make_job("sd15"), file)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(BendError, match="my painter") as caught:
        picture(job, tmp_path / "frames")
    assert caught.value.code == Code.MODEL_INVALID
    assert not list((tmp_path / "frames").glob("*.png"))


def _tiny(folder: Path) -> Path:
    torch.manual_seed(3)
    AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("lost", [VAE, f"{VAE}encoder.", f"{VAE}decoder.conv_in."])
def test_a_chosen_decoder_stands_in_for_the_autoencoder(
    sd15: Tensors, lost: str, make_job: MakeJob, tmp_path: Path
) -> None:
    decoder = _tiny(tmp_path / "tiny")
    job = replace(make_job("sd15"), decoder=str(decoder), decoder_fingerprint=fingerprint(decoder))
    made = picture(single(job, write(_without(sd15, lost), tmp_path)), tmp_path / "one")
    assert np.array_equal(made, picture(job, tmp_path / "two"))


def test_without_an_autoencoder_and_a_decoder_that_is_said(sd15: Tensors, make_job: MakeJob, tmp_path: Path) -> None:
    file = write(_without(sd15, VAE), tmp_path)
    assert "lacks the autoencoder" in refused(file)
    job = replace(make_job("sd15"), model=str(file), fingerprint=references.model_fingerprint(file))
    with pytest.raises(BendError, match="lacks the autoencoder") as caught:
        picture(job, tmp_path / "frames")
    assert "decoder" in caught.value.hint


def test_weights_that_are_no_numbers_are_said_by_the_first_picture(
    sd15: Tensors, make_job: MakeJob, tmp_path: Path
) -> None:
    broken = sd15 | {f"{UNET}out.2.bias": torch.full((4,), float("nan"))}
    with pytest.raises(BendError) as caught:
        picture(single(make_job("sd15"), write(broken, tmp_path)), tmp_path / "frames")
    assert caught.value.code == Code.NON_FINITE
    assert not list((tmp_path / "frames").glob("*.png"))


def test_a_folder_with_half_precision_only_is_loaded(
    load: Callable[..., Any], make_job: MakeJob, tmp_path: Path
) -> None:
    pipeline = load("sd15")
    pipeline.unet.half()
    pipeline.save_pretrained(tmp_path / "half", safe_serialization=True, variant="fp16")
    found = references.resolve("half", {"half": str(tmp_path / "half")})
    job = make_job("sd15")
    made = picture(replace(job, model=found.path, fingerprint=found.fingerprint), tmp_path / "one")
    assert np.abs(made.astype(int) - picture(job, tmp_path / "two")).mean() < 2
