"""Which of several regular pulses is the beat: the one that carries kick and snare, not its half or double."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy.ndimage import maximum_filter1d

_NEAR_SECONDS = 0.03
_STRETCH = 16
_SNARE_SCALE = 1 / 0.8  # the weight of the middle band in rhythm.BANDS

#: What speaks for a pulse and how much: a softmax regression on 387 synthetic drum tracks, a third of them in styles
#: that no test has, with other seeds than the tests (tests/drums.py). The names are explained in ``Drums.describe``.
WEIGHTS = {
    "alternates": 1.81,
    "alternates much": 0.75,
    "snare on every fourth": -0.88,
    "kick on every fourth": 2.74,
    "snare between": -2.5,
    "kick or snare": 2.18,
    "kick and snare": 2.0,
    "low between": 2.85,
    "quarters": -1.27,
    "loud and soft": -2.58,
    "alternates between": 3.93,
    "tempo": 3.36,
    "far from 120": -0.77,
    "repeats": 3.43,
    "empty": -4.27,
}


class Drums:
    """The kick and the snare of one sound, by which pulses are judged.

    Parameters
    ----------
    hits : shape (3, hops), from ``rhythm.hits``
    hops_per_second : Hz
    """

    def __init__(self, hits: np.ndarray, hops_per_second: float) -> None:
        self.rate = hops_per_second
        near = maximum_filter1d(hits, 2 * round(_NEAR_SECONDS * hops_per_second) + 1, axis=1)
        self.near = near / (float(np.percentile(near.sum(axis=0)[::5], 95)) + 1e-9)

    @cached_property
    def kick(self) -> np.ndarray:
        """How much like a kick each hop sounds, about 0...1, shape (hops,)."""
        return _relative(self.near[0])

    @cached_property
    def snare(self) -> np.ndarray:
        """How much like a snare each hop sounds, about 0...1, shape (hops,)."""
        return _relative(np.maximum(_SNARE_SCALE * self.near[1] - self.near[0], 0.0))

    @cached_property
    def playing(self) -> np.ndarray:
        """Whether kick or snare are heard within a second, bool, shape (hops,)."""
        drums = self.near[:2].sum(axis=0)
        return maximum_filter1d(drums, 2 * round(self.rate) + 1) > 0.5 * np.percentile(drums, 97)

    def score(self, times: np.ndarray, repeats: float) -> float:
        """How much a pulse looks like the beat.

        Parameters
        ----------
        times : float array, seconds, at least three
        repeats : how well the rhythm repeats itself at that pulse, from ``rhythm.mean_score``
        """
        found = {**self.describe(np.rint(times * self.rate).astype(np.int64)), "repeats": repeats}
        return sum(weight * found[name] for name, weight in WEIGHTS.items())

    def describe(self, beats: np.ndarray) -> dict[str, float]:
        """What is heard on the beats (hops), half-way between them and at the quarters; drop-outs do not count."""
        beats = np.clip(beats, 0, self.near.shape[1] - 1)
        heard = beats[self.playing[beats]]
        beats = heard if len(heard) >= 8 else beats
        left, right = beats[:-1], beats[1:]
        middle = (left + right) // 2
        on, between = self.near[:, beats], self.near[:, middle]
        kick, snare = self.kick[beats], self.snare[beats]
        alternation = _alternation(kick - snare)
        octaves = float(np.log2(60.0 * self.rate / np.median(right - left) / 120.0))
        return {
            "alternates": alternation,
            "alternates much": alternation**2,
            "snare on every fourth": _on_every_fourth(snare),
            "kick on every fourth": _on_every_fourth(kick),
            "snare between": float(self.snare[middle].mean()),
            "kick or snare": float(np.maximum(kick, snare).mean()),
            "kick and snare": _in_turn(kick, snare),
            "low between": float(np.mean([_strongest(part, 2) for part in _stretches(between[0])])),
            "quarters": float(
                self.near[:, np.concatenate([(3 * left + right) // 4, (left + 3 * right) // 4])].sum(axis=0).mean()
            ),
            "loud and soft": _alternation(on.sum(axis=0)),
            "alternates between": _alternation(_SNARE_SCALE * between[1] - between[0]),
            "tempo": octaves,
            "far from 120": octaves**2,
            "empty": float(np.mean(on.sum(axis=0) < 0.25)),
        }


def _relative(likeness: np.ndarray) -> np.ndarray:
    return np.minimum(likeness / max(float(np.percentile(likeness[::3], 97)), 0.15), 1.2)


def _stretches(values: np.ndarray) -> Iterator[np.ndarray]:
    """Stretches of 16 beats that overlap by half: over long ones kick and snare may change places."""
    for first in range(0, max(1, len(values) - _STRETCH // 2 + 1), _STRETCH // 2):
        yield values[first : first + _STRETCH]


def _alternation(values: np.ndarray) -> float:
    """How far every other value differs from its neighbours."""
    return float(np.mean([abs(part[::2].mean() - part[1::2].mean()) for part in _stretches(values) if len(part) > 1]))


def _strongest(values: np.ndarray, count: int) -> float:
    """The mean of every so many values, at the best place to begin."""
    return max(float(values[start::count].mean()) for start in range(min(count, len(values))))


def _on_every_fourth(values: np.ndarray) -> float:
    """How much more regular every fourth beat is than every second."""
    return float(np.mean([_strongest(part, 4) - _strongest(part, 2) for part in _stretches(values)]))


def _in_turn(kick: np.ndarray, snare: np.ndarray) -> float:
    """The weaker of kick on one beat and snare on the next, at the better place to begin."""
    pairs = [(a, b) for a, b in zip(_stretches(kick), _stretches(snare), strict=True) if len(a) > 1]
    turns = [max(min(a[start::2].mean(), b[1 - start :: 2].mean()) for start in (0, 1)) for a, b in pairs]
    return float(np.mean(turns))
