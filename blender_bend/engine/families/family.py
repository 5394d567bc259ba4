"""What every family of models can do; the sampler knows no more of a model than this."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import PIL.Image
import torch
from torch import Tensor, nn

from ...core.errors import BendError, Code
from .text import LimitedEncoder, TextEncoder

#: A prompt as the network takes it: tensors of one row by name. ``negative_`` before a name is its unguided side.
Conditioning = dict[str, Tensor]

#: How many of the tensors that are alike at every step are kept; an animated guidance has one a frame.
_MOST_KEPT = 64


#: The families by the names of diffusers' classes that they take apart.
FAMILIES: dict[str, type[Family]] = {}


class Family(ABC):
    """One diffusers pipeline, taken apart.

    Latents are always pictures, ``[B, C, h, w]``, whatever the network takes. A family names its pipelines where it is
    defined: ``class Flux(Family, pipelines=("FluxPipeline",))``.

    Parameters
    ----------
    pipeline : a diffusers pipeline
    """

    #: Which tensors of a conditioning have a row for each state (others are shared by all rows).
    rowed: tuple[str, ...] = ("prompt_embeds",)
    #: Whether the model was trained by flow matching.
    flow = False
    #: Whether the prompt goes into it through a layer of CLIP that can be chosen.
    skips_layers = True

    def __init_subclass__(cls, pipelines: tuple[str, ...] = ()) -> None:
        super().__init_subclass__()
        FAMILIES.update(dict.fromkeys(pipelines, cls))

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self._kept: dict[Any, Tensor] = {}

    def kept(self, *key: Any, make: Callable[[], Tensor]) -> Tensor:
        """What the network is told alike at every step: made once, as ways to the device take time."""
        if key not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = make()
        return self._kept[key]

    @property
    @abstractmethod
    def networks(self) -> dict[str, nn.Module]:
        """The networks that can be bent, by the kind of their sites."""

    @property
    def denoiser(self) -> nn.Module:
        """The network that is asked at every step."""
        return next(iter(self.networks.values()))

    @property
    def readers(self) -> dict[str, nn.Module]:
        """The networks that read the prompt, by their names in the pipeline."""
        parts = self.pipeline.components.items()
        return {name: part for name, part in parts if name.startswith("text_encoder") and part is not None}

    @functools.cached_property
    def device(self) -> torch.device:
        """Where the pipeline computes, also when its weights wait elsewhere; diffusers looks through every layer."""
        return torch.device(self.pipeline._execution_device)

    @functools.cached_property
    def dtype(self) -> torch.dtype:
        """The number format of the latents."""
        dtype: torch.dtype = self.denoiser.dtype
        return dtype

    @abstractmethod
    def latent_shape(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The shape of one state's latent, ``(1, C, h, w)``, for a picture of width and height."""

    def is_guided(self, guidance: float) -> bool:
        """Whether the network is asked twice, with and without the prompt."""
        return guidance > 1

    @abstractmethod
    def encode_prompt(self, prompt: str, negative: str, guided: bool, clip_skip: int = 0) -> Conditioning:
        """The embeddings of a prompt, and of the negative prompt if guided, as the model's own pipeline makes them.

        Parameters
        ----------
        clip_skip : how many of CLIP's last layers are left out for the prompt

        Raises
        ------
        BendError(PARAMETER_INVALID) if CLIP has no more layers
        """

    def text_encoders(self, clip_skip: int = 0) -> list[TextEncoder]:
        """The encoders whose embeddings lie side by side, for models that take prompts of any length.

        Models that take a fixed number of tokens have none; ``limited_encoders`` tells how much they read.
        """
        return []

    def limited_encoders(self) -> list[LimitedEncoder]:
        """The encoders that cut long prompts, the one that reads least first."""
        return []

    @abstractmethod
    def set_timesteps(self, scheduler: Any, steps: int, size: tuple[int, int]) -> None:
        """Prepare a scheduler for so many steps, as the family's own pipeline does."""

    @abstractmethod
    def predict(
        self, x: Tensor, timestep: Tensor, conditioning: Conditioning, guidance: float, size: tuple[int, int]
    ) -> Tensor:
        """Ask the network.

        Parameters
        ----------
        x : scaled latents, shape (R, C, h, w)
        conditioning : R rows
        guidance : for models that take it as an input

        Returns
        -------
        prediction, shape (R, C, h, w)
        """

    def step(self, scheduler: Any, prediction: Tensor, timestep: Tensor, latents: Tensor, **told: Any) -> Tensor:
        """The latents after a step of a scheduler, one state alone."""
        stepped: Tensor = scheduler.step(prediction, timestep, latents, **told, return_dict=False)[0]
        return stepped

    def decode(self, latents: Tensor) -> PIL.Image.Image:
        """One latent as a picture.

        Raises
        ------
        BendError(NON_FINITE)
        """
        vae = self.pipeline.vae
        image = vae.decode(self.unscaled(latents), return_dict=False)[0]
        if not torch.isfinite(image).all():  # it would be shown as black
            raise BendError(
                Code.NON_FINITE,
                "The model produced numbers that are not finite, so there is no picture.",
                "Use 32 bit or bfloat16 in the preferences, or make the bends weaker.",
                "bend.open_preferences",
            )
        return self.pipeline.image_processor.postprocess(image, output_type="pil")[0]

    def unscaled(self, latents: Tensor) -> Tensor:
        """Latents as the decoder takes them."""
        return latents / self.pipeline.vae.config.scaling_factor

    def encode_picture(self, picture: PIL.Image.Image, size: tuple[int, int]) -> Tensor:
        """A picture as a latent: the middle of what the encoder says, so that it is the same every time."""
        pixels = self.pipeline.image_processor.preprocess(picture.convert("RGB"), height=size[1], width=size[0])
        vae = self.pipeline.vae
        encoded = vae.encode(pixels.to(device=self.device, dtype=vae.dtype))
        latents = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents
        return self.scaled(latents).to(self.dtype)

    def scaled(self, latents: Tensor) -> Tensor:
        """Latents of the encoder as the network takes them."""
        return latents * self.pipeline.vae.config.scaling_factor


def embeddings(encoded: Sequence[Tensor | None]) -> Conditioning:
    """What a pipeline's ``encode_prompt`` gives, by name; the older ones give no pooled embeddings."""
    names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    return {name: tensor for name, tensor in zip(names, encoded, strict=False) if tensor is not None}


@functools.cache
def takes_generator(scheduler: Any) -> bool:
    """Whether the step of a class of schedulers draws noise."""
    return "generator" in inspect.signature(scheduler.step).parameters


@functools.cache
def settled(scheduler: Any) -> dict[str, float]:
    """What the stock pipelines tell the step of a class of schedulers: no noise beyond that of its formula."""
    return {"eta": 0.0} if "eta" in inspect.signature(scheduler.step).parameters else {}
