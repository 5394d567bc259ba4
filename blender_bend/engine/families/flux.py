"""FLUX: a transformer over packed patches, with guidance as an input."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffusers.pipelines.flux.pipeline_flux import calculate_shift
from torch import Tensor

from .family import Conditioning
from .shifting import set_shifted
from .stable_diffusion_3 import StableDiffusion3, check_size
from .text import LimitedEncoder

#: How many tokens of its T5 the pipeline of FLUX takes.
T5_TOKENS = 512


class Flux(StableDiffusion3, pipelines=("FluxPipeline",)):
    """FLUX.1; its latents are kept as pictures and packed two by two on the way into the transformer."""

    skips_layers = False

    def latent_shape(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The shape of one state's latent."""
        pair = self.pipeline.vae_scale_factor * 2
        check_size(size, pair)
        channels = self.pipeline.transformer.config.in_channels // 4
        return 1, channels, 2 * (size[1] // pair), 2 * (size[0] // pair)

    def is_guided(self, guidance: float) -> bool:
        """Never asked twice."""
        return False

    def encode_prompt(self, prompt: str, negative: str, guided: bool, clip_skip: int = 0) -> Conditioning:
        """The embeddings of a prompt; FLUX knows no negative one, and takes no layer of CLIP but its summary."""
        embeddings, pooled, places = self.pipeline.encode_prompt(
            prompt=prompt, prompt_2=None, device=self.device, max_sequence_length=T5_TOKENS
        )
        return {"prompt_embeds": embeddings, "pooled_prompt_embeds": pooled, "text_ids": places}

    def limited_encoders(self) -> list[LimitedEncoder]:
        """CLIP, which sums the prompt up, and T5."""
        parts = self.pipeline
        return [
            LimitedEncoder("CLIP", parts.tokenizer, parts.tokenizer_max_length),
            LimitedEncoder("T5", parts.tokenizer_2, T5_TOKENS),
        ]

    def set_timesteps(self, scheduler: Any, steps: int, size: tuple[int, int]) -> None:
        """Prepare a scheduler; its schedule is shifted with the size of the picture."""
        _, _, height, width = self.latent_shape(size)
        shift = calculate_shift(
            (height // 2) * (width // 2),
            scheduler.config.get("base_image_seq_len", 256),
            scheduler.config.get("max_image_seq_len", 4096),
            scheduler.config.get("base_shift", 0.5),
            scheduler.config.get("max_shift", 1.15),
        )
        set_shifted(scheduler, steps, self.device, shift, sigmas=np.linspace(1.0, 1 / steps, steps))

    def predict(
        self, x: Tensor, timestep: Tensor, conditioning: Conditioning, guidance: float, size: tuple[int, int]
    ) -> Tensor:
        """Pack, ask the transformer, unpack."""
        rows, _, height, width = x.shape
        pipeline, transformer = self.pipeline, self.pipeline.transformer
        scale = None
        if transformer.config.guidance_embeds:
            scale = torch.full([1], guidance, device=x.device, dtype=torch.float32).expand(rows)
        prediction = transformer(
            hidden_states=self._packed(x),
            timestep=timestep.expand(rows).to(x.dtype) / 1000,
            guidance=scale,
            pooled_projections=conditioning["pooled_prompt_embeds"],
            encoder_hidden_states=conditioning["prompt_embeds"],
            txt_ids=conditioning["text_ids"],
            img_ids=self.kept(
                *(x.shape, x.device, x.dtype),
                make=lambda: pipeline._prepare_latent_image_ids(rows, height // 2, width // 2, x.device, x.dtype),
            ),
            joint_attention_kwargs={},
            return_dict=False,
        )[0]
        return self._unpacked(prediction, height, width)

    def step(self, scheduler: Any, prediction: Tensor, timestep: Tensor, latents: Tensor, **told: Any) -> Tensor:
        """The latents after a step; noise is drawn for packed ones, as by the stock pipeline."""
        stepped = super().step(scheduler, self._packed(prediction), timestep, self._packed(latents), **told)
        return self._unpacked(stepped, latents.shape[2], latents.shape[3])

    def _packed(self, x: Tensor) -> Tensor:
        packed: Tensor = self.pipeline._pack_latents(x, *x.shape)
        return packed

    def _unpacked(self, x: Tensor, height: int, width: int) -> Tensor:
        pixels = self.pipeline.vae_scale_factor
        unpacked: Tensor = self.pipeline._unpack_latents(x, height * pixels, width * pixels, pixels)
        return unpacked
