"""Small random sound adapters, also as files in the authors' layout.

Run by the engine's Python: FOLDER MODEL.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from blender_bend.core.models.references import file_fingerprint
from blender_bend.engine.sonic import checkpoints
from blender_bend.engine.sonic.adapters import AudioAdapters
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.condition import SoundConditioner
from blender_bend.engine.sonic.projector import AudioProjector

EMBEDDING = 64


def in_memory(
    unet: UNet2DConditionModel, embedding: int = 32, gate: float = 0.1, louder: float = 1.0
) -> SoundConditioner:
    """The same for a UNet that is there, smaller still, without files and without a tower.

    Parameters
    ----------
    embedding : length of the vectors of sounds
    gate, louder : how far the gates are open, and by how much more than usual the sound counts
    """
    torch.manual_seed(0)
    width = unet.config.cross_attention_dim
    projector = AudioProjector(embedding=embedding, tokens=7, width=width, inner=16, heads=2)
    return SoundConditioner(unet, projector.eval(), _louder(AudioAdapters.for_unet(unet, width, gate), louder).eval())


@torch.no_grad()
def _louder(adapters: AudioAdapters, by: float) -> AudioAdapters:
    for path in adapters.widths:
        adapters.adapter(path).attn_adapter.to_out[0].weight.mul_(by)
    return adapters


def make(folder: Path, model: Path) -> None:
    """Write adapters, projector and tower for a model's UNet; the gates are open, so that the sound shows."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_pretrained(model / "unet")
    width = unet.config.cross_attention_dim
    adapters = _louder(AudioAdapters.for_unet(unet, width, gate=1.0), 4)
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
    """The files as a job's ``SoundConditioner`` names them."""
    paths = {"adapters": folder / "small.pt", "projector": folder / "audio_projector_small.pth"}
    prints = {f"{name}_fingerprint": file_fingerprint(path) for name, path in paths.items()}
    return {name: str(path) for name, path in paths.items()} | prints


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
