"""When exactly something begins: moves a spectral onset to the sample of the attack, and so into the right frame."""

from __future__ import annotations

import numpy as np

from .spectrum import Grid, windows_at

ATTACK_SECONDS = 0.003
_CHUNK = 512


def align_to_attacks(samples: np.ndarray, novelty: np.ndarray, grid: Grid) -> np.ndarray:
    """The time of each hop, with every peak of the novelty moved to its attack in the waveform.

    A spectral window sees an attack up to half its length before it comes. So for each local maximum the steepest
    rise of energy inside its window is sought in the waveform itself, and the hops around the maximum are moved with
    it.

    Parameters
    ----------
    samples : float32 array, shape (samples,), mono
    novelty : float array, shape (hops,), 0 or more: how much is new in each hop

    Returns
    -------
    int64 array, shape (hops,), sample numbers
    """
    centres = grid.centres()
    peaks = _local_maxima(novelty)
    if len(peaks) == 0:
        return centres
    shift = _attacks(samples, centres[peaks], grid) - centres[peaks]
    right = np.clip(np.searchsorted(peaks, np.arange(len(centres))), 0, len(peaks) - 1)
    left = np.maximum(right - 1, 0)
    hops = np.arange(len(centres))
    nearest = np.where(hops - peaks[left] < np.abs(peaks[right] - hops), left, right)
    near = np.abs(centres - centres[peaks[nearest]]) <= grid.window // 2
    return centres + np.where(near, shift[nearest], 0)


def strongest_per_frame(values: np.ndarray, times: np.ndarray, grid: Grid) -> np.ndarray:
    """The largest value of the hops in each video frame; a frame without hops takes the smaller of its neighbours.

    Parameters
    ----------
    values : float array, shape (hops,)
    times : int array, shape (hops,), sample numbers

    Returns
    -------
    float array, shape (frames,)
    """
    frames = np.clip(grid.rate.frame_of(times, grid.sample_rate), 0, grid.frames - 1)
    strongest = np.full(grid.frames, -np.inf)
    np.maximum.at(strongest, frames, values)
    empty = np.isneginf(strongest)
    known = np.flatnonzero(~empty)
    gaps = np.flatnonzero(empty)
    after = np.searchsorted(known, gaps)
    strongest[gaps] = np.minimum(
        strongest[known[np.maximum(after - 1, 0)]], strongest[known[np.minimum(after, len(known) - 1)]]
    )
    return strongest


def _local_maxima(novelty: np.ndarray) -> np.ndarray:
    padded = np.concatenate([[-np.inf], novelty, [-np.inf]])
    rising = (padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:])
    return np.flatnonzero(rising & (novelty > 1e-3 * max(float(novelty.max(initial=0.0)), 1e-12)))


def _attacks(samples: np.ndarray, centres: np.ndarray, grid: Grid) -> np.ndarray:
    """For each centre, the sample within half a window where the energy of the next 3 ms most outweighs the last 3 ms.

    The rise is taken relative to what was there before (never less than 5 % of the window's loudest 3 ms), so that the
    first sample of a noisy hit wins over its loudest. Of nearly equal samples the last counts: a single click rises as
    long as it is ahead.
    """
    span = max(1, round(ATTACK_SECONDS * grid.sample_rate))
    half = grid.window // 2
    margin = half + span
    attacks = np.empty(len(centres), dtype=np.int64)
    for first in range(0, len(centres), _CHUNK):
        chosen = centres[first : first + _CHUNK]
        # Held after its end, and silent before its start: only the first sample of the sound itself is a rise there.
        brightened = np.diff(windows_at(samples, chosen - margin - 1, 2 * margin + 1, after=True), axis=1)
        energy = np.cumsum(np.square(brightened, dtype=np.float64), axis=1)
        energy = np.concatenate([np.zeros((len(chosen), 1)), energy], axis=1)
        middle = energy[:, span:-span]
        after, before = energy[:, 2 * span :] - middle, middle - energy[:, : -2 * span]
        rise = (after - before) / (before + 0.05 * after.max(axis=1, keepdims=True) + 1e-30)
        enough = rise >= 0.9 * rise.max(axis=1, keepdims=True)
        last = rise.shape[1] - 1 - np.argmax(enough[:, ::-1], axis=1)
        attacks[first : first + _CHUNK] = chosen - half + last
    return attacks
