"""From a picture back to the noise it could have come from, step by step, without sound and without guidance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler
from torch import Tensor

from ...core.errors import BendError, Code
from ..families import Family
from ..host.devices import upload


def ddim_of(family: Family, steps: int, inverse: bool = False, prediction: str | None = None) -> Any:
    """The deterministic scheduler of an inversion, or of the edit that follows it, with its timesteps set.

    ``prediction`` is what the network predicts, if that is not what the model's settings say.
    """
    kind = DDIMInverseScheduler if inverse else DDIMScheduler
    scheduler = kind.from_config(
        family.pipeline.scheduler.config,
        set_alpha_to_one=False,
        steps_offset=1,
        clip_sample=False,
        prediction_type=prediction or family.pipeline.scheduler.config.prediction_type,
    )
    scheduler.set_timesteps(steps, device=family.device)
    return scheduler


#: Of models that predict velocity: about so many steps at least, so many evaluations of each at most, and the mean
#: change of a latent below which a step is settled. On mini more of any of them changes no picture visibly.
_FINEST, _PASSES, _SETTLED = 24, 6, 0.01


@torch.inference_mode()
def invert(
    family: Family,
    latents: Tensor,
    steps: int = 50,
    size: tuple[int, int] = (512, 512),
    prompt: str = "",
    cancelled: Callable[[], bool] = lambda: False,
    prediction: str | None = None,
) -> dict[int, Tensor]:
    """The latent of a picture at every timestep, from 1 to 981 with 50 steps.

    Of models that predict noise it is the published one: at timestep t the UNet is asked at t about the latent of the
    timestep before, DDIM backwards, Song et al. 2021. A velocity that is asked for so belongs to neither of the two
    timesteps, and the way ends far from any noise that would lead back; so for these models each step is solved until
    the step forward from its end leads to its beginning, by fixed-point iteration (Pan et al. 2023, AIDI).

    Parameters
    ----------
    latents : of the picture, shape (1, C, h, w), see ``source_latents``
    size : width and height in pixels
    prompt : what the picture is said to show
    cancelled : asked before every evaluation of the UNet
    prediction : what the UNet predicts; None means what the model's settings say

    Returns
    -------
    by timestep, each of shape (1, C, h, w); 50 steps at 512 pixels are 3.3 MB

    Raises
    ------
    BendError(CANCELLED)
    """
    text = {"prompt_embeds": family.encode_prompt(prompt, "", False)["prompt_embeds"]}

    def ask(x: Tensor, timestep: Tensor) -> Tensor:
        if cancelled():
            raise BendError(Code.CANCELLED, "Canceled.")
        return family.predict(x, timestep, text, 1.0, size)

    scheduler = ddim_of(family, steps, prediction=prediction)
    if scheduler.config.prediction_type == "v_prediction":
        return dict(_solved(scheduler, latents, ask))
    scheduler = ddim_of(family, steps, inverse=True, prediction=prediction)
    found = {}
    for timestep, number in zip(scheduler.timesteps, scheduler.timesteps.tolist(), strict=True):
        latents = scheduler.step(ask(latents, timestep), timestep, latents, return_dict=False)[0]
        found[number] = latents
    return found


def _solved(
    scheduler: DDIMScheduler, latents: Tensor, ask: Callable[[Tensor, Tensor], Tensor]
) -> Iterator[tuple[int, Tensor]]:
    """The latent at each of the scheduler's timesteps, upwards; if they are few, by way of others between them.

    A DDIM step is a rotation: from x at the angle a down to b it leads to cos(a - b) x - sin(a - b) v, where the
    angle of a timestep has the cosine sqrt(alpha_cumprod) and v is the velocity at (x, a).
    """
    angles = scheduler.alphas_cumprod.double().sqrt().clamp(max=1).acos()
    timesteps = sorted(scheduler.timesteps.tolist())
    parts = max(round(_FINEST / len(timesteps)), 1)
    start = max(timesteps[0] - scheduler.config.num_train_timesteps // len(timesteps), 0)
    angle = scheduler.final_alpha_cumprod.double().sqrt().acos()
    for lower, upper in pairwise([start, *timesteps]):
        for timestep in np.linspace(lower, upper, parts + 1).round().astype(int)[1:]:
            turn = float(angles[timestep] - angle)
            x, moved, passes = latents, float("inf"), 0
            while moved > _SETTLED and passes < _PASSES:
                velocity = ask(x, upload(torch.as_tensor(timestep), latents.device))
                better = (latents + math.sin(turn) * velocity) / math.cos(turn)
                # The one number that is read from the device: whether to go on depends on it.
                moved, x, passes = float((better - x).abs().mean()), better, passes + 1
            latents, angle = x, angles[timestep]
        yield upper, latents


def cut(picture: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image:
    """The middle of a picture in the shape of ``size``, brought to it."""
    wanted, given = size[0] / size[1], picture.width / picture.height
    width, height = picture.size
    if given > wanted:
        width = round(height * wanted)
    else:
        height = round(width / wanted)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.resize(size, PIL.Image.Resampling.LANCZOS, (left, top, left + width, top + height))


def source_latents(family: Family, picture: PIL.Image.Image, size: tuple[int, int]) -> Tensor:
    """The latent of the middle of a picture, see ``cut``: shape (1, C, h, w)."""
    with torch.inference_mode():
        return family.encode_picture(cut(picture, size), size)
