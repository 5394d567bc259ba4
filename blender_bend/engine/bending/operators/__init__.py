"""The operators as functions on tensors; what each is for stands in ``core.catalogue``.

Every function takes ``x`` of shape ``[B, C, H, W]``, or ``[B, C, N]`` for those without ``spatial`` in the catalogue,
and one parameter value per batch row; it returns a new tensor of the same shape and never changes ``x``. At a neutral
value ``apply`` does not call it. Half precision never comes here: ``apply`` and ``bend_tensor`` compute in float32.

Parameters are on the device of ``x``. Those that decide how the function computes are asked for on the host, see
``registry.operator``: no function reads a number of the device, which would have to finish all its work first.
"""

from . import channels, directions, frequency, morphology, pointwise, spatial, statistics, stochastic
from .registry import FUNCTIONS, ON_HOST, Direction, Moment

__all__ = [
    "FUNCTIONS",
    "ON_HOST",
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
