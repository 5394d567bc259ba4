"""Layers whose weights are changed by LoRA files, as long as they are wanted and as strongly.

A layer keeps its own weight; what it works with is computed whenever it is asked for, by torch's parametrizations. So
strengths and bends count at once, any number of files lie over each other, and taking all away leaves the same bits.
For pictures this costs less than a LoRA beside its layer: the product of the two factors is smaller than that of each
with every token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .changes import Bending, Change


@dataclass(eq=False)
class Loaded:
    """A LoRA file on one network.

    Parameters
    ----------
    name : as sites call it
    acts : whether it changes any layer of this network
    bends : what is done to it at the moment
    """

    name: str
    strength: float
    acts: bool = False
    bends: list[Bending] = field(default_factory=list)


_loaded: WeakKeyDictionary[nn.Module, list[Loaded]] = WeakKeyDictionary()


def loaded_on(network: nn.Module) -> list[Loaded]:
    """The LoRA files of a network, also those that change only other parts of its pipeline."""
    return _loaded.setdefault(network, [])


class Changed(nn.Module):
    """The changes of one tensor of a layer by all LoRA files."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = nn.ModuleList()
        self.sources: list[Loaded] = []

    def add(self, change: Change, source: Loaded) -> None:
        """Lay one more change over the others."""
        self.changes.append(change)
        self.sources.append(source)

    def forward(self, base: Tensor) -> Tensor:
        """The tensor that the layer works with; itself where nothing acts."""
        total: Tensor | None = None
        for change, source in zip(self.changes, self.sources, strict=True):
            if source.strength == 0:
                continue
            total = base.float() if total is None else total
            total = torch.add(total, change(base, source.bends), alpha=source.strength)
        if total is None:
            return base
        changed = total.to(base.dtype)
        if base.ndim == 4 and not base.is_contiguous():  # as load_pipeline orders half precision
            changed = changed.contiguous(memory_format=torch.channels_last)
        return changed


def original(layer: nn.Module, tensor: str) -> object:
    """A layer's ``weight`` or ``bias`` as it is without any LoRA; None if it has none."""
    if parametrize.is_parametrized(layer, tensor):
        parametrizations = layer.parametrizations
        assert isinstance(parametrizations, nn.ModuleDict)
        return parametrizations[tensor].original
    return getattr(layer, tensor, None)


def attach(layer: nn.Module, tensor: str, change: Change, source: Loaded) -> None:
    """Let a LoRA change the ``weight`` or ``bias`` of a layer from now on."""
    if not parametrize.is_parametrized(layer, tensor):
        parametrize.register_parametrization(layer, tensor, Changed(), unsafe=True)
    parametrizations = layer.parametrizations
    assert isinstance(parametrizations, nn.ModuleDict)
    changed = parametrizations[tensor][0]
    assert isinstance(changed, Changed)
    changed.add(change, source)
    source.acts = True
