"""LoRA files at work: what each changes in the weights of a layer, and the layers that they change."""

from .changes import Change, Dora, Full, Hadamard, Kronecker, LowRank
from .layers import Loaded, attach, loaded_on, original

__all__ = ["Change", "Dora", "Full", "Hadamard", "Kronecker", "Loaded", "LowRank", "attach", "loaded_on", "original"]
