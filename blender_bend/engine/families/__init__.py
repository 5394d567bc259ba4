"""The families of models: how each is asked for a prediction, and how its latents become a picture."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from ...core.errors import BendError, Code
from ...core.models import layouts
from .family import FAMILIES, Conditioning, Family

__all__ = ["FAMILIES", "Conditioning", "Family", "family_of"]

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)  # which enters its families


def family_of(pipeline: Any) -> Family:
    """The family of a diffusers pipeline.

    Raises
    ------
    BendError(MODEL_KIND) if Bend does not know this kind of model
    """
    kind = type(pipeline).__name__
    if kind not in FAMILIES:
        raise BendError(
            Code.MODEL_KIND,
            f"Bend doesn't support a {kind}.",
            f"Choose a model of one of these kinds: {layouts.labels()}.",
        )
    return FAMILIES[kind](pipeline)
