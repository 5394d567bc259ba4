"""Bending the weights of loaded LoRA files for the length of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from ...core.bends.sites import Site
from ...core.errors import BendError, Code
from ..loras import loaded_on


@contextmanager
def bent_loras(networks: Mapping[str, nn.Module], site: Site, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Bend LoRA weights, and leave them as they were.

    A LoRA adds ``scale * up @ down`` to a layer. The bend acts on ``up``, whose columns, one for each rank, are its
    channels. (ComfyUI-Model-Bending bends the other matrix.) Of LoHa, LoKr, DoRA and changes in full, which have no
    such matrix, it bends the whole change of the weight; its columns are the layer's inputs. With either, Multiply is
    exactly the LoRA's strength.

    Parameters
    ----------
    networks : those to be bent
    site : ``lora:`` and the LoRA's name, with wildcards
    change : from shape (1, outputs, columns) to the same

    Raises
    ------
    BendError(SITE_UNKNOWN) if no such LoRA is loaded
    """
    loaded = [lora for network in networks.values() for lora in loaded_on(network)]
    found = [lora for lora in loaded if site.fits(lora.name)]
    if not found:
        names = sorted({f"lora:{lora.name}" for lora in loaded})
        raise BendError(
            Code.SITE_UNKNOWN,
            f"No LoRA matches '{site}'.",
            f"Choose {' or '.join(names)}." if names else "Add the LoRA file to the strip first.",
        )
    for lora in found:
        lora.bends.append(change)
    try:
        yield
    finally:
        for lora in found:
            lora.bends.pop()


def moves(networks: Iterable[nn.Module], site: Site) -> bool:
    """Whether a bend of LoRA weights changes any layer of some networks."""
    return any(lora.acts and site.fits(lora.name) for network in networks for lora in loaded_on(network))
