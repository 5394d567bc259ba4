"""Tracks the beats of a sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from librosa.beat import beat_track

from ....core.sound.tempo_fit import straightened
from . import hits as rhythm
from . import pulse

if TYPE_CHECKING:
    from ..sound import Sound

_TIGHTNESS = 100.0
_NEAR_SECONDS = 0.05
_FEWEST = 4
_HEARD = 0.2


def detect(sound: Sound) -> np.ndarray:
    """The beats of a sound.

    The tempo is followed through windows of 10 s in several ranges at once; in each range beats are tracked (Ellis
    2007, librosa.beat.beat_track), moved to the attacks of the waveform and, where they keep one tempo, put on a
    straight line. The range whose beats look most like the beat of music wins (``pulse.Drums.score``).

    Returns
    -------
    float64 array, seconds from the start of the sound, ascending; empty if there is no rhythm

    Source: Ellis, "Beat Tracking by Dynamic Programming", JNMR 36(1), 2007.
    """
    grid = sound.grid
    if grid.frames == 0:
        return np.zeros(0)
    rate = grid.hops_per_second
    hits = rhythm.hits(sound.hops("mel of onsets").T, grid.sample_rate, rate)
    strength = hits.sum(axis=0)
    if not np.any(strength > 0):
        return np.zeros(0)
    tempogram, drums = rhythm.tempogram(strength, rate), pulse.Drums(hits, rate)
    best, winner = -np.inf, np.zeros(0)
    for course in rhythm.courses(tempogram):
        lengths = rhythm.per_hop(course, len(strength), rate)
        beats = straightened(_to_attacks(sound, _track(strength, lengths, rate)))
        repeats = rhythm.mean_score(tempogram, course)
        for times in _related(beats):
            points = drums.score(times, repeats)
            if points > best:
                best, winner = points, times
    begins = int(np.argmax(strength > _HEARD * np.percentile(strength, 99))) / rate - _NEAR_SECONDS
    return winner[(winner >= max(0.0, begins)) & (winner * grid.sample_rate < sound.length)]


def _related(beats: np.ndarray) -> Iterator[np.ndarray]:
    """The beats, the off-beats and, unless that is too slow, every other beat."""
    if len(beats) < _FEWEST:
        return
    yield beats
    yield (beats[1:] + beats[:-1]) / 2
    if len(beats) >= 3 * _FEWEST and 2 * np.median(np.diff(beats)) < 60 / rhythm.SLOWEST:
        yield beats[::2]
        yield beats[1::2]


def _track(strength: np.ndarray, lengths: np.ndarray, rate: float) -> np.ndarray:
    """The hops of the beats, given how long a beat is at each hop (seconds)."""
    silence = round(rate)  # or the last beat is drawn to the end
    _, beats = beat_track(
        onset_envelope=np.pad(strength.astype(np.float64), (0, silence)),
        sr=rate,
        hop_length=1,
        bpm=np.pad(60.0 / lengths, (0, silence), mode="edge"),
        tightness=_TIGHTNESS,
        trim=False,
    )
    return beats[beats < len(strength)]


def _to_attacks(sound: Sound, beats: np.ndarray) -> np.ndarray:
    """The seconds at which the strongest onset near each beat begins; of a beat without one, the middle of its hop."""
    novelty, grid = sound.novelty, sound.grid
    reach = round(_NEAR_SECONDS * grid.hops_per_second)
    around = np.arange(-reach, reach + 1)
    hops = np.clip(beats[:, None] + around, 0, len(novelty) - 1)
    weighted = novelty[hops] * np.exp(-2 * (around / reach) ** 2)
    strongest = hops[np.arange(len(hops)), weighted.argmax(axis=1)]
    heard = weighted.max(axis=1) > 1e-3 * novelty.max()
    samples = np.where(heard, sound.times[strongest], grid.centres()[beats])
    return np.unique(samples / grid.sample_rate)
