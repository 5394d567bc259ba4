"""The denoiser: a CLIP text encoder and a UNet of three levels, trained together on latents and fresh captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderTiny,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from blender_bend.engine.scenes import PALETTES, SCENES

from . import captions, checkpoints, grids
from .autoencoder import load_autoencoder
from .captions import Attributes
from .distributed import wait_for_all
from .latents import encode_all, load_all
from .loop import Budget, Training, train
from .muon import Muon
from .pictures import TRAINING, attributes, numbers_of_batch
from .recipe import Recipe
from .tokenizer import tokenizer_of

SHIFT = {16: 1.8, 32: 2.2}  # how much more often noisy timesteps are drawn
SCHEDULE: dict[str, Any] = {
    "algorithm_type": "dpmsolver++",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "solver_order": 2,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
}


class Denoiser(nn.Module):
    """A UNet with the text encoder that conditions it."""

    def __init__(self, unet: UNet2DConditionModel, text_encoder: CLIPTextModel) -> None:
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder

    def forward(self, x: Tensor, timestep: Tensor, tokens: Tensor) -> Tensor:
        """The predicted v of noisy latents."""
        words = self.text_encoder(tokens).last_hidden_state
        return self.unet(x, timestep, encoder_hidden_states=words).sample


def make_denoiser(recipe: Recipe, tokenizer: CLIPTokenizer) -> Denoiser:
    """An untrained denoiser. No deep block starts at zero, so that the mid block is used from the first step."""
    unet = UNet2DConditionModel(
        sample_size=recipe.latent,
        in_channels=4,
        out_channels=4,
        block_out_channels=recipe.channels,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=recipe.text_width,
        attention_head_dim=recipe.heads,
        norm_num_groups=recipe.groups,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=recipe.heads,
    )
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if name.endswith("conv2.weight"):
                parameter.mul_(0.5)
            elif name.endswith("proj_out.weight"):
                parameter.mul_(0.7)
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe.text_width,
            intermediate_size=4 * recipe.text_width,
            projection_dim=recipe.text_width,
            num_hidden_layers=recipe.text_layers,
            num_attention_heads=recipe.heads,
            max_position_embeddings=recipe.text_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return Denoiser(unet, text_encoder)


@torch.no_grad()
def start_from(denoiser: Denoiser, tokenizer: CLIPTokenizer, start: Path) -> None:
    """Take over the weights of an earlier mini of the same sizes; a new word starts as the mean of its old parts."""
    denoiser.unet.load_state_dict(UNet2DConditionModel.from_pretrained(start, subfolder="unet").float().state_dict())
    old_tokenizer = CLIPTokenizer.from_pretrained(start / "tokenizer")
    old = CLIPTextModel.from_pretrained(start, subfolder="text_encoder").float().state_dict()
    table = next(name for name in old if name.endswith("token_embedding.weight"))
    known = old_tokenizer.get_vocab()
    rows = []
    for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        if token in known:
            rows.append(old[table][known[token]])
        else:
            parts = old_tokenizer(token.removesuffix("</w>"), add_special_tokens=False).input_ids
            rows.append(old[table][parts].mean(0) if parts else old[table].mean(0))
    old[table] = torch.stack(rows)
    denoiser.text_encoder.load_state_dict(old)


class DenoiserLoss:
    """The mean squared error of v, with timesteps spread evenly over a batch."""

    def __init__(
        self, denoiser: Denoiser, tokenizer: CLIPTokenizer, latents: Tensor, recipe: Recipe, batch: int
    ) -> None:
        self.denoiser, self.tokenizer, self.latents, self.recipe, self.batch = (
            denoiser,
            tokenizer,
            latents,
            recipe,
            batch,
        )
        self.shift = SHIFT.get(latents.shape[-1], SHIFT[16])
        self.kept = DPMSolverMultistepScheduler(**SCHEDULE).alphas_cumprod.float()

    def __call__(self, step: int, rank: int, ranks: int, random: np.random.Generator) -> Tensor:
        """The loss at a step."""
        numbers = numbers_of_batch(len(self.latents), self.recipe.seed, step, rank, ranks, self.batch)
        x = self.latents[torch.from_numpy(numbers)].float()
        flips = torch.from_numpy(random.random(len(x)) < 0.5)
        x = torch.where(flips[:, None, None, None], x.flip(3), x)
        texts = [captions.caption(attributes(self.recipe, TRAINING, int(number)), random) for number in numbers]
        noise = torch.from_numpy(random.standard_normal(x.shape, np.float32))
        timesteps = self.timesteps(len(x), random)
        kept = self.kept[timesteps][:, None, None, None]
        noisy = kept.sqrt() * x + (1 - kept).sqrt() * noise
        target = kept.sqrt() * noise - (1 - kept).sqrt() * x
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            found = self.denoiser(noisy, timesteps, tokens_of(self.tokenizer, texts))
        return nn.functional.mse_loss(found.float(), target)

    def timesteps(self, count: int, random: np.random.Generator) -> Tensor:
        """One timestep from each of ``count`` equal parts of the (shifted) schedule, in random order."""
        even = (random.permutation(count) + random.random(count)) / count
        shifted = self.shift * even / (1 + (self.shift - 1) * even)
        return torch.from_numpy(np.minimum(shifted * len(self.kept), len(self.kept) - 1).astype(np.int64))


def tokens_of(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token numbers as the Stable Diffusion pipeline makes them, padded to full length."""
    return tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids


