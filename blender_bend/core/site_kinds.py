"""The kinds of places where a bend can act; what lists them anywhere else reads them here."""

from __future__ import annotations

from enum import StrEnum


class SiteKind(StrEnum):
    """What a site's name begins with."""

    NOISE = "noise"
    LATENT = "latent"
    PREDICTION = "prediction"
    GUIDANCE = "guidance"
    TEXT = "text"
    UNET = "unet"
    TRANSFORMER = "transformer"
    VAE = "vae"
    LORA = "lora"


#: Tensors that pass between the parts of the model.
STATE_KINDS = (SiteKind.NOISE, SiteKind.LATENT, SiteKind.PREDICTION, SiteKind.GUIDANCE, SiteKind.TEXT)
#: Networks that are asked at every step; a model has one of them.
DENOISERS = (SiteKind.UNET, SiteKind.TRANSFORMER)
#: Parts of the model; a path names the place within.
MODULE_KINDS = (*DENOISERS, SiteKind.VAE)
#: Weights: the path names the LoRA.
WEIGHT_KINDS = (SiteKind.LORA,)
KINDS = tuple(SiteKind)
