"""From a picture back to the noise it could have come from, step by step, without sound and without guidance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import PIL.Image
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler
from torch import Tensor

from ...core.errors import BendError, Code
from ..families import Family


def ddim_of(family: Family, steps: int, inverse: bool = False) -> Any:
    """The deterministic scheduler of an inversion, or of the edit that follows it, with its timesteps set."""
    kind = DDIMInverseScheduler if inverse else DDIMScheduler
    scheduler = kind.from_config(
        family.pipeline.scheduler.config, set_alpha_to_one=False, steps_offset=1, clip_sample=False
    )
    scheduler.set_timesteps(steps, device=family.device)
    return scheduler


@torch.inference_mode()
def invert(
    family: Family,
    latents: Tensor,
    steps: int = 50,
    size: tuple[int, int] = (512, 512),
    prompt: str = "",
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[int, Tensor]:
    """The latent of a picture at every timestep, from 1 to 981 with 50 steps.

    At timestep t the UNet is asked at t about the latent of the timestep before: DDIM backwards, Song et al. 2021.

    Parameters
    ----------
    latents : of the picture, shape (1, C, h, w), see ``source_latents``
    size : width and height in pixels
    prompt : what the picture is said to show
    cancelled : asked before every step

    Returns
    -------
    by timestep, each of shape (1, C, h, w); 50 steps at 512 pixels are 3.3 MB

    Raises
    ------
    BendError(CANCELLED)
    """
    scheduler = ddim_of(family, steps, inverse=True)
    text = {"prompt_embeds": family.encode_prompt(prompt, "", False)["prompt_embeds"]}
    found = {}
    for timestep in scheduler.timesteps:
        if cancelled():
            raise BendError(Code.CANCELLED, "Cancelled.")
        prediction = family.predict(latents, timestep, text, 1.0, size)
        latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
        found[int(timestep)] = latents
    return found


def source_latents(family: Family, picture: PIL.Image.Image, size: tuple[int, int]) -> Tensor:
    """The latent of a picture, cut to the middle in the shape of ``size`` and brought to it: shape (1, C, h, w)."""
    wanted, given = size[0] / size[1], picture.width / picture.height
    width, height = picture.size
    if given > wanted:
        width = round(height * wanted)
    else:
        height = round(width / wanted)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    cut = picture.resize(size, PIL.Image.Resampling.LANCZOS, (left, top, left + width, top + height))
    with torch.inference_mode():
        return family.encode_picture(cut, size)