def optimizers_of(denoiser: Denoiser, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for the tables, biases, norms and the two ends."""
    hidden, others = [], []
    for name, parameter in denoiser.named_parameters():
        ends = ("conv_in.", "conv_out.", "embedding.weight")
        (others if parameter.ndim < 2 or any(end in name for end in ends) else hidden).append(parameter)
    adamw = torch.optim.AdamW(others, lr=rate / 2, betas=(0.9, 0.99), weight_decay=0.0)
    adamw.param_groups[0]["rate"] = rate / 2
    return [Muon(hidden, rate), adamw]


def assemble(denoiser: nn.Module, tokenizer: CLIPTokenizer, autoencoder: AutoencoderTiny) -> StableDiffusionPipeline:
    """The Stable Diffusion pipeline of the parts."""
    pipeline = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=denoiser.text_encoder,
        tokenizer=tokenizer,
        unet=denoiser.unet,
        scheduler=DPMSolverMultistepScheduler(**SCHEDULE),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def train_denoiser(
    rank: int, ranks: int, recipe: Recipe, folder: Path, budget: Budget, size: int, start: Path | None
) -> None:
    """The stage at one size of latents; the larger one begins with the weights of the smaller one."""
    encode_all(rank, ranks, recipe, folder, size)
    torch.manual_seed(recipe.seed)
    if rank == 0:
        tokenizer_of(folder, recipe.text_length)
    wait_for_all(ranks)
    tokenizer = tokenizer_of(folder, recipe.text_length)
    denoiser = make_denoiser(recipe, tokenizer)
    smaller = folder / "denoiser16.pt"
    if size * 8 == recipe.picture and smaller.exists():
        denoiser.load_state_dict(checkpoints.load(smaller)["average"])
    elif start is not None:
        start_from(denoiser, tokenizer, start)
    denoiser.unet.to(memory_format=torch.channels_last)
    denoiser.unet.set_attn_processor(AttnProcessor())
    first = size * 8 < recipe.picture
    batch, rate = (recipe.batch_16, recipe.rate_16) if first else (recipe.batch_32, recipe.rate_32)
    autoencoder = load_autoencoder(folder)
    name = "denoiser16" if first else "denoiser32"

    def sample(step: int, average: nn.Module) -> None:
        pipeline = assemble(average, tokenizer, autoencoder)
        tiles = draw(pipeline, sample_prompts(), size * 8, recipe.gate_steps, recipe.guidance, seed=1)
        grids.save(tiles, folder / "samples" / f"{name}-{step:06d}.png", columns=8)

    training = Training(
        name,
        denoiser,
        optimizers_of(denoiser, rate),
        DenoiserLoss(denoiser, tokenizer, load_all(recipe, folder, size), recipe, batch),
        batch,
        recipe.seed,
        recipe.warm_up if first else recipe.warm_up_32,
        ema=recipe.ema,
        sample=sample,
    )
    train(training, budget, folder, rank, ranks)


def sample_prompts() -> list[str]:
    """A plain prompt of every scene, each with another palette."""
    palettes = list(PALETTES)
    return [captions.plain(Attributes(scene, palettes[n * 5 % len(palettes)])) for n, scene in enumerate(SCENES)]


@torch.no_grad()
def draw(
    pipeline: StableDiffusionPipeline,
    prompts: list[str],
    size: int,
    steps: int,
    guidance: float,
    seed: int,
    batch: int = 8,
    **more: Any,
) -> list[np.ndarray]:
    """Pictures of prompts, each from a noise of its own that is the same for any batch size.

    Returns
    -------
    uint8 arrays, shape (size, size, 3)
    """
    tiles: list[np.ndarray] = []
    for first in range(0, len(prompts), batch):
        part = prompts[first : first + batch]
        generators = [torch.Generator().manual_seed(seed * 100_003 + first + n) for n in range(len(part))]
        with torch.autocast("cpu", torch.bfloat16):
            found = pipeline(
                part,
                height=size,
                width=size,
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=generators,
                output_type="np",
                **more,
            ).images
        tiles += [np.round(picture * 255).astype(np.uint8) for picture in np.asarray(found, np.float32)]
    return tiles
