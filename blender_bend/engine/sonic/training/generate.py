"""Pictures from sound on a stock Stable Diffusion pipeline, by themselves: the recipe in one place.

Films go through ``engine.sampling``; training uses this for its samples, editing for its frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import PIL.Image
import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from ...families import Family, family_of
from ...families.family import settled, takes_generator
from ..condition import Guidance, Hearing, in_window

#: What is put around the evaluation of a step.
Around = Callable[[int], AbstractContextManager[None]]


@torch.inference_mode()
def generate(
    pipeline: Any,
    hearing: Hearing,
    embedding: Tensor | None,
    *,
    prompt: str = "",
    negative: str = "",
    size: tuple[int, int] = (512, 512),
    steps: int = 50,
    guidance: Guidance = Guidance(7.5),  # noqa: B008 - it is frozen
    seed: int = 0,
    scale: float = 1.0,
    blocks: Mapping[str, float] | None = None,
    window: tuple[float, float] = (0.0, 1.0),
) -> PIL.Image.Image:
    """Make one picture.

    Parameters
    ----------
    embedding : CLAP's vector of the sound, shape (1024,) or (1, 1024); None stands for the tokens of no sound
    prompt, negative : either may be empty
    size : width and height in pixels
    scale, blocks : of the adapters, see ``AudioAdapters.listening``; with scale 0 the picture is the base model's own
    window : part of the steps in which the adapters act, as fractions
    """
    family = family_of(pipeline)
    generator = torch.Generator("cpu").manual_seed(seed)
    noise = randn_tensor(family.latent_shape(size), generator=generator, device=family.device, dtype=family.dtype)
    pipeline.scheduler.set_timesteps(steps, device=family.device)
    tokens = hearing.null if embedding is None else hearing.tokens(embedding.reshape(1, -1))

    def around(step: int) -> AbstractContextManager[None]:
        heard = in_window(step, steps, window)
        return hearing.rows(guidance.branches, tokens, scale if heard else 0.0, blocks)

    text = prompt_rows(family, prompt, negative, guidance)
    latents = denoise(family, noise * pipeline.scheduler.init_noise_sigma, text, guidance, size, around, generator)
    return family.decode(latents)


def prompt_rows(family: Family, prompt: str, negative: str, guidance: Guidance) -> Tensor:
    """The text of every branch, one below the other: shape (branches, 77, width)."""
    encoded = family.encode_prompt(prompt, negative, True)
    names = ["prompt_embeds" if branch.prompt else "negative_prompt_embeds" for branch in guidance.branches]
    return torch.cat([encoded[name] for name in names])


def denoise(
    family: Family,
    latents: Tensor,
    text: Tensor,
    guidance: Guidance,
    size: tuple[int, int],
    around: Around = lambda _: nullcontext(),
    generator: torch.Generator | None = None,
) -> Tensor:
    """All steps of the pipeline's scheduler, whose timesteps are set.

    Parameters
    ----------
    latents : shape (1, C, h, w), as noisy as the first timestep wants them
    text : a row for each branch of the guidance
    """
    scheduler = family.pipeline.scheduler
    extra: dict[str, Any] = dict(settled(scheduler.__class__))
    if takes_generator(scheduler.__class__):
        extra["generator"] = generator
    calls = len(scheduler.timesteps)
    steps = scheduler.num_inference_steps
    for call, timestep in enumerate(scheduler.timesteps):  # PNDM calls more often than there are steps
        x = scheduler.scale_model_input(latents, timestep).expand(len(text), -1, -1, -1)
        with around(call * steps // calls):
            predictions = family.predict(x, timestep, {"prompt_embeds": text}, guidance.text, size)
        prediction = guidance.combine(predictions.split(1))
        latents = scheduler.step(prediction, timestep, latents, **extra, return_dict=False)[0]
    return latents
