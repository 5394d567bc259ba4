"""The stock diffusers pipelines as the oracle: the schedulers as diffusers' documentation makes them, and plain calls.

Written by hand and apart from Bend's own table, which must say the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    FlowMatchLCMScheduler,
    FluxImg2ImgPipeline,
    HeunDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    StableDiffusion3Img2ImgPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionXLImg2ImgPipeline,
    TCDScheduler,
    UniPCMultistepScheduler,
)

from blender_bend.core.job.job import Job

#: The class of each sampler of UNet models, and what its documentation sets.
UNET_SAMPLERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ddim": (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}),
    "pndm": (PNDMScheduler, {"skip_prk_steps": True}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler_ancestral": (EulerAncestralDiscreteScheduler, {}),
    "heun": (HeunDiscreteScheduler, {}),
    "dpm": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "dpm_sde": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++", "solver_order": 2}),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
    "tcd": (TCDScheduler, {}),
}
_FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
FLOW_SAMPLERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "flow_euler": (FlowMatchEulerDiscreteScheduler, {}),
    "flow_heun": (FlowMatchHeunDiscreteScheduler, {}),
    "flow_dpm": (DPMSolverMultistepScheduler, {**_FLOW, "algorithm_type": "dpmsolver++", "solver_order": 2}),
    "flow_unipc": (UniPCMultistepScheduler, dict(_FLOW)),
    "flow_lcm": (FlowMatchLCMScheduler, {}),
}


def use(pipeline: Any, own: Any, name: str, generator: torch.Generator, **options: Any) -> None:
    """Give a pipeline a scheduler made from its own, as ``Class.from_config(pipeline.scheduler.config, …)``.

    Parameters
    ----------
    own : the scheduler that the model came with
    generator : for the noise of flow samplers, which the stock pipelines would draw without a seed
    options : settings of the class
    """
    kind, settings = (type(own), {}) if name == "own" else {**UNET_SAMPLERS, **FLOW_SAMPLERS}[name]
    if name in ("flow_dpm", "flow_unipc"):
        settings = {**settings, "flow_shift": own.config.shift}
    if name == "flow_heun" and own.config.use_dynamic_shifting:
        settings = {**settings, "shift": 1.0}
    scheduler = pipeline.scheduler = kind.from_config(own.config, **settings, **options)
    if name in FLOW_SAMPLERS:
        _adapt(scheduler, name, generator)


def _adapt(scheduler: Any, name: str, generator: torch.Generator) -> None:
    """Take what the stock pipelines of flow models hand to every scheduler but only FlowMatchEuler understands.

    The one of FLUX hands its own noise levels to all but those with ``use_flow_sigmas``; from a picture to these, too.
    """
    step, set_timesteps = scheduler.step, scheduler.set_timesteps
    if name == "flow_lcm":
        scheduler.step = lambda *given, **named: step(*given, **named, generator=generator)
    if not hasattr(scheduler, "scale_noise"):
        scheduler.scale_noise = lambda sample, timestep, noise: scheduler.add_noise(sample, noise, timestep)
    if name in ("flow_heun", "flow_dpm", "flow_unipc"):

        def forgiving(steps: Any = None, device: Any = None, sigmas: Any = None, mu: Any = None) -> None:
            dynamic = scheduler.config.get("use_dynamic_shifting", False)
            if name == "flow_heun" and dynamic and mu is not None:
                scheduler.register_to_config(shift=math.exp(mu))
            named = {"mu": mu} if name != "flow_heun" and dynamic and mu is not None else {}
            set_timesteps(len(sigmas) if steps is None else steps, device, **named)

        scheduler.set_timesteps = forgiving


def call(pipeline: Any, job: Job, generator: torch.Generator, **more: Any) -> np.ndarray:
    """What a stock pipeline makes of a job's first frame."""
    if isinstance(pipeline, FluxImg2ImgPipeline):  # it takes the number of calls for that of steps
        begin = type(pipeline).get_timesteps
        pipeline.get_timesteps = lambda steps, *rest: begin(pipeline, job.steps, *rest)
    ((prompt, _),) = job.frames[0].prompt
    asked = {"guidance_scale": job.guidance, "num_inference_steps": job.steps, "generator": generator, **more}
    if "image" not in more or "Flux" in type(pipeline).__name__ or "3" in type(pipeline).__name__:
        asked |= {"width": job.size[0], "height": job.size[1]}
    pipeline.set_progress_bar_config(disable=True)
    return np.asarray(pipeline(prompt, **asked).images[0])


IMAGE_TO_IMAGE = {
    "sd15": StableDiffusionImg2ImgPipeline,
    "slim": StableDiffusionImg2ImgPipeline,
    "sd21": StableDiffusionImg2ImgPipeline,
    "mini": StableDiffusionImg2ImgPipeline,
    "sdxl": StableDiffusionXLImg2ImgPipeline,
    "sd3": StableDiffusion3Img2ImgPipeline,
    "flux": FluxImg2ImgPipeline,
}


def image_to_image(kind: str, pipeline: Any) -> Any:
    """The stock image-to-image pipeline; it draws from what the encoder says, Bend takes its middle: here both do."""
    stock = IMAGE_TO_IMAGE[kind].from_pipe(pipeline)
    encode = stock.vae.encode

    def middle(pixels: torch.Tensor) -> Any:
        encoded = encode(pixels)
        encoded.latent_dist.sample = lambda generator=None: encoded.latent_dist.mode()
        return encoded

    stock.vae.encode = middle
    return stock


class OnePicture:
    """Inputs of one picture."""

    def __init__(self, size: tuple[int, int]) -> None:
        noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
        self.picture = PIL.Image.fromarray(noise)

    def source(self, frame: Any) -> PIL.Image.Image:
        """The same for all frames."""
        return self.picture

    def mask(self, digest: str) -> torch.Tensor:
        """None is asked for."""
        raise AssertionError

    def vector(self, digest: str, width: int | None = None) -> torch.Tensor:
        """None is asked for."""
        raise AssertionError


Load = Callable[..., Any]
