"""Writes the trained parts as a Stable Diffusion pipeline in fp16, complete and small enough to ship."""

from __future__ import annotations

import json
from pathlib import Path

import diffusers
import torch
from torch import nn

from . import checkpoints
from .autoencoder import load_autoencoder
from .denoiser import SCHEDULE, assemble, make_denoiser
from .recipe import Recipe
from .tokenizer import tokenizer_of

LIMIT = 30_000_000  # bytes of all weights


def export(recipe: Recipe, folder: Path, target: Path) -> None:
    """Assemble the averaged weights of the last denoiser stage there is, and write them to ``target``.

    Raises
    ------
    SystemExit if the weights are larger than they may be
    """
    tokenizer = tokenizer_of(folder, recipe.text_length)
    denoiser = make_denoiser(recipe, tokenizer)
    stage = next(name for name in ("denoiser32", "denoiser16") if (folder / f"{name}.pt").exists())
    state = checkpoints.load(folder / f"{stage}.pt")
    denoiser.load_state_dict(state["average"])
    pipeline = assemble(denoiser, tokenizer, load_autoencoder(folder))
    for part in (pipeline.unet, pipeline.text_encoder, pipeline.vae):
        part.to(torch.float16, memory_format=torch.contiguous_format)
    pipeline.save_pretrained(target)
    _tidy_configurations(target)
    size = sum(path.stat().st_size for path in target.rglob("*.safetensors"))
    print(f"export: {stage} after {state['step']} steps, {weights(pipeline)} weights, {size / 1e6:.1f} MB in {target}")
    if size > LIMIT:
        raise SystemExit(f"The weights have {size} bytes; they may have {LIMIT}.")


def weights(pipeline: object) -> int:
    """How many numbers a pipeline has learnt."""
    parts = [part for part in vars(pipeline).values() if isinstance(part, nn.Module)]
    return sum(parameter.numel() for part in parts for parameter in part.parameters())


def _tidy_configurations(target: Path) -> None:
    """Leave out where this machine had the files, and have all parts loaded as float32 unless somebody asks otherwise.

    transformers would load the text encoder in the type of its file, and diffusers the UNet as float32.
    """
    for path in target.glob("*/config.json"):
        config = json.loads(path.read_text())
        config.pop("_name_or_path", None)
        if "dtype" in config:
            config["dtype"] = "float32"
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    # What is left at its default is left out: among it is an infinity, which is no JSON.
    scheduler = {"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": diffusers.__version__, **SCHEDULE}
    path = target / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(scheduler, indent=2, sort_keys=True) + "\n")
