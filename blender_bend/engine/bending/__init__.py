"""Bending: the operators on tensors, and the hooks that put them at a site."""

from .apply import apply
from .bend import bend_tensor
from .rows import Place, Rows
from .stack import BendStack

__all__ = ["BendStack", "Place", "Rows", "apply", "bend_tensor"]
