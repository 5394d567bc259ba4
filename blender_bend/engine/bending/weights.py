"""Bending the weights of loaded LoRA files for the length of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from ...core.errors import BendError, Code
from ...core.sites import Site
from ..devices import upload


@contextmanager
def bent_loras(networks: dict[str, nn.Module], site: Site, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Bend LoRA weights, and put the old ones back.

    A LoRA adds ``scale * up @ down`` to a layer. The bend acts on ``up``, whose columns, one for each rank, are its
    channels: so Multiply is exactly the LoRA's strength in the network. (ComfyUI-Model-Bending bends the other
    matrix.) What a LoRA does to the reading of the prompt stays as it is.

    Parameters
    ----------
    site : ``lora:`` and the LoRA's name, with wildcards
    change : from shape (1, outputs, ranks) to the same

    Raises
    ------
    BendError(SITE_UNKNOWN) if no such LoRA is loaded
    """
    found = [layer for name, layer in _ups(networks) if site.fits(name)]
    if not found:
        loaded = sorted({f"lora:{name}" for name, _ in _ups(networks)})
        raise BendError(
            Code.SITE_UNKNOWN,
            f"No LoRA matches '{site}'.",
            f"Choose {' or '.join(loaded)}." if loaded else "Add the LoRA file to the strip first.",
        )
    old = [layer.weight.data for layer in found]
    try:
        for layer, weight in zip(found, old, strict=True):
            layer.weight.data = change(weight.flatten(1).unsqueeze(0))[0].reshape(weight.shape)
        yield
    finally:
        for layer, weight in zip(found, old, strict=True):
            # An offloaded network has come to the device in the meantime.
            layer.weight.data = upload(weight, layer.weight.device)


def _ups(networks: dict[str, nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """The name and the upper matrix of every LoRA on every layer."""
    for network in networks.values():
        for module in network.modules():
            yield from getattr(module, "lora_B", {}).items()
