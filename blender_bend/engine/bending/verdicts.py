"""Whether what bends made is finite: asked on the device at every step, and checked before a picture is kept."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.errors import BendError, Code
from ..host.devices import Answer


class Verdict:
    """Which bends of a step made numbers that are not finite.

    Parameters
    ----------
    sums : for every tensor that was bent the bend's name, and the sum of what it made before it was rounded: that is
        finite only if all of it is
    """

    def __init__(self, sums: list[tuple[str, Tensor]]) -> None:
        self._names = [name for name, _ in sums]
        self.answer = Answer(torch.stack([total for _, total in sums]))

    def check(self) -> None:
        """Wait for the answer.

        Raises
        ------
        BendError(NON_FINITE) with the name of the first such bend
        """
        for name, finite in zip(self._names, torch.isfinite(self.answer.read()).tolist(), strict=True):
            if not finite:
                raise BendError(
                    Code.NON_FINITE,
                    f"The bend '{name}' produced numbers that are not finite.",
                    "Lower its values or its mix, or restore the mean and deviation.",
                )


class Verdicts:
    """The verdicts that have not been checked.

    A verdict is checked one step late, when the device already has the next step to do: so it never runs idle. Where
    checking one means waiting for everything (MPS), all are checked together when a picture is done.
    """

    def __init__(self) -> None:
        self._waiting: list[Verdict] = []

    def add(self, verdict: Verdict | None) -> None:
        """Take what a step will have to say, and check those of the steps before.

        Raises
        ------
        BendError(NON_FINITE)
        """
        before, self._waiting = self._waiting, []
        late = [earlier for earlier in before if earlier.answer.stalls]
        for earlier in before:
            if not earlier.answer.stalls:
                earlier.check()
        self._waiting = late
        if verdict is None:
            return
        if verdict.answer.is_here:
            verdict.check()
        else:
            self._waiting.append(verdict)

    def check_all(self) -> None:
        """Check every verdict, before a picture is kept.

        Raises
        ------
        BendError(NON_FINITE)
        """
        waiting, self._waiting = self._waiting, []
        for verdict in waiting:
            verdict.check()

    def forget(self) -> None:
        """Drop the verdicts of work that was broken off."""
        self._waiting = []
