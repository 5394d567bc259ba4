"""The harmonic and the percussive part of a sound, block by block, so that an hour fits."""

from __future__ import annotations

import zlib

import numpy as np
from librosa.effects import harmonic as librosa_harmonic

from ..settings import Settings
from .spectrum import Grid

PHASE = "Separating harmonic and percussive"
BLOCK = 1024
_MARGIN = 24  # hops: half of the median's 31 and a window on either side, and some


#: The part that was separated last, so that trying out one percussive feature after the other is quick.
kept: dict[tuple[tuple[int, ...], int, int], np.ndarray] = {}
_LONGEST_KEPT = 1 << 26  # samples: 23 minutes at 48 kHz


def harmonic(samples: np.ndarray, grid: Grid, settings: Settings) -> np.ndarray:
    """The harmonic part (librosa.effects.harmonic: medians over 31 hops and bins, soft masks).

    The blocks overlap so far that the result is that of the whole sound at once. What remains is the percussive part:
    the two masks add up to 1.

    Returns
    -------
    float32 array, shaped as the samples, (channels, samples), the caller's own
    """
    key = (samples.shape, grid.window, zlib.crc32(samples.data))
    if key not in kept:
        part = _separate(samples, grid, settings)
        kept.clear()
        if samples.size > _LONGEST_KEPT:
            return part
        kept[key] = part
    return kept[key].copy()


def _separate(samples: np.ndarray, grid: Grid, settings: Settings) -> np.ndarray:
    hop, length = grid.window // 4, samples.shape[-1]
    part = np.empty_like(samples)
    settings.phase(PHASE)
    for first in range(0, length, BLOCK * hop):
        settings.check()
        begin = max(0, first - _MARGIN * hop)
        end = min(length, first + BLOCK * hop)
        piece = samples[..., begin : first + (BLOCK + _MARGIN) * hop]
        missing = max(0, grid.window - piece.shape[-1])
        piece = np.pad(piece, [(0, 0)] * (piece.ndim - 1) + [(0, missing)])
        loud = librosa_harmonic(piece, n_fft=grid.window, hop_length=hop)
        part[..., first:end] = loud[..., first - begin : end - begin]
    return part
