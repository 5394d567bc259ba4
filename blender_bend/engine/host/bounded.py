"""Memory of results that takes only so much room: what was not used for longest is forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from torch import Tensor

Value = TypeVar("Value")


class Bounded(Generic[Value]):
    """Results by what they were made from.

    Parameters
    ----------
    most : bytes that all of them may take; the last one stays, however large it is
    size_of : tells the bytes of one
    """

    def __init__(self, most: int, size_of: Callable[[Value], int]) -> None:
        self.most, self.bytes = most, 0
        self._size_of = size_of
        self._known: OrderedDict[Hashable, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """A result that is remembered, or made now."""
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        made = self._known[key] = make()
        self.bytes += self._size_of(made)
        while self.bytes > self.most and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self.bytes -= self._size_of(oldest)
        return made


def tensor_bytes(tensor: Tensor) -> int:
    """The bytes that a tensor keeps in memory, with those that it only shows a part of."""
    return tensor.untyped_storage().nbytes()


def tensors_bytes(tensors: Mapping[str, Tensor]) -> int:
    """The bytes of several tensors by name."""
    return sum(map(tensor_bytes, tensors.values()))
