"""When exactly something begins: moves a spectral onset to the sample of the attack, and so into the right frame."""

from __future__ import annotations

import numpy as np

from .spectrum import Grid, windows_at

ATTACK_SECONDS = 0.003
#: Seconds that resampling and codecs let a hit ring ahead of itself, and then rise; and how far it gets meanwhile.
RINGS, RISES, RINGING, RISEN = 0.0015, 0.0001, 0.35, 0.8
#: Attacks that are sought at once: their windows fit into a processor's cache.
_CHUNK = 32


def align_to_attacks(samples: np.ndarray, novelty: np.ndarray, grid: Grid) -> np.ndarray:
    """The time of each hop, with every peak of the novelty moved to its attack in the waveform.

    A spectral window sees an attack up to half its length before it comes. So for each local maximum the steepest
    rise of energy inside its window is sought in the waveform itself, and the hops around the maximum are moved with
    it.

    Parameters
    ----------
    samples : float32 array, shape (samples,) or (channels, samples)
    novelty : float array, shape (hops,), 0 or more: how much is new in each hop

    Returns
    -------
    int64 array, shape (hops,), sample numbers
    """
    centres = grid.centres()
    peaks = _local_maxima(novelty)
    if len(peaks) == 0:
        return centres
    channels = np.atleast_2d(samples)
    shift = _settled(channels, _attacks(channels, centres[peaks], grid), grid) - centres[peaks]
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
        energy = np.zeros((len(chosen), 2 * margin + 1))
        np.cumsum(_steps(samples, chosen - margin, 2 * margin), axis=1, out=energy[:, 1:])
        middle = energy[:, span:-span]
        after, before = energy[:, 2 * span :] - middle, middle - energy[:, : -2 * span]
        least = 0.05 * after.max(axis=1, keepdims=True) + 1e-30
        rise = np.subtract(after, before, out=after)
        rise /= np.add(before, least, out=before)
        enough = rise >= 0.9 * rise.max(axis=1, keepdims=True)
        last = rise.shape[1] - 1 - np.argmax(enough[:, ::-1], axis=1)
        attacks[first : first + _CHUNK] = chosen - half + last
    return attacks


def _steps(samples: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """The squares of the steps to each sample from the one before, of all channels together; shape (starts, length)."""
    total = np.zeros((len(starts), length))
    for channel in samples:
        steps = np.diff(windows_at(channel, starts - 1, length + 1, after=True), axis=1)
        total += np.multiply(steps, steps, dtype=np.float64)
    return total


def _settled(samples: np.ndarray, attacks: np.ndarray, grid: Grid) -> np.ndarray:
    """The attacks, each that only rings or rises ahead of a frame's border put on it.

    Resampling and codecs let a hit ring ahead of itself, and rise over some samples. Just before a border that would be
    a whole frame. So an attack there is put on the border if what follows is far stronger than all before it.
    """
    starts = grid.starts()
    border = starts[np.clip(np.searchsorted(starts, attacks, side="right"), 0, grid.frames)]
    ahead, rise, after = (max(1, round(seconds * grid.sample_rate)) for seconds in (RINGS, RISES, ATTACK_SECONDS))
    near = np.flatnonzero((border > attacks) & (border - attacks <= ahead))
    if not len(near):
        return attacks
    away = _away(samples, border[near] - ahead - rise, ahead + rise + after)
    before, follows = away[:, : ahead + rise], away[:, ahead + rise :]
    rings = before[:, :-rise].max(axis=1) <= RINGING * follows.max(axis=1)
    rises = before[:, -rise:].max(axis=1) <= RISEN * follows[:, : 2 * rise].max(axis=1)
    settled = attacks.copy()
    settled[near[rings & rises]] = border[near[rings & rises]]
    return settled


def _away(samples: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """How far any channel is from where it was just before each stretch, shape (starts, length)."""
    away = np.zeros((len(starts), length), dtype=np.float32)
    for channel in samples:
        cut = windows_at(channel, starts - 1, length + 1, after=True)
        np.maximum(away, np.abs(cut[:, 1:] - cut[:, :1]), out=away)
    return away
