"""The kinds of places where a bend can act; what lists them anywhere else reads them here."""

from __future__ import annotations

#: Tensors that pass between the parts of the model.
STATE_KINDS = ("noise", "latent", "prediction", "guidance", "text")
#: Networks that are asked at every step; a model has one of them.
DENOISERS = ("unet", "transformer")
#: Parts of the model; a path names the place within.
MODULE_KINDS = (*DENOISERS, "vae")
#: Weights: the path names the LoRA.
WEIGHT_KINDS = ("lora",)
KINDS = (*STATE_KINDS, *MODULE_KINDS, *WEIGHT_KINDS)
