"""The windows of the sound that condition the frames of a strip: where they lie, and what each frame has of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..timebase import FrameRate

if TYPE_CHECKING:
    from ..prompts.schedule import Blend

#: CLAP takes ten seconds at once.
LONGEST = 10.0


@dataclass(frozen=True)
class Windows:
    """The windows of the sound that condition the frames of a strip.

    Parameters
    ----------
    rate : frames per second
    step : seconds from one window to the next; up to the length of a frame, every frame has a window of its own
    blended : whether a frame between the middles of two windows has both by their shares, or one is held
    """

    rate: FrameRate
    step: float = 0.0
    blended: bool = False

    @functools.cached_property
    def _step(self) -> Fraction:
        return max(Fraction(round(self.step * 1_000_000), 1_000_000), 1 / self.rate.value)

    @functools.cached_property
    def _frames(self) -> Fraction:
        """How many frames a step is."""
        return self._step * self.rate.value

    def centre(self, number: int) -> Fraction:
        """Seconds from the start of the strip's first frame to the middle of a window."""
        return self._step * (number + Fraction(1, 2))

    def shares(self, frame: int) -> list[tuple[int, float]]:
        """The windows of a frame, by number, and their shares.

        Parameters
        ----------
        frame : counted from the strip's first
        """
        twice = (2 * frame + 1) / self._frames  # twice the place of the frame's middle, in windows
        if not self.blended:
            return [(math.floor(twice / 2), 1.0)]
        before, rest = divmod(twice - 1, 2)
        share = float(rest / 2)
        return [(before, 1 - share), (before + 1, share)] if share else [(before, 1.0)]

    def numbers(self, frames: Iterable[int]) -> list[int]:
        """Every window that is needed."""
        return sorted({number for frame in frames for number, _ in self.shares(frame)})

    def blend(self, frame: int, embedded: Mapping[int, str]) -> tuple[Blend, float]:
        """The embeddings of a frame.

        Parameters
        ----------
        embedded : digest of a window's embedding, by number; a silent window has none

        Returns
        -------
        digests with their shares, and how much of the frame is not silence, 0...1
        """
        parts: dict[str, float] = {}
        for number, share in self.shares(frame):
            if number in embedded:
                parts[embedded[number]] = parts.get(embedded[number], 0.0) + share
        total = sum(parts.values())
        return tuple((digest, share / total) for digest, share in parts.items()), total
