"""Small random files with which a model hears, in the authors' layout; run in the engine's Python: FOLDER MODEL."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from blender_bend.core.models import file_fingerprint
from blender_bend.engine.sonic import checkpoints
from blender_bend.engine.sonic.adapters import AudioAdapters
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.projector import AudioProjector

EMBEDDING = 64


def make(folder: Path, model: Path) -> None:
    """Write adapters, projector and ear for a model's UNet; the gates are open, so that what is heard shows."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_pretrained(model / "unet")
    width = unet.config.cross_attention_dim
    adapters = AudioAdapters.for_unet(unet, width, gate=1.0)
    with torch.no_grad():
        for path in adapters.widths:
            adapters.adapter(path).attn_adapter.to_out[0].weight.mul_(4)
    projector = AudioProjector(embedding=EMBEDDING, tokens=77, width=width, inner=16)
    checkpoints.save_adapters(folder / "small.pt", adapters)
    checkpoints.save_projector(folder / "audio_projector_small.pth", projector)
    tower = AudioTower((16, 16, 16, 16, 16, 16), EMBEDDING)
    # Somewhat as in the trained one; without it every sound gives nearly the same vector.
    for module in tower.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            torch.nn.init.kaiming_normal_(module.weight)
    tower.base.bn0.running_mean.fill_(-40.0)
    tower.base.bn0.running_var.fill_(400.0)
    checkpoints.save_tower(folder / "clap.safetensors", tower)


def files_of(folder: Path) -> dict[str, str]:
    """The files as a job's ``Hearing`` names them."""
    paths = {"adapters": folder / "small.pt", "projector": folder / "audio_projector_small.pth"}
    prints = {f"{name}_fingerprint": file_fingerprint(path) for name, path in paths.items()}
    return {name: str(path) for name, path in paths.items()} | prints


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
