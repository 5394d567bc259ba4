"""The features of the papers, per video frame and as they define them, to reproduce DAFx24 and JAES25.

A frame is the samples from floor(i sr / fps) to floor((i + 1) sr / fps): hop and window are one frame, the window is
rectangular, the spectrum is the magnitude of a Fourier transform of the next power of two.

Where the authors' program is at fault, what it means is measured. There a last, empty slice gives not-a-number, and
flux fails if one slice is a sample longer and so has another spectrum; here all frames share the longest frame's
transform, an empty slice is silent, and silence gives 0. In the program ``add_centroid``, ``add_spread``,
``add_skewness`` and ``add_kurtosis`` divide by 1000, 10, 10 and 10: that belongs to a route's range, not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ....core.sound.features import Asked
from ..registry import measures
from ..sound import Sound
from ..spectra.spectrum import Grid

PAPER_FEATURES = ("rms", "centroid", "spread", "skewness", "kurtosis", "flux")
_BLOCK = 256


@measures(*(f"paper_{name}" for name in PAPER_FEATURES))
def paper(sound: Sound, asked: Asked) -> np.ndarray:
    """One of the six, by its name behind ``paper_``."""
    measured = sound.shared("papers", lambda: _measure(sound))
    return measured[PAPER_FEATURES.index(asked.name.removeprefix("paper_"))]


def slices(grid: Grid) -> np.ndarray:
    """The first sample of every slice and, last, the end of the last, int64, shape (frames + 1,)."""
    frames = np.arange(grid.frames + 1, dtype=np.int64)
    return frames * grid.sample_rate * grid.rate.value.denominator // grid.rate.value.numerator


def _measure(sound: Sound) -> np.ndarray:
    """All six, float64, shape (6, frames)."""
    return np.concatenate(list(_blocks(sound)), axis=1)


def _blocks(sound: Sound) -> Iterator[np.ndarray]:
    bounds = slices(sound.grid)
    longest = int(np.diff(bounds).max())
    size = 1 << (longest - 1).bit_length() if longest > 1 else 1
    frequencies = np.arange(size // 2 + 1) * (sound.grid.sample_rate / size)
    before = np.zeros((1, len(frequencies)))
    for first in range(0, sound.grid.frames, _BLOCK):
        sound.settings.check()
        ends = bounds[first : first + _BLOCK + 1]
        cut = np.zeros((len(ends) - 1, size))
        power = np.zeros(len(cut))
        for row, (start, end) in enumerate(pairwise(ends)):
            here = sound.mono[start:end]
            cut[row, : len(here)] = here
            power[row] = np.mean(np.square(here, dtype=np.float64)) if len(here) else 0.0
        magnitude = np.abs(np.fft.rfft(cut, axis=1))
        total = magnitude.sum(axis=1)
        centre = _divide(magnitude @ frequencies, total)
        away = frequencies - centre[:, None]
        second, third, fourth = (_divide((magnitude * away**order).sum(axis=1), total) for order in (2, 3, 4))
        spread = np.sqrt(second)
        change = np.abs(np.diff(magnitude, axis=0, prepend=magnitude[:1] if first == 0 else before)).sum(axis=1)
        before = magnitude[-1:]
        yield np.array([np.sqrt(power), centre, spread, _divide(third, spread**3), _divide(fourth, spread**4), change])


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """A quotient; 0 where it would be one by nothing."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-300)
