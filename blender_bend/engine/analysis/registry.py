"""Which function measures which feature, and what of the shared spectrum it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...core.sound.features import Asked
from .sound import Sound

Function = Callable[[Sound, Asked], np.ndarray]


@dataclass(frozen=True)
class Measure:
    """How a feature is measured.

    Parameters
    ----------
    function : gives a float array, shape (frames,)
    needs : quantities of the spectrum, so that all features together walk through it once
    phase : what the artist is told meanwhile; empty for what takes no time
    """

    function: Function
    needs: Callable[[Asked], tuple[str, ...]]
    phase: str = ""


MEASURES: dict[str, Measure] = {}


def measures(
    *names: str, needs: tuple[str, ...] | Callable[[Asked], tuple[str, ...]] = (), phase: str = ""
) -> Callable[[Function], Function]:
    """Enter a function into the table under one or several names of features."""

    def enter(function: Function) -> Function:
        wanted = needs if callable(needs) else lambda asked: needs
        MEASURES.update({name: Measure(function, wanted, phase) for name in names})
        return function

    return enter
