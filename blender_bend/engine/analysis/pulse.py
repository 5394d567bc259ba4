"""Which of several regular pulses is the beat: the one that carries kick and snare, not its half or double."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d

_NEAR_SECONDS = 0.03
#: What speaks for a pulse and how much; fitted on synthetic drum tracks (tests/drums.py, other seeds and more styles).
WEIGHTS = {
    "on": 0.73,
    "between": 2.29,
    "kick and snare": 3.52,
    "loud and soft": -0.5,
    "tempo": 1.9,
    "far from 120": -1.2,
    "repeats": 5.5,
}


def score(hits: np.ndarray, beats: np.ndarray, repeats: float, hops_per_second: float) -> float:
    """How much a pulse looks like the beat.

    Parameters
    ----------
    hits : shape (3, hops), from ``rhythm.hits``
    beats : int array, hops of the pulse
    repeats : how well the rhythm repeats itself at that pulse, from ``rhythm.mean_score``
    """
    found = describe(hits, beats, hops_per_second)
    found["repeats"] = repeats
    return sum(weight * found[name] for name, weight in WEIGHTS.items())


def describe(hits: np.ndarray, beats: np.ndarray, hops_per_second: float) -> dict[str, float]:
    """What is heard on and between the beats, relative to the loud hits of the sound."""
    near = maximum_filter1d(hits, 2 * round(_NEAR_SECONDS * hops_per_second) + 1, axis=1)
    last = hits.shape[1] - 1
    on = near[:, np.clip(beats, 0, last)]
    between = near[:, np.clip((beats[1:] + beats[:-1]) // 2, 0, last)]
    loud = float(np.percentile(near.sum(axis=0)[::5], 95)) + 1e-9
    octaves = np.log2(60.0 * hops_per_second / float(np.median(np.diff(beats))) / 120.0)
    return {
        "on": float(on.sum(axis=0).mean()) / loud,
        "between": float(between.sum(axis=0).mean()) / loud,
        "kick and snare": _alternation(on[1] / 0.8 - on[0]),
        "loud and soft": _alternation(on.sum(axis=0) / loud),
        "tempo": octaves,
        "far from 120": octaves**2,
    }


def _alternation(values: np.ndarray) -> float:
    """How far every other value differs from its neighbours, in stretches of 16."""
    stretches = [values[first : first + 16] for first in range(0, max(1, len(values) - 7), 8)]
    return float(np.mean([abs(part[::2].mean() - part[1::2].mean()) for part in stretches]))
