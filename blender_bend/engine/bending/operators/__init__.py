"""The operators as functions on tensors; what each is for stands in ``core.catalogue``.

Every function takes ``x`` of shape ``[B, C, H, W]``, or ``[B, C, N]`` for those without ``spatial`` in the catalogue,
and one parameter value per batch row; it returns a new tensor of the same shape and never changes ``x``. At a neutral
value ``apply`` does not call it.
"""

from . import channels, directions, frequency, morphology, pointwise, spatial, statistics, stochastic
from .registry import FUNCTIONS, Direction, Moment

__all__ = [
    "FUNCTIONS",
    "Direction",
    "Moment",
    "channels",
    "directions",
    "frequency",
    "morphology",
    "pointwise",
    "spatial",
    "statistics",
    "stochastic",
]
