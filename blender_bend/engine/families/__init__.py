"""The families of models: how each is asked for a prediction, and how its latents become a picture."""

from __future__ import annotations

from typing import Any

from ...core.errors import BendError, Code
from ...core.models import layouts
from .family import Conditioning, Family
from .flux import Flux
from .stable_diffusion import StableDiffusion, StableDiffusionXL
from .stable_diffusion_3 import StableDiffusion3

__all__ = ["Conditioning", "Family", "family_of"]

_FAMILIES: dict[str, type[Family]] = {
    "StableDiffusionPipeline": StableDiffusion,
    "LatentConsistencyModelPipeline": StableDiffusion,
    "StableDiffusionXLPipeline": StableDiffusionXL,
    "StableDiffusion3Pipeline": StableDiffusion3,
    "FluxPipeline": Flux,
}


def family_of(pipeline: Any) -> Family:
    """The family of a diffusers pipeline.

    Raises
    ------
    BendError(MODEL_KIND) if Bend does not know this kind of model
    """
    kind = type(pipeline).__name__
    if kind not in _FAMILIES:
        raise BendError(
            Code.MODEL_KIND,
            f"Bend doesn't support a {kind}.",
            f"Choose a model of one of these kinds: {layouts.labels()}.",
        )
    return _FAMILIES[kind](pipeline)
