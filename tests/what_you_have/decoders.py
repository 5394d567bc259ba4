"""Decoders: folders of autoencoders that take the place of a model's own."""

from __future__ import annotations

import json
from typing import Any

import published
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from published import Files, write

from blender_bend.core.models import references

from . import Bench, Case


def tiny(latents: int = 4, variant: str = "") -> Files:
    """A decoder such as TAESD, or TAESD3 and TAEF1 with 16 channels."""
    torch.manual_seed(1)
    config = dict(AutoencoderTiny(latent_channels=latents, num_decoder_blocks=(1, 1, 1, 1)).config)
    config |= {"_class_name": "AutoencoderTiny"}
    return files_of(AutoencoderTiny.from_config(config), config, variant)


def full(latents: int = 4) -> Files:
    """An autoencoder of the published kind, such as sd-vae-ft-mse."""
    config = published.narrow(published.settings("sd15")["vae/config.json"]) | {"latent_channels": latents}
    return files_of(AutoencoderKL.from_config(config), config)


def files_of(network: Any, config: dict[str, Any], variant: str = "") -> Files:
    """A network as diffusers saves it."""
    weights = published.weight_files(network.state_dict(), "diffusion_pytorch_model", variant=variant)
    return {"config.json": json.dumps(dict(config), default=list).encode()} | weights


def used(files: Files, kind: str = "sd15") -> Case:
    """A decoder on a published model."""

    def use(bench: Bench) -> None:
        folder = write(files, bench.folder / "decoder")
        decoder = references.resolve_decoder("mine", {"mine": str(folder)})
        model = write(published.published(kind), bench.folder / "model")
        settings = {"decoder": decoder.path, "decoder_fingerprint": decoder.fingerprint}
        bench.render(references.resolve("model", {"model": str(model)}), **settings)

    return use


def pickled() -> Files:
    """A decoder as a pickle only."""
    files = tiny()
    return {name.replace(".safetensors", ".bin"): content for name, content in files.items()}


CASES: dict[str, Case] = {
    "decoder-tiny": used(tiny()),
    "decoder-fp16": used(tiny(variant="fp16")),
    "decoder-full": used(full()),
    "decoder-other-latents": used(tiny(16)),
    "decoder-tiny-on-flux": used(tiny(), "flux"),
    "decoder-pickled": used(pickled()),
    "decoder-other-class": used({**tiny(), "config.json": b'{"_class_name": "UNet2DConditionModel"}'}),
}
