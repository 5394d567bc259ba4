"""Bending: the operators on tensors, and the hooks that put them at a site."""

from .apply import apply
from .bend import bend_tensor
from .stack import BendStack

__all__ = ["BendStack", "apply", "bend_tensor"]
