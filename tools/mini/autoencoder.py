"""The autoencoder: pictures to latents of an eighth of the size with four channels, and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from torch import Tensor, nn

from . import grids
from .loop import Budget, Training, train
from .pictures import HELDOUT, TRAINING, Pictures, numbers_of_batch
from .recipe import Recipe

MAGNITUDE = 3.0  # the decoder squeezes latents into this range
GOOD_ENOUGH = 30.0  # dB on held-out pictures: an earlier autoencoder as good as this is kept as it is


def make_autoencoder(recipe: Recipe) -> AutoencoderTiny:
    """An untrained AutoencoderTiny of the recipe's widths and depths."""
    levels = len(recipe.encoder_blocks)
    return AutoencoderTiny(
        encoder_block_out_channels=(recipe.encoder_width,) * levels,
        decoder_block_out_channels=(recipe.decoder_width,) * levels,
        num_encoder_blocks=recipe.encoder_blocks,
        num_decoder_blocks=recipe.decoder_blocks,
        force_upcast=False,
        latent_channels=4,
        latent_magnitude=MAGNITUDE,
        scaling_factor=1.0,
    )


@torch.no_grad()
def start_from_colours(autoencoder: AutoencoderTiny, pictures: Tensor) -> None:
    """Set the weights so that latents begin as principal colours averaged over 8 by 8 pixels, decoded smoothly.

    Parameters
    ----------
    pictures : shape (B, 3, H, W), in 0 … 1
    """
    pooled = F.avg_pool2d(pictures, 8).permute(0, 2, 3, 1).reshape(-1, 3)
    mean = pooled.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(pooled.T))
    spread = values.clamp(min=1e-4).sqrt()
    to_latent = (vectors / spread).T * 0.84
    to_colour = vectors * spread / 0.84
    encoder, decoder = list(autoencoder.encoder.layers), list(autoencoder.decoder.layers)
    for block in [layer for layer in encoder + decoder if hasattr(layer, "fuse")]:
        block.conv[-1].weight.mul_(0.2)
        block.conv[-1].bias.zero_()
    convolutions = [layer for layer in encoder if isinstance(layer, nn.Conv2d)]
    for layer in convolutions[:-1]:
        layer.weight[:3] = 0.0
        for channel in range(3):
            if layer.stride == (2, 2):
                layer.weight[channel, channel, 1:, 1:] = 0.25
            else:
                layer.weight[channel, channel, 1, 1] = 1.0
                layer.bias[channel] = 0.0
    last = convolutions[-1]
    last.weight[:3] = 0.0
    last.weight[:3, :3, 1, 1] = to_latent
    last.bias[:3] = -to_latent @ mean
    last.weight[3] *= 6.0  # the fourth channel stays empty otherwise
    smooth = torch.tensor([0.25, 0.5, 0.25])
    smooth = smooth[:, None] * smooth[None]
    convolutions = [layer for layer in decoder if isinstance(layer, nn.Conv2d)]
    first, last = convolutions[0], convolutions[-1]
    first.weight[:6] = 0.0
    first.bias[:6] = 0.0
    for channel in range(3):  # a ReLU follows, so the two signs go separate ways
        first.weight[channel, channel, 1, 1] = 1.0
        first.weight[3 + channel, channel, 1, 1] = -1.0
    for layer in convolutions[1:-1]:
        layer.weight[:6] = 0.0
        for channel in range(6):
            layer.weight[channel, channel] = smooth
    last.weight.mul_(0.3)
    last.weight[:, :6] = 0.0
    last.weight[:, :3, 1, 1] = to_colour
    last.weight[:, 3:6, 1, 1] = -to_colour
    last.bias.copy_(mean)


def load_autoencoder(folder: Path) -> AutoencoderTiny:
    """The autoencoder of a pipeline's folder, in float32."""
    return AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=torch.float32)


def encode(autoencoder: AutoencoderTiny, pictures: Tensor) -> Tensor:
    """Unscaled latents of pictures in 0 … 1."""
    return autoencoder.encoder(pictures * 2 - 1)


def decode(autoencoder: AutoencoderTiny, latents: Tensor) -> Tensor:
    """Pictures, about 0 … 1, of unscaled latents."""
    return (autoencoder.decoder(latents) + 1) / 2


def as_tensor(pictures: np.ndarray) -> Tensor:
    """Pictures as the networks take them: (B, 3, H, W) in 0 … 1."""
    tensor = torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 255
    return tensor.contiguous(memory_format=torch.channels_last)


