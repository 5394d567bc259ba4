"""From a resolved frame to its picture: noise, denoising with the bends in place, decoding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL.Image import Image
from torch import Tensor

from ..core.errors import BendError, Code
from .bending import BendStack
from .conditioning import PromptEncoder


class Sampler:
    """Renders resolved frames on one pipeline.

    Without active bends a frame is bit-equal to what the plain pipeline makes with the same seed: it is the same
    pipeline, called the same way.

    Parameters
    ----------
    pipeline : a StableDiffusionPipeline or StableDiffusionXLPipeline
    """

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.prompts = PromptEncoder(pipeline)

    @torch.inference_mode()
    def render(self, frame: dict[str, Any], cancelled: Callable[[], bool] = lambda: False) -> Image:
        """Make the picture of a frame.

        Parameters
        ----------
        frame : what ``Job.resolve`` gives
        cancelled : asked before every denoising step

        Raises
        ------
        BendError(CANCELLED), and the errors of bends
        """
        stack = BendStack(frame["bends"], frame["seed"])
        steps, guidance = frame["steps"], frame["guidance"]
        generator = torch.Generator("cpu").manual_seed(frame["seed"])
        latents = stack.bend_state("noise", self._noise(frame, generator))
        first = stack.bend_state("latent", latents)

        def after_step(pipeline: Any, step: int, timestep: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
            _stop_if(cancelled)
            # PNDM and Heun call the network more often than there are steps.
            now = (step + 1) * steps // pipeline.num_timesteps
            if now == stack.step:
                return {}
            stack.step = now
            return {"latents": stack.bend_state("latent", state["latents"])}

        _stop_if(cancelled)
        with stack.hooked({"unet": self.pipeline.unet}, steps):
            return self.pipeline(
                **self.prompts.encode(frame["prompt"], frame["negative"], guided=guidance > 1),
                latents=first,
                width=frame["size"][0],
                height=frame["size"][1],
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=generator,
                callback_on_step_end=after_step,
            ).images[0]

    def _noise(self, frame: dict[str, Any], generator: torch.Generator) -> Tensor:
        """The starting noise with its walk, of unit variance everywhere on the circle.

        ``n = sqrt(1 - a^2) n_0 + a (cos t n_1 + sin t n_2)``, after DAFx24's walk, which adds without the root.
        """
        pipeline = self.pipeline
        scale = pipeline.vae_scale_factor
        shape = (1, pipeline.unet.config.in_channels, frame["size"][1] // scale, frame["size"][0] // scale)
        device, dtype = pipeline._execution_device, pipeline.unet.dtype
        noise = randn_tensor(shape, generator=generator, device=device, dtype=dtype)
        if frame["walk"] is None:
            return noise
        amount, turn = frame["walk"]
        walking = torch.Generator("cpu").manual_seed((frame["seed"] + 0x5EED) % 2**63)
        one, two = (randn_tensor(shape, generator=walking, device=device, dtype=dtype) for _ in range(2))
        angle = math.tau * turn
        return math.sqrt(1 - amount**2) * noise + amount * (math.cos(angle) * one + math.sin(angle) * two)


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise BendError(Code.CANCELLED, "Cancelled.")
