"""What every operator should give, written once more in numpy's float64, and the settings at which it is tried.

A module a family; each has ``FORMULAS``, functions of a picture [B, C, H, W] and the operator's arguments, and
``CASES``, some settings of each operator. What a case leaves out has its default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from blender_bend.core import catalogue

from . import channels, frequency, morphology, pointwise, spatial, statistics, stochastic

FAMILIES = (pointwise, channels, spatial, morphology, frequency, stochastic, statistics)
FORMULAS: dict[str, Callable[..., np.ndarray]] = {
    name: formula for family in FAMILIES for name, formula in family.FORMULAS.items()
}
CASES: dict[str, list[dict[str, Any]]] = {name: cases for family in FAMILIES for name, cases in family.CASES.items()}
EACH_CASE = [(name, case) for name, cases in CASES.items() for case in cases]


def expected(name: str, x: np.ndarray, case: dict[str, Any]) -> np.ndarray:
    """What an operator should make of a picture; numbers are rounded to float32 first, as the operator gets them."""
    described = catalogue.operator(name)
    settings: dict[str, Any] = {choice.name: choice.default for choice in described.choices}
    settings |= {parameter.name: parameter.default for parameter in described.parameters}
    settings |= case
    rounded = {k: v if isinstance(v, str) else float(np.float32(v)) for k, v in settings.items()}
    return FORMULAS[name](x.astype(np.float64), **rounded)
