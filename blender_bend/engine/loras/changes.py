"""The ways in which LoRA files write a change of a weight: low rank, LoHa, LoKr, in full, and DoRA over these.

The formulas are those of the papers, as kohya's scripts and LyCORIS save them. All is computed in float32: products of
small numbers vanish in 16 bit.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

#: A bend of weights: from shape (1, outputs, columns) to the same.
Bending = Callable[[Tensor], Tensor]


class Change(nn.Module):
    """What a LoRA adds to a tensor of a layer at strength 1.

    Its factors are parameters of its own, and it is called as a module: so they go where the layer goes, also where
    accelerate brings every layer to the device as it is called.
    """

    def forward(self, base: Tensor, bends: Sequence[Bending] = ()) -> Tensor:
        """The change of a weight, in float32 and in the weight's shape.

        Bends act on it as a matrix whose columns, one for each input, are the channels.
        """
        change = self.delta(base)
        if not bends:
            return change
        return bent(change.reshape(base.shape[0], -1), bends).reshape(base.shape)

    @abstractmethod
    def delta(self, base: Tensor) -> Tensor:
        """The change without bends."""


def bent(matrix: Tensor, bends: Sequence[Bending]) -> Tensor:
    """A matrix after some bends, one after the other."""
    rows = matrix.unsqueeze(0)
    for bend in bends:
        rows = bend(rows)
    return rows[0]


def _kept(tensor: Tensor) -> nn.Parameter:
    """A factor in memory of torch's own, contiguous, without a gradient."""
    return nn.Parameter(tensor.detach().clone(memory_format=torch.contiguous_format), requires_grad=False)


class LowRank(Change):
    """``scale * up @ down``; LoCon's convolutions are the same with their kernels laid flat.

    Parameters
    ----------
    up : shape (outputs, ranks)
    down : shape (ranks, inputs)
    """

    def __init__(self, up: Tensor, down: Tensor, scale: float) -> None:
        super().__init__()
        self.up, self.down, self.scale = _kept(up), _kept(down), scale

    def forward(self, base: Tensor, bends: Sequence[Bending] = ()) -> Tensor:
        """The change of a weight; bends act on ``up``, whose columns, one for each rank, are the channels."""
        up = bent(self.up.float(), bends)
        return (self.scale * (up @ self.down.float())).reshape(base.shape)

    def delta(self, base: Tensor) -> Tensor:
        """The change without bends."""
        return self.forward(base)


class Hadamard(Change):
    """LoHa: ``scale * (first_up @ first_down) * (second_up @ second_down)``, element by element."""

    def __init__(self, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], scale: float) -> None:
        super().__init__()
        (self.first_up, self.first_down), (self.second_up, self.second_down) = map(_kept, first), map(_kept, second)
        self.scale = scale

    def delta(self, base: Tensor) -> Tensor:
        """The change of a weight."""
        first = self.first_up.float() @ self.first_down.float()
        second = self.second_up.float() @ self.second_down.float()
        return (self.scale * first * second).reshape(base.shape)


class Kronecker(Change):
    """LoKr: ``scale * kron(first, second)``.

    Parameters
    ----------
    first : shape (a, b)
    second : shape (c, d) or, for convolutions, (c, d, height, width)
    """

    def __init__(self, first: Tensor, second: Tensor, scale: float) -> None:
        super().__init__()
        self.first, self.second, self.scale = _kept(first), _kept(second), scale

    def delta(self, base: Tensor) -> Tensor:
        """The change of a weight."""
        first, second = self.first.float(), self.second.float()
        first = first.reshape(*first.shape, *([1] * (second.ndim - first.ndim)))
        return (self.scale * torch.kron(first, second)).reshape(base.shape)


class Full(Change):
    """A change that is written in full, number by number."""

    def __init__(self, change: Tensor) -> None:
        super().__init__()
        self.change = _kept(change)

    def delta(self, base: Tensor) -> Tensor:
        """The change of a weight or a bias."""
        return self.change.float().reshape(base.shape)


class Dora(Change):
    """DoRA: the direction of ``base + change`` with lengths that were learned.

    Strength counts between the weight without and with it, as in ComfyUI.

    Parameters
    ----------
    magnitude : the lengths, one for each output, or one for each input as LyCORIS trains them by default
    by_output : which of the two
    """

    def __init__(self, change: Change, magnitude: Tensor, by_output: bool) -> None:
        super().__init__()
        self.inner, self.magnitude, self.by_output = change, _kept(magnitude.flatten()), by_output

    def delta(self, base: Tensor) -> Tensor:
        """The change of a weight."""
        weight = base.float()
        changed = weight + self.inner(base)
        axis = 0 if self.by_output else 1
        others = [number for number in range(base.ndim) if number != axis]
        length = torch.linalg.vector_norm(changed, dim=others, keepdim=True) + torch.finfo(torch.float32).eps
        return changed * (self.magnitude.float().reshape(length.shape) / length) - weight
