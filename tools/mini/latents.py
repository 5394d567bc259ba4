"""The latents of all pictures, encoded once by the trained autoencoder and kept on disk."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny

from .arrays import save_array
from .autoencoder import as_tensor, encode, load_autoencoder
from .distributed import wait_for_all
from .pictures import TRAINING, Pictures
from .recipe import Recipe


def encode_all(rank: int, ranks: int, recipe: Recipe, folder: Path, size: int) -> None:
    """Encode what is missing; each rank takes its share of the shards.

    Parameters
    ----------
    size : rows of a latent; pictures are pooled to eight times that
    """
    pictures = Pictures(recipe, folder, TRAINING)
    autoencoder = load_autoencoder(folder)
    autoencoder.to(memory_format=torch.channels_last)
    target = _folder(folder, size)
    missing = [shard for shard in range(_shards(recipe, pictures, size)) if not (target / f"{shard:04d}.npy").exists()]
    began = time.monotonic()
    mine = missing[rank::ranks]
    for done, shard in enumerate(mine, 1):
        latents = _encode(autoencoder, pictures.shard(shard), recipe.picture // (8 * size))
        save_array(target / f"{shard:04d}.npy", latents)
        if rank == 0 and (done % 8 == 0 or done == len(mine)):
            left = (time.monotonic() - began) / done * (len(mine) - done)
            print(f"latents {size}: {done} of {len(mine)} shards, {left / 60:.1f} min left", flush=True)
    wait_for_all(ranks)


def load_all(recipe: Recipe, folder: Path, size: int) -> torch.Tensor:
    """All latents, float16, shape (pictures, 4, size, size), with a spread of about 1."""
    count = _shards(recipe, Pictures(recipe, folder, TRAINING), size)
    return torch.from_numpy(np.concatenate([np.load(_folder(folder, size) / f"{n:04d}.npy") for n in range(count)]))


def _shards(recipe: Recipe, pictures: Pictures, size: int) -> int:
    """How many shards are learnt from at a size."""
    most = recipe.pictures_32 // recipe.shard if size == recipe.latent else pictures.shard_count
    return min(most, pictures.shard_count)


def _folder(folder: Path, size: int) -> Path:
    """Where the latents are that this autoencoder made."""
    weights = (folder / "vae" / "diffusion_pytorch_model.safetensors").read_bytes()
    return folder / "latents" / f"{size}-{hashlib.sha256(weights).hexdigest()[:12]}"


@torch.no_grad()
def _encode(autoencoder: AutoencoderTiny, pictures: np.ndarray, pool: int) -> np.ndarray:
    found = []
    for picture in pictures:  # one at a time: larger batches are slower on a CPU
        x = as_tensor(picture[None])
        with torch.autocast("cpu", torch.bfloat16):
            found.append(encode(autoencoder, F.avg_pool2d(x, pool) if pool > 1 else x).float())
    return (torch.cat(found) * autoencoder.config.scaling_factor).half().contiguous().numpy()
