"""The models that the benchmarks run on: mini, and a UNet of Stable Diffusion's architecture with random weights."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

from blender_bend.core.models.references import MINI_PATH
from blender_bend.engine.loading import load_pipeline


def mini(dtype: torch.dtype) -> Any:
    """The bundled model, with the papers' sampler."""
    return load_pipeline(MINI_PATH, dtype, "cpu")


def small_unet(dtype: torch.dtype) -> Any:
    """Stable Diffusion's UNet at about 3.5 GFLOP for a latent of 32 x 32; text encoder and decoder are mini's."""
    torch.manual_seed(0)
    base = load_pipeline(MINI_PATH, torch.float32, "cpu")
    unet = UNet2DConditionModel(
        sample_size=32,
        block_out_channels=(48, 96, 192, 192),
        layers_per_block=2,
        cross_attention_dim=base.text_encoder.config.hidden_size,
        attention_head_dim=8,
        norm_num_groups=16,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False
    )
    pipeline = StableDiffusionPipeline(
        vae=base.vae,
        text_encoder=base.text_encoder,
        tokenizer=base.tokenizer,
        unet=unet.eval(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(dtype)
    if dtype != torch.float32:
        pipeline.unet.to(memory_format=torch.channels_last)
        pipeline.vae.to(memory_format=torch.channels_last)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
