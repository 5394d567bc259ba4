"""Where a frame begins: the starting noise with its walk and its travel between seeds."""

from __future__ import annotations

import math

import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor
from torch.nn import functional

from ...core.job.resolved import Resolved
from ..families import Family
from ..prompts.encoder import slerp


def starting_noise(family: Family, frame: Resolved) -> tuple[Tensor, torch.Generator]:
    """The noise of a frame, of unit variance everywhere, and the generator for what a sampler draws after it.

    A seed travel of 1.25 lies a quarter of the way, on the great circle, from the noise of the next seed to that of the
    one after. The walk is ``sqrt(1 - a^2) n_0 + a (cos t n_1 + sin t n_2)``, after DAFx24's walk, which adds without
    the root; it goes round once as t goes from 0 to 2 pi, so that a whole turn ends where it began.
    """
    generator = torch.Generator("cpu").manual_seed(frame["seed"])
    whole = math.floor(frame["travel"])
    noise = _draw(family, frame, generator) if whole == 0 else _seeded(family, frame, whole)
    share = frame["travel"] - whole
    if whole:
        _draw(family, frame, generator)  # what is drawn later is the same for every seed travelled through
    if share:
        flat = noise.flatten(), _seeded(family, frame, whole + 1).flatten()
        noise = slerp(*flat, share).reshape(noise.shape)
    if frame["walk"] is not None:
        amount, turn = frame["walk"]
        walking = torch.Generator("cpu").manual_seed((frame["seed"] + 0x5EED) % 2**63)
        one, two = (_draw(family, frame, walking) for _ in range(2))
        angle = math.tau * turn
        noise = math.sqrt(1 - amount**2) * noise + amount * (math.cos(angle) * one + math.sin(angle) * two)
    return noise, generator


def _seeded(family: Family, frame: Resolved, offset: int) -> Tensor:
    return _draw(family, frame, torch.Generator("cpu").manual_seed((frame["seed"] + offset) % 2**63))


def _draw(family: Family, frame: Resolved, generator: torch.Generator) -> Tensor:
    shape = family.latent_shape(frame.get("draft", frame["size"]))
    noise = randn_tensor(shape, generator=generator, device=family.device, dtype=family.dtype)
    wanted = family.latent_shape(frame["size"])
    return noise if shape == wanted else _reduced(noise, wanted)


def _reduced(noise: Tensor, wanted: tuple[int, ...]) -> Tensor:
    """The noise of a picture for a draft of half its size: the mean of each four cells, of unit variance again.

    Where the halves were rounded up, the noise is continued by its other side.
    """
    right, below = 2 * wanted[-1] - noise.shape[-1], 2 * wanted[-2] - noise.shape[-2]
    whole = functional.pad(noise.float(), (0, right, 0, below), mode="circular")
    return (functional.avg_pool2d(whole, 2) * 2).to(noise.dtype)
