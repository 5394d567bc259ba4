"""Stable Diffusion 3 and 3.5: a transformer over patches, trained by flow matching."""

from __future__ import annotations

from typing import Any

from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import calculate_shift
from torch import Tensor, nn

from ...core.errors import BendError, Code
from .family import Conditioning, Family, embeddings
from .shifting import set_shifted
from .text import LimitedEncoder, check_clip_skip

#: How many tokens of its T5 the pipeline of Stable Diffusion 3 takes.
T5_TOKENS = 256


def check_size(size: tuple[int, int], patch: int) -> None:
    """Refuse a picture that patches of so many pixels do not fill.

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    if size[0] % patch or size[1] % patch:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"This model can't make pictures of {size[0]} x {size[1]} pixels.",
            f"Choose a width and height that are multiples of {patch}.",
        )


class StableDiffusion3(Family, pipelines=("StableDiffusion3Pipeline",)):
    """Stable Diffusion 3."""

    rowed = ("prompt_embeds", "pooled_prompt_embeds")
    flow = True

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The transformer and the autoencoder."""
        return {"transformer": self.pipeline.transformer, "vae": self.pipeline.vae}

    def latent_shape(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The shape of one state's latent."""
        scale = self.pipeline.vae_scale_factor
        check_size(size, scale * self.pipeline.transformer.config.patch_size)
        return 1, self.pipeline.transformer.config.in_channels, size[1] // scale, size[0] // scale

    def encode_prompt(self, prompt: str, negative: str, guided: bool, clip_skip: int = 0) -> Conditioning:
        """The embeddings of a prompt."""
        check_clip_skip([self.pipeline.text_encoder, self.pipeline.text_encoder_2], clip_skip, 2)
        encoded = self.pipeline.encode_prompt(
            prompt=prompt,
            prompt_2=None,
            prompt_3=None,
            negative_prompt=(negative or None) if guided else None,
            device=self.device,
            do_classifier_free_guidance=guided,
            clip_skip=clip_skip or None,
            max_sequence_length=T5_TOKENS,
        )
        return embeddings(encoded)

    def limited_encoders(self) -> list[LimitedEncoder]:
        """CLIP, and T5 if it is there."""
        parts = self.pipeline
        clip = LimitedEncoder("CLIP", parts.tokenizer, parts.tokenizer_max_length)
        return [clip] if parts.text_encoder_3 is None else [clip, LimitedEncoder("T5", parts.tokenizer_3, T5_TOKENS)]

    def set_timesteps(self, scheduler: Any, steps: int, size: tuple[int, int]) -> None:
        """Prepare a scheduler; some shift their schedule with the size of the picture."""
        patch = self.pipeline.transformer.config.patch_size
        _, _, height, width = self.latent_shape(size)
        shift = calculate_shift(
            (height // patch) * (width // patch),
            scheduler.config.get("base_image_seq_len", 256),
            scheduler.config.get("max_image_seq_len", 4096),
            scheduler.config.get("base_shift", 0.5),
            scheduler.config.get("max_shift", 1.16),
        )
        set_shifted(scheduler, steps, self.device, shift)

    def predict(
        self, x: Tensor, timestep: Tensor, conditioning: Conditioning, guidance: float, size: tuple[int, int]
    ) -> Tensor:
        """Ask the transformer."""
        prediction: Tensor = self.pipeline.transformer(
            hidden_states=x,
            timestep=timestep.expand(x.shape[0]),
            encoder_hidden_states=conditioning["prompt_embeds"],
            pooled_projections=conditioning["pooled_prompt_embeds"],
            return_dict=False,
        )[0]
        return prediction

    def unscaled(self, latents: Tensor) -> Tensor:
        """Latents as the decoder takes them."""
        config = self.pipeline.vae.config
        return latents / config.scaling_factor + config.shift_factor

    def scaled(self, latents: Tensor) -> Tensor:
        """Latents of the encoder as the network takes them."""
        config = self.pipeline.vae.config
        return (latents - config.shift_factor) * config.scaling_factor
