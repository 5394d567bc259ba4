"""What a sound's rhythm is made of: hits in three bands, and how long a beat may be at every moment."""

from __future__ import annotations

import librosa
import numpy as np
from scipy.ndimage import maximum_filter1d

SLOWEST, FASTEST = 55.0, 215.0

#: Upper edge in Hz, and how much a hit in that band says about the beat: kick and bass; snare and chords; hi-hat.
BANDS = ((120.0, 1.0), (3000.0, 0.8), (np.inf, 0.35))
_COMPRESSION = 10.0
_LAG_SECONDS = 0.02
_LOCAL_SECONDS = 6.0
_WINDOW_SECONDS = 10.0
_STEP_SECONDS = 0.5
_STEPS_PER_OCTAVE = 96
#: Multiples of the beat at which a rhythm repeats itself, and how much each says.
_MULTIPLES = ((1, 1.0), (2, 1.0), (4, 1.0))
_INERTIA = 12.0
_RANGE, _RANGES = 1.6, 6


def hits(mel_power: np.ndarray, sample_rate: float, hops_per_second: float) -> np.ndarray:
    """How strongly something begins in each band.

    Parameters
    ----------
    mel_power : shape (mel bands, hops)

    Returns
    -------
    float32 array, shape (3, hops), 0 to about 1, loud and quiet passages alike
    """
    frequencies = librosa.mel_frequencies(n_mels=len(mel_power) + 2, fmax=sample_rate / 2)[1:-1]
    lag = max(1, round(_LAG_SECONDS * hops_per_second))
    rows, bottom = [], 0.0
    for top, weight in BANDS:
        inside = (frequencies >= bottom) & (frequencies < top)
        level = np.sqrt(mel_power[inside].sum(axis=0, dtype=np.float64))
        loudest = _running_max(level, hops_per_second)
        compressed = np.log1p(_COMPRESSION * level / (loudest + 1e-12)) / np.log1p(_COMPRESSION)
        before = np.concatenate([np.zeros(lag), compressed])[: len(compressed)]
        rows.append(weight * np.maximum(compressed - before, 0.0))
        bottom = top
    return np.array(rows, dtype=np.float32)


def _running_max(level: np.ndarray, hops_per_second: float) -> np.ndarray:
    reach = 2 * round(_LOCAL_SECONDS * hops_per_second) + 1
    return np.maximum(maximum_filter1d(level, reach, mode="nearest"), 0.02 * level.max(initial=0.0))


def periods() -> np.ndarray:
    """The lengths of a beat that are considered, in seconds, evenly spaced in pitch, ascending."""
    count = int(np.log2(FASTEST / SLOWEST) * _STEPS_PER_OCTAVE) + 1
    return 60.0 / FASTEST * 2.0 ** (np.arange(count) / _STEPS_PER_OCTAVE)


def tempogram(strength: np.ndarray, hops_per_second: float) -> np.ndarray:
    """How well the rhythm repeats itself after each of ``periods()``, in windows of 10 s every half second.

    Returns
    -------
    float array, shape (windows, periods)
    """
    window, step = round(_WINDOW_SECONDS * hops_per_second), round(_STEP_SECONDS * hops_per_second)
    length = 2 ** int(np.ceil(np.log2(2 * window)))
    padded = np.pad(strength, (window // 2, window))
    taper = np.hanning(window)
    count = 1 + len(strength) // step
    views = np.lib.stride_tricks.sliding_window_view(padded, window)[::step][:count]
    lags = np.arange(window // 2)
    fall = np.correlate(taper, taper, "full")[window - 1 :][: window // 2]
    out = np.empty((len(views), len(periods())), dtype=np.float32)
    beats = periods() * hops_per_second
    energy = np.empty(len(views))
    for first in range(0, len(views), 64):
        part = views[first : first + 64]
        energy[first : first + 64] = (part**2).mean(axis=1)
        part = (part - part.mean(axis=1, keepdims=True)) * taper
        again = np.fft.irfft(np.abs(np.fft.rfft(part, length)) ** 2)[:, : window // 2]
        again = again / fall * fall[0]
        again = again / (again[:, :1] + 1e-9 * window)
        total = np.zeros((len(part), len(beats)))
        for row, one in enumerate(again):
            for multiple, weight in _MULTIPLES:
                total[row] += weight * np.interp(beats * multiple, lags, one, right=0)
        out[first : first + 64] = total
    usual = np.percentile(energy, 75) + 1e-12
    return out * np.sqrt(np.minimum(energy / usual, 1.0))[:, None]


def courses(scores: np.ndarray) -> list[np.ndarray]:
    """How the length of a beat may run: the best course in each of some overlapping ranges of tempo.

    Parameters
    ----------
    scores : from ``tempogram``

    Returns
    -------
    for each course, seconds per window; the ranges differ by a third, so that half, double, three-halves and
    four-thirds of a tempo are all among them
    """
    known = periods()
    found = []
    for slowest in SLOWEST * np.geomspace(1, FASTEST / SLOWEST / _RANGE, _RANGES):
        inside = np.flatnonzero((known <= 60 / slowest * 1.0001) & (known >= 60 / (slowest * _RANGE) * 0.9999))
        found.append(known[inside[_path(scores[:, inside])]])
    return found


def _path(scores: np.ndarray) -> np.ndarray:
    """The course that scores best in total, changes of tempo being dear (Viterbi); an index for each window."""
    count = scores.shape[1]
    reach = np.arange(count)
    jump = np.abs(reach[:, None] - reach[None, :]) / _STEPS_PER_OCTAVE
    cost = np.minimum(_INERTIA * jump, 8.0).astype(np.float32)
    best = scores[0].astype(np.float32)
    links = np.empty(scores.shape, dtype=np.int16)
    for index in range(1, len(scores)):
        ways = best[None, :] - cost
        links[index] = ways.argmax(axis=1)
        best = scores[index] + ways[reach, links[index]]
    course = np.empty(len(scores), dtype=np.int64)
    course[-1] = best.argmax()
    for index in range(len(scores) - 1, 0, -1):
        course[index - 1] = links[index, course[index]]
    return course


def per_hop(course: np.ndarray, hops: int, hops_per_second: float) -> np.ndarray:
    """The course of the beat's length, in seconds, at each hop."""
    step = round(_STEP_SECONDS * hops_per_second)
    return np.interp(np.arange(hops), np.arange(len(course)) * step, course)


def mean_score(scores: np.ndarray, course: np.ndarray) -> float:
    """How well the rhythm repeats itself along a course."""
    index = np.searchsorted(periods(), course * 0.9999)
    return float(scores[np.arange(len(course)), np.minimum(index, scores.shape[1] - 1)].mean())
