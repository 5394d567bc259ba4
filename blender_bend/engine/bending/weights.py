"""Bending the weights of loaded LoRA files for the length of a step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ...core.errors import BendError, Code
from ...core.sites import Site


@contextmanager
def bent_loras(networks: dict[str, nn.Module], site: Site, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Bend LoRA weights, and put the old ones back.

    A LoRA adds ``scale * up @ down`` to a layer. The bend acts on ``up``, whose columns, one for each rank, are its
    channels: so Multiply is exactly the LoRA's strength. (ComfyUI-Model-Bending bends the other matrix.)

    Parameters
    ----------
    site : ``lora:`` and the LoRA's name, with wildcards
    change : from shape (1, outputs, ranks) to the same

    Raises
    ------
    BendError(SITE_UNKNOWN) if no such LoRA is loaded; BendError(NON_FINITE)
    """
    found = list(_ups(networks, site))
    if not found:
        raise BendError(
            Code.SITE_UNKNOWN,
            f"No LoRA matches '{site}'.",
            "Add the LoRA file to the strip first; lora:* bends all of them.",
        )
    old = [layer.weight.data for layer in found]
    try:
        for layer, weight in zip(found, old, strict=True):
            bent = change(weight.flatten(1).unsqueeze(0))[0].reshape(weight.shape)
            if not bool(torch.isfinite(bent.sum(dtype=torch.float32))):
                raise BendError(
                    Code.NON_FINITE, f"A bend of '{site}' made numbers that are not finite.", "Lower its values."
                )
            layer.weight.data = bent
        yield
    finally:
        for layer, weight in zip(found, old, strict=True):
            layer.weight.data = weight


def _ups(networks: dict[str, nn.Module], site: Site) -> Iterator[nn.Module]:
    expression = re.compile(re.escape(site.pattern).replace(r"\*", ".*"))
    for network in networks.values():
        for module in network.modules():
            for name, layer in getattr(module, "lora_B", {}).items():
                if expression.fullmatch(name):
                    yield layer
