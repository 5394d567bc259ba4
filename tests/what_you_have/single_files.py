"""Checkpoints in one file."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import published
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file
from single_file import checkpoint, write_settings
from torch import Tensor

from blender_bend.core.checkpoints import single_files
from blender_bend.core.errors import BendError
from blender_bend.core.models import references, suggestions
from blender_bend.core.models.references import fingerprint
from blender_bend.engine.loading import load_pipeline

from . import Bench, Case

Tensors = dict[str, Tensor]
UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model."
FIRST = f"{UNET}input_blocks.0.0.weight"
KINDS = {"sd15": "sd1", "sd21": "sd2", "sdxl": "sdxl"}


@functools.cache
def _folder(kind: str) -> Path:
    return published.write(published.published(kind), Path(tempfile.mkdtemp()) / kind)


@functools.cache
def _tensors(kind: str) -> Tensors:
    return checkpoint(load_pipeline(_folder(kind), torch.float32, "cpu"))


@functools.cache
def _settings() -> Path:
    folder = Path(tempfile.mkdtemp())
    write_settings({name: load_pipeline(_folder(kind), torch.float32, "cpu") for kind, name in KINDS.items()}, folder)
    return folder


@contextmanager
def _narrow() -> Iterator[None]:
    """The settings of narrow models in the place of those that ship with Bend."""
    shipped, single_files.SETTINGS = single_files.SETTINGS, _settings()
    try:
        yield
    finally:
        single_files.SETTINGS = shipped


@dataclass(frozen=True)
class File:
    """A checkpoint: how it differs from a published one, and what its scheduler must be then."""

    change: Callable[[Tensors], Tensors] = dict
    kind: str = "sd15"
    metadata: dict[str, str] | None = None
    name: str = "my painter"
    scheduler: dict[str, Any] | None = None

    def write(self, bench: Bench) -> Path:
        """The file."""
        path = bench.folder / f"{self.name}.safetensors"
        changed = {name: tensor.contiguous().clone() for name, tensor in self.change(_tensors(self.kind)).items()}
        save_file(changed, path, self.metadata)
        return path

    def __call__(self, bench: Bench) -> np.ndarray:
        """Add it in the preferences, and make a picture."""
        with _narrow():
            path = self.write(bench)
            found = references.resolve("mine", {"mine": str(path)})
            own = single_files.scheduler(path, single_files.kind_of(path))
            assert {name: own[name] for name in self.scheduler or {}} == (self.scheduler or {})
            return bench.render(found)


def _as_folder(kind: str, change: Callable[[Tensors], Tensors] = dict) -> Case:
    def case(bench: Bench) -> None:
        folder = bench.render(references.resolve("folder", {"folder": str(_folder(kind))}))
        assert np.array_equal(File(change, kind)(bench), folder)

    return case


def _each(*files: Callable[[Bench], Any]) -> Case:
    """All of them end alike: an error is that of the last, after the same for the others."""

    def case(bench: Bench) -> None:
        codes = set()
        for file in files:
            try:
                file(bench)
                codes.add("renders")
            except BendError as error:
                codes.add(str(error.code))
                last = error
        assert len(codes) == 1, codes
        if codes != {"renders"}:
            raise last

    return case


def _without(*beginnings: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.startswith(beginnings)}


def _with(**extra: Tensor) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {name.replace("__", "."): tensor for name, tensor in extra.items()}


def _channels(count: int) -> Case:
    return File(lambda tensors: tensors | {FIRST: torch.zeros(8, count, 3, 3)})


def _only(*names: str) -> Case:
    return _each(*(File(lambda _, name=name: {name: torch.zeros(4)}) for name in names))  # type: ignore[misc]


def _stored(dtype: torch.dtype) -> Case:
    return File(lambda tensors: {n: t.to(dtype) if t.ndim > 1 else t.half() for n, t in tensors.items()})


def _average(tensors: Tensors) -> Tensors:
    own = {name: tensor for name, tensor in tensors.items() if name.startswith(UNET)}
    return {"model_ema." + name.removeprefix("model.").replace(".", ""): tensor for name, tensor in own.items()}


def _renamed(old: str, new: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name.replace(old, new): tensor for name, tensor in tensors.items()}


def _suggested(bench: Bench) -> None:
    file = File(kind="sdxl", name="dreamy lightning_4step", scheduler={"_class_name": "EulerDiscreteScheduler"})
    assert np.array_equal(file(bench), File(kind="sdxl")(bench))
    found = suggestions.suggestions_for(bench.folder / f"{file.name}.safetensors")
    assert found is not None and found.spacing == "trailing" and "Lightning" in found.words


def _with_a_decoder(bench: Bench) -> None:
    decoder = bench.folder / "tiny"
    torch.manual_seed(3)  # some random decoders paint one color
    AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4).save_pretrained(decoder)
    with _narrow():
        path = File(_without(VAE)).write(bench)
        found = references.resolve("mine", {"mine": str(path)}, decoder="tiny")
        bench.render(found, decoder=str(decoder), decoder_fingerprint=fingerprint(decoder))


def _cut(bench: Bench) -> None:
    path = File().write(bench)
    path.write_bytes(path.read_bytes()[:-1000])
    references.resolve("mine", {"mine": str(path)})


def _called(*names: str) -> Case:
    def case(bench: Bench, name: str) -> None:
        (bench.folder / name).write_bytes(b"anything")
        references.resolve("mine", {"mine": str(bench.folder / name)})

    return _each(*(functools.partial(case, name=name) for name in names))


V = {"prediction_type": "v_prediction"}
TRAILING = {"timestep_spacing": "trailing"}
EMPTY = torch.zeros(0)
LOST = f"{UNET}middle_block.1.norm.weight"

CASES: dict[str, Case] = {
    "single-sd1": _as_folder("sd15"),
    "single-sd2": _as_folder("sd21", _with(v_pred=EMPTY)),
    "single-sdxl": _as_folder("sdxl"),
    "single-precision": _each(*map(_stored, (torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2))),
    "single-spelling": _each(
        _as_folder("sd15", _renamed("transformer.text_model.", "transformer.")),
        _as_folder("sd15", lambda tensors: {f"state_dict.{name}": tensor for name, tensor in tensors.items()}),
        _as_folder("sd15", lambda tensors: {f"model.{name}": tensor for name, tensor in tensors.items()}),
    ),
    "single-extras": _as_folder(
        "sd15",
        _with(
            betas=torch.ones(1000),
            alphas_cumprod=torch.ones(1000),
            global_step=torch.tensor(3),
            cond_stage_model__transformer__text_model__embeddings__position_ids=torch.arange(77)[None],
        ),
    ),
    "single-average": _each(
        _as_folder("sd15", lambda tensors: tensors | {name: t + 1 for name, t in _average(tensors).items()}),
        _as_folder("sd15", lambda tensors: _without(UNET)(tensors) | _average(tensors)),
    ),
    "single-v": _each(
        File(_with(v_pred=EMPTY), scheduler=V | {"_class_name": "DDIMScheduler"}),
        File(kind="sdxl", metadata={"modelspec.prediction_type": "v"}, scheduler=V),
    ),
    "single-zero-snr": _each(
        File(_with(v_pred=EMPTY, ztsnr=EMPTY), scheduler=V | TRAILING | {"rescale_betas_zero_snr": True}),
        File(_with(v_pred=EMPTY, ztsnr=EMPTY), "sdxl", scheduler=V | TRAILING | {"rescale_betas_zero_snr": True}),
    ),
    "single-few-steps": _each(
        *(
            File(
                kind="sdxl",
                metadata={"modelspec.title": f"My {kind} model"},
                scheduler=TRAILING | {"_class_name": name},
            )
            for kind, name in (
                ("Turbo", "EulerAncestralDiscreteScheduler"),
                ("Lightning", "EulerDiscreteScheduler"),
                ("Hyper-SD", "DDIMScheduler"),
                ("DMD2", "LCMScheduler"),
                ("LCM", "LCMScheduler"),
            )
        )
    ),
    "single-mixed": File(kind="sdxl", metadata={"modelspec.merged_from": "a, b lightning"}, scheduler=TRAILING),
    "single-guidance": File(
        _with(model__diffusion_model__time_embed__cond_proj__weight=torch.zeros(8, 16)),
        scheduler={"_class_name": "LCMScheduler"},
    ),
    "single-name": _suggested,
    "single-decoder": _with_a_decoder,
    "single-no-autoencoder": File(_without(VAE)),
    "single-no-text": File(_without(TEXT)),
    "single-no-unet": File(_without(UNET)),
    "single-weight-missing": File(_without(LOST)),
    "single-shape": File(lambda tensors: tensors | {LOST: torch.zeros(3)}),
    "single-spare": File(_with(model__diffusion_model__strange__weight=torch.zeros(3))),
    "single-cut": _cut,
    "single-nan": File(lambda tensors: tensors | {f"{UNET}out.2.bias": torch.full((4,), float("nan"))}),
    "single-inpainting": _channels(9),
    "single-pix2pix": _channels(8),
    "single-depth": _channels(5),
    "single-refiner": File(_renamed("embedders.1.model", "embedders.0.model"), "sdxl"),
    "single-beside": _only(
        "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight",
        "control_model.time_embed.0.weight",
        "ip_adapter.1.to_k_ip.weight",
        "adapter.body.0.resnets.0.block1.weight",
        "down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight",
        "emb_params",
        "model.1.sub.0.RDB1.conv1.0.weight",
    ),
    "single-part": _only(
        "input_blocks.0.0.weight", "down_blocks.0.resnets.0.norm1.weight", "decoder.conv_in.weight", "text_model.x"
    ),
    "single-transformer": _only(
        "model.diffusion_model.joint_blocks.0.x_block.mlp.fc1.weight", "double_blocks.0.img_attn.norm.key_norm.scale"
    ),
    "single-edm": _each(
        File(_with(edm_mean=torch.zeros(4)), "sdxl"), File(_with(edm_vpred__sigma_max=torch.zeros(1)), "sdxl")
    ),
    "single-other": _each(
        File(_with(model__diffusion_model__input_blocks__1__0__time_stack__x=torch.zeros(1))),
        File(_with(noise_augmentor__betas=torch.zeros(1)), "sd21"),
        _only("clip_txt_mapper.weight"),
    ),
    "single-quantized": _each(
        _called("model.gguf"),
        File(lambda tensors: tensors | {LOST: torch.zeros(32, dtype=torch.int8)}),
        File(lambda tensors: tensors | {f"{LOST}.absmax": torch.zeros(1)}),
        File(_with(scaled_fp8=torch.zeros(1))),
    ),
    "single-pickle": _called("model.ckpt", "model.pt", "model.pth", "model.bin"),
}
