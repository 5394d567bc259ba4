"""Where a sound breaks off while it sounds: the step to silence looks like a hit to a window that crosses it."""

from __future__ import annotations

import numpy as np

from ..reading.sound_file import SILENCE
from .spectrum import Grid

_LAST_SECONDS = 0.005
#: Of the sound's peak: what is weaker is silent in a quiet sound, and ten times that is still sounding.
_FAINT = 1e-3
#: So many times as high as what was before, the last milliseconds are a hit.
_HIT = 4.0


def breaks(samples: np.ndarray, grid: Grid) -> np.ndarray:
    """The samples from which on there is silence, for a window's length at least, after a sound that did not fade.

    Parameters
    ----------
    samples : float32 array, shape (channels, samples)

    Returns
    -------
    int64 array, ascending
    """
    half, length = grid.window // 2, samples.shape[1]
    levels = _levels(samples, half)
    if not levels.size:
        return np.zeros(0, dtype=np.int64)
    silence = min(SILENCE, _FAINT * float(levels.max()))
    sounds = np.concatenate([levels > silence, [False, False]])
    last = np.flatnonzero(sounds[:-2] & ~sounds[1:-1] & ~sounds[2:])
    ends = (_end(samples, piece * half, min(length, (piece + 1) * half), silence) for piece in last.tolist())
    return np.array([end for end in ends if _sounds_on(samples, end, grid, 10 * silence)], dtype=np.int64)


def outside(centres: np.ndarray, ends: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """The hops whose windows cross a break, and where they stand so that they do not: wholly before it, or after.

    Returns
    -------
    hops, their centres : int64 arrays, ascending
    """
    if not len(ends):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    near = np.searchsorted((ends[1:] + ends[:-1]) // 2, centres)
    end = ends[near]
    hops = np.flatnonzero(np.abs(centres - end) < half)
    return hops, np.where(centres < end, end - half, end + half)[hops]


def _levels(samples: np.ndarray, length: int) -> np.ndarray:
    """The largest magnitude in each so many samples on any channel."""
    starts = np.arange(0, samples.shape[1], length)
    if not len(starts):
        return np.zeros(0, dtype=np.float32)
    highest = [np.maximum(np.maximum.reduceat(c, starts), -np.minimum.reduceat(c, starts)) for c in samples]
    return np.max(highest, axis=0)


def _end(samples: np.ndarray, first: int, last: int, silence: float) -> int:
    """The sample after the last one that sounds."""
    heard = np.flatnonzero(np.abs(samples[:, first:last]).max(axis=0) > silence)
    return first + int(heard[-1]) + 1


def _sounds_on(samples: np.ndarray, end: int, grid: Grid, least: float) -> bool:
    """Whether the sound goes on evenly until it breaks off, for a window's length; no fade, and no hit."""
    short = max(1, round(_LAST_SECONDS * grid.sample_rate))
    if end < grid.window:
        return False
    here = np.abs(samples[:, end - grid.window : end]).max(axis=0)
    return bool(here[-short:].max() >= least and here[-short:].max() <= _HIT * here[:-short].max())
