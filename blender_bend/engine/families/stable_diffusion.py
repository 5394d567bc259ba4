"""Stable Diffusion 1.x, 2.x and XL, with their Turbo and LCM kinds: a UNet with cross-attention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import PIL.Image
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import retrieve_timesteps
from torch import Tensor, nn

from ..host.devices import upload
from .family import Conditioning, Family, embeddings
from .text import TextEncoder, check_clip_skip


class StableDiffusion(Family, pipelines=("StableDiffusionPipeline", "LatentConsistencyModelPipeline")):
    """Stable Diffusion 1.x and 2.x, epsilon or v; mini; LCM models with a guidance embedding."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The UNet and the autoencoder."""
        return {"unet": self.pipeline.unet, "vae": self.pipeline.vae}

    def latent_shape(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The shape of one state's latent."""
        scale = self.pipeline.vae_scale_factor
        return 1, self.pipeline.unet.config.in_channels, size[1] // scale, size[0] // scale

    def is_guided(self, guidance: float) -> bool:
        """Guidance above 1, unless the model takes it as an input."""
        return guidance > 1 and self.pipeline.unet.config.time_cond_proj_dim is None

    #: Which layer of CLIP the model takes, counted from the end.
    clip_layer = 1

    def encode_prompt(self, prompt: str, negative: str, guided: bool, clip_skip: int = 0) -> Conditioning:
        """The embeddings of a prompt."""
        check_clip_skip([encoder.network for encoder in self.text_encoders()], clip_skip, self.clip_layer)
        encoded = self.pipeline.encode_prompt(
            prompt=prompt,
            negative_prompt=(negative or None) if guided else None,  # SDXL zeroes None, but encodes ""
            device=self.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=guided,
        )
        found = embeddings(encoded)
        return found | self.skipped(prompt, clip_skip) if clip_skip else found

    def skipped(self, prompt: str, clip_skip: int) -> Conditioning:
        """A prompt's embeddings by earlier layers, as diffusers means to: its own code fails with transformers 5."""
        sides = []
        for encoder in self.text_encoders(clip_skip):
            tokens = encoder.tokenizer(
                prompt, padding="max_length", max_length=encoder.length, truncation=True, return_tensors="pt"
            )
            sides.append(encoder(tokens.input_ids).last_hidden_state)
        return {"prompt_embeds": torch.cat(sides, dim=-1)}

    def text_encoders(self, clip_skip: int = 0) -> list[TextEncoder]:
        """CLIP, whose last layer is taken through its norm."""
        parts = self.pipeline
        if not clip_skip:
            return [TextEncoder(parts.tokenizer, parts.text_encoder, self.device)]
        return [TextEncoder(parts.tokenizer, parts.text_encoder, self.device, -1 - clip_skip, normed=True)]

    def set_timesteps(self, scheduler: Any, steps: int, size: tuple[int, int]) -> None:
        """Prepare a scheduler."""
        retrieve_timesteps(scheduler, steps, self.device)

    def predict(
        self, x: Tensor, timestep: Tensor, conditioning: Conditioning, guidance: float, size: tuple[int, int]
    ) -> Tensor:
        """Ask the UNet."""
        unet = self.pipeline.unet
        embedding = None
        if unet.config.time_cond_proj_dim is not None:
            embedding = self.kept(guidance, x.shape[0], x.device, x.dtype, make=lambda: self._embedded(guidance, x))
        prediction: Tensor = unet(
            x,
            timestep,
            encoder_hidden_states=conditioning["prompt_embeds"],
            timestep_cond=embedding,
            added_cond_kwargs=self.added(conditioning, size),
            return_dict=False,
        )[0]
        return prediction

    def _embedded(self, guidance: float, x: Tensor) -> Tensor:
        """The guidance as an input of the UNet, for every row."""
        embedded: Tensor = self.pipeline.get_guidance_scale_embedding(
            torch.tensor(guidance - 1).repeat(x.shape[0]), embedding_dim=self.pipeline.unet.config.time_cond_proj_dim
        )
        return upload(embedded, x.device).to(x.dtype)

    def added(self, conditioning: Conditioning, size: tuple[int, int]) -> dict[str, Tensor] | None:
        """What the UNet takes besides the prompt."""
        return None


class StableDiffusionXL(StableDiffusion, pipelines=("StableDiffusionXLPipeline",)):
    """Stable Diffusion XL, with pooled embeddings and sizes."""

    rowed = ("prompt_embeds", "pooled_prompt_embeds")
    clip_layer = 2

    def text_encoders(self, clip_skip: int = 0) -> list[TextEncoder]:
        """Both CLIP encoders, whose last layer but one is taken as it is."""
        parts = self.pipeline
        pairs = ((parts.tokenizer, parts.text_encoder), (parts.tokenizer_2, parts.text_encoder_2))
        return [TextEncoder(*pair, self.device, -2 - clip_skip) for pair in pairs if pair[1] is not None]

    def added(self, conditioning: Conditioning, size: tuple[int, int]) -> dict[str, Tensor] | None:
        """The pooled embeddings, and the picture's size as the original and the target one."""
        pooled = conditioning["pooled_prompt_embeds"]
        times = self.kept(size, pooled.shape, pooled.dtype, pooled.device, make=lambda: self._times(conditioning, size))
        return {"text_embeds": pooled, "time_ids": times}

    def _times(self, conditioning: Conditioning, size: tuple[int, int]) -> Tensor:
        """The sizes for every row."""
        pooled = conditioning["pooled_prompt_embeds"]
        height_width = (size[1], size[0])
        second = self.pipeline.text_encoder_2
        times: Tensor = self.pipeline._get_add_time_ids(
            height_width,
            (0, 0),
            height_width,
            dtype=conditioning["prompt_embeds"].dtype,
            text_encoder_projection_dim=int(pooled.shape[-1]) if second is None else second.config.projection_dim,
        )
        return upload(times, pooled.device).repeat(pooled.shape[0], 1)

    def decode(self, latents: Tensor) -> PIL.Image.Image:
        """One latent as a picture."""
        with self._lifted_autoencoder():
            return super().decode(latents.to(self.pipeline.vae.dtype))

    def encode_picture(self, picture: PIL.Image.Image, size: tuple[int, int]) -> Tensor:
        """A picture as a latent."""
        with self._lifted_autoencoder():
            return super().encode_picture(picture, size)

    @contextmanager
    def _lifted_autoencoder(self) -> Iterator[None]:
        """The published autoencoder overflows in float16; it works in float32 for as long as this lasts."""
        vae = self.pipeline.vae
        lifted = vae.dtype == torch.float16 and vae.config.force_upcast
        if lifted:
            vae.to(dtype=torch.float32)
        try:
            yield
        finally:
            if lifted:
                vae.to(dtype=torch.float16)

    def unscaled(self, latents: Tensor) -> Tensor:
        """Latents as the decoder takes them; some autoencoders state their statistics."""
        config = self.pipeline.vae.config
        mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is None or deviation is None:
            return super().unscaled(latents)
        return latents * _channels(deviation, latents) / config.scaling_factor + _channels(mean, latents)

    def scaled(self, latents: Tensor) -> Tensor:
        """Latents of the encoder as the network takes them."""
        config = self.pipeline.vae.config
        mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is None or deviation is None:
            return super().scaled(latents)
        return (latents - _channels(mean, latents)) * config.scaling_factor / _channels(deviation, latents)


def _channels(values: list[float], latents: Tensor) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1).to(latents.device, latents.dtype)
