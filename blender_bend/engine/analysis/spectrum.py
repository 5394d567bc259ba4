"""The shared spectrum: one short-time Fourier transform on a grid that fits the video frames exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...core.timebase import FrameRate

WINDOW_SECONDS = 0.043
LONGEST_HOP_SECONDS = 0.01
BLOCK = 1024


@dataclass(frozen=True)
class Grid:
    """Where the windows stand: a whole number of hops in every video frame, placed by rational time.

    Hop ``m`` is centred at ``(m + 1/2) / hops_per_frame`` frames, to the nearest sample, so that the windows of a
    frame lie symmetrically about its middle and nothing drifts.

    Parameters
    ----------
    frames : number of video frames
    sample_rate : Hz
    """

    rate: FrameRate
    frames: int
    sample_rate: int

    @property
    def hops_per_frame(self) -> int:
        """The smallest number that keeps a hop at most 10 ms long."""
        return max(1, math.ceil(self.rate.seconds(1) / LONGEST_HOP_SECONDS))

    @property
    def hops_per_second(self) -> float:
        """The rate of the hops, as librosa wants it."""
        return float(self.rate.value * self.hops_per_frame)

    @property
    def window(self) -> int:
        """Length of the window in samples: the power of two nearest to 43 ms (2048 at 48 kHz)."""
        return 2 ** max(6, round(math.log2(WINDOW_SECONDS * self.sample_rate)))

    def centres(self) -> np.ndarray:
        """The middle sample of every hop, int64, shape (frames * hops_per_frame,)."""
        hops = np.arange(self.frames * self.hops_per_frame, dtype=np.int64)
        period = 2 * self.hops_per_frame * self.rate.value.numerator
        return (2 * hops + 1) * (self.sample_rate * self.rate.value.denominator) // period

    def per_frame(self, hops: np.ndarray) -> np.ndarray:
        """Hop values grouped by video frame, shape (frames, hops_per_frame)."""
        return hops.reshape(self.frames, self.hops_per_frame)


def magnitudes(samples: np.ndarray, grid: Grid) -> Iterator[np.ndarray]:
    """The magnitude spectra, block by block so that an hour of sound fits in memory.

    Parameters
    ----------
    samples : float32 array, shape (samples,), mono; taken as silent outside

    Yields
    ------
    float32 array, shape (window / 2 + 1, hops of the block)
    """
    window = grid.window
    taper = np.hanning(window + 1)[:-1].astype(np.float32)
    centres = grid.centres()
    reach = int(centres[-1]) + window if len(centres) else window
    padded = np.zeros(window // 2 + max(len(samples), reach), dtype=np.float32)
    padded[window // 2 : window // 2 + len(samples)] = samples
    views = np.lib.stride_tricks.sliding_window_view(padded, window)
    for first in range(0, len(centres), BLOCK):
        frames = views[centres[first : first + BLOCK]] * taper
        yield np.abs(np.fft.rfft(frames, axis=1)).astype(np.float32).T