class AutoencoderLoss:
    """The loss of one batch: pictures given back, edges and spectrum kept, latents spread like white noise."""

    def __init__(
        self, autoencoder: AutoencoderTiny, pictures: Pictures, recipe: Recipe, metrics: dict[str, float]
    ) -> None:
        self.autoencoder, self.pictures, self.recipe, self.metrics = autoencoder, pictures, recipe, metrics

    def __call__(self, step: int, rank: int, ranks: int, random: np.random.Generator) -> Tensor:
        """The loss at a step."""
        recipe = self.recipe
        numbers = numbers_of_batch(len(self.pictures), recipe.seed, step, rank, ranks, recipe.autoencoder_batch)
        x = crops([self.pictures[int(number)] for number in numbers], recipe.picture // 2, random)
        with torch.autocast("cpu", torch.bfloat16):
            z = encode(self.autoencoder, x).float()
        loss = 0.4 * spread_loss(z)
        z = z + torch.randn_like(z) * float(random.uniform(0.0, 0.06))
        chance = random.random()
        if chance < 0.2:  # so that a flipped latent is the latent of the flipped picture
            axis = 2 + int(random.integers(2))
            z, x = z.flip(axis), x.flip(axis)
        elif chance < 0.24:
            z, x = F.avg_pool2d(z, 2), F.avg_pool2d(x, 2)
        with torch.autocast("cpu", torch.bfloat16):
            y = decode(self.autoencoder, z).float()
        self.metrics["psnr"] = float(-10 * torch.log10(F.mse_loss(y.detach().clamp(0, 1), x)))
        return loss + picture_loss(y, x)


def crops(pictures: list[np.ndarray], size: int, random: np.random.Generator) -> Tensor:
    """A batch: whole pictures at half size, or pieces at full size."""
    if random.random() < 0.4:
        return F.avg_pool2d(as_tensor(np.stack(pictures)), pictures[0].shape[0] // size)
    room = (pictures[0].shape[0] - size) // 8
    pieces = []
    for picture in pictures:
        top, left = (8 * int(random.integers(room + 1)) for _ in range(2))
        pieces.append(picture[top : top + size, left : left + size])
    return as_tensor(np.stack(pieces))


def spread_loss(z: Tensor) -> Tensor:
    """How far latents are from mean 0, and their channels from uncorrelated with spread 0.84."""
    flat = z.permute(1, 0, 2, 3).flatten(1) / 0.84
    mean = flat.mean(1)
    centred = flat - mean[:, None]
    covariance = centred @ centred.T / flat.shape[1]
    return (mean**2).mean() + (covariance - torch.eye(len(mean))).abs().mean()


def picture_loss(y: Tensor, x: Tensor) -> Tensor:
    """Difference of two batches of pictures in values, edges at three scales and spectrum."""
    loss = F.l1_loss(y, x)
    a, b = y, x
    for scale in range(3):
        edges = sum(F.l1_loss(a.diff(dim=axis), b.diff(dim=axis)) for axis in (2, 3))
        loss = loss + 0.5 / 3 * edges
        if scale < 2:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
            loss = loss + 0.125 * F.l1_loss(a, b)
    spectra = [torch.log(torch.fft.rfft2(picture.contiguous(), norm="ortho").abs() + 0.02) for picture in (y, x)]
    return loss + 0.03 * F.l1_loss(*spectra)


@torch.no_grad()
def psnr(autoencoder: AutoencoderTiny, pictures: np.ndarray) -> float:
    """Mean peak signal-to-noise ratio in dB of what the autoencoder gives back, over uint8 pictures, in float32."""
    ratios = []
    for picture in pictures:
        x = as_tensor(picture[None])
        y = decode(autoencoder, encode(autoencoder, x)).clamp(0, 1)
        ratios.append(-10 * np.log10(max(1e-10, float(F.mse_loss(y, x)))))
    return float(np.mean(ratios))


def train_autoencoder(rank: int, ranks: int, recipe: Recipe, folder: Path, budget: Budget, start: Path | None) -> None:
    """The stage: from principal colours, or from the weights of an earlier mini."""
    torch.manual_seed(recipe.seed)
    pictures, heldout = (Pictures(recipe, folder, part) for part in (TRAINING, HELDOUT))
    rate = recipe.autoencoder_rate
    if start is not None and psnr(load_autoencoder(start), heldout.shard(0)[:64]) >= GOOD_ENOUGH:
        if rank == 0:
            print(f"autoencoder: the one in {start} is kept", flush=True)
            shutil.copytree(start / "vae", folder / "vae", dirs_exist_ok=True)
        return
    if start is None:
        autoencoder = make_autoencoder(recipe)
        start_from_colours(autoencoder, as_tensor(np.stack([pictures[number] for number in range(32)])))
    else:
        autoencoder = load_autoencoder(start)
        rate *= 0.5
    autoencoder.to(memory_format=torch.channels_last)
    shown = heldout.shard(0)[:: max(1, recipe.shard // 24)]

    def sample(step: int, average: nn.Module) -> None:
        with torch.no_grad():
            rebuilt = [decode(average, encode(average, as_tensor(picture[None])))[0] for picture in shown]
        pairs = [tile for x, y in zip(shown, rebuilt, strict=True) for tile in (x, grids.as_picture(y))]
        grids.save(pairs, folder / "samples" / f"autoencoder-{step:06d}.png", columns=8)
        print(f"autoencoder: step {step}, {psnr(average, shown):.2f} dB on held-out pictures", flush=True)

    optimizer = torch.optim.AdamW(autoencoder.parameters(), lr=rate, weight_decay=0.0)
    optimizer.param_groups[0]["rate"] = rate
    metrics: dict[str, float] = {}
    training = Training(
        "autoencoder",
        autoencoder,
        [optimizer],
        AutoencoderLoss(autoencoder, pictures, recipe, metrics),
        recipe.autoencoder_batch,
        recipe.seed,
        recipe.warm_up,
        ema=0.995,
        sample=sample,
        metrics=metrics,
    )
    average = train(training, budget, folder, rank, ranks)
    if rank == 0:
        finish(average, heldout)
        average.save_pretrained(folder / "vae")


@torch.no_grad()
def finish(autoencoder: AutoencoderTiny, heldout: Pictures) -> None:
    """Write down the factor that gives latents a spread of 1."""
    latents = [encode(autoencoder, as_tensor(picture[None])) for picture in heldout.shard(0)[:64]]
    autoencoder.register_to_config(scaling_factor=1.0 / float(torch.stack(latents).std()))
