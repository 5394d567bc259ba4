"""The parts of a song: where one goes over into another, and the number of each."""

from __future__ import annotations

import numpy as np
from librosa.segment import agglomerative
from scipy.signal import find_peaks

from ....core.sound.features import Asked
from ..registry import measures
from ..sound import Sound
from .harmony import chromas
from .spectral import mfccs

STEP_SECONDS = 0.5
KERNEL_STEPS = 16
SHORTEST_STEPS = 8
LEAST_NOVELTY = 0.15
_TIMBRES = 13
_PHASE = "Detecting sections"


@measures("novelty", needs=("mel of onsets",), phase=_PHASE)
def novelty(sound: Sound, asked: Asked) -> np.ndarray:
    """How different the seconds before and after are, 0...1."""
    at = (np.arange(len(_novelty(sound)))) * STEP_SECONDS
    middles = sound.grid.middles() / sound.grid.sample_rate
    return np.interp(middles, at, _novelty(sound))


@measures("section", needs=("mel of onsets",), phase=_PHASE)
def section(sound: Sound, asked: Asked) -> np.ndarray:
    """The number of the section, from 0."""
    starts = np.round(section_times(sound) * sound.grid.sample_rate).astype(np.int64)
    return np.searchsorted(sound.grid.frame_of(starts), np.arange(sound.grid.frames), side="right") - 1


def section_times(sound: Sound) -> np.ndarray:
    """Where each section begins in seconds, the first at 0; drawn to the strongest onset within half a second."""
    return sound.shared("sections", lambda: _section_times(sound))


def _section_times(sound: Sound) -> np.ndarray:
    steps = _steps(sound)
    peaks, _ = find_peaks(_novelty(sound), height=LEAST_NOVELTY, prominence=LEAST_NOVELTY / 2, distance=SHORTEST_STEPS)
    if not len(peaks):
        return np.zeros(1)
    bounds = agglomerative(steps.T, len(peaks) + 1)[1:]
    times = sound.times / sound.grid.sample_rate
    starts = [0.0]
    for bound in bounds * STEP_SECONDS:
        near = np.flatnonzero(np.abs(times - bound) <= STEP_SECONDS)
        start = float(times[near[np.argmax(sound.novelty[near])]]) if len(near) else float(bound)
        if start > starts[-1]:
            starts.append(start)
    return np.array(starts)


def _novelty(sound: Sound) -> np.ndarray:
    """Foote's novelty at the start of each step: a checkerboard with a Gaussian taper on the self-similarity.

    Only the band about the diagonal is ever computed, so an hour costs no more memory than a minute.
    """
    return sound.shared("section novelty", lambda: _foote(_steps(sound)))


def _foote(steps: np.ndarray) -> np.ndarray:
    count = len(steps)
    half = min(KERNEL_STEPS, count // 4)
    found = np.zeros(count)
    if half < 2:
        return found
    size = np.linalg.norm(steps, axis=1, keepdims=True)
    unit = np.divide(steps, size, out=np.zeros_like(steps), where=size > 1e-9)
    place = np.arange(-half, half) + 0.5
    taper = np.exp(-0.5 * (2 * place / half) ** 2)
    sign = np.sign(place)
    kernel = np.outer(taper * sign, taper * sign)
    kernel /= np.abs(kernel).sum()
    for step in range(half, count - half + 1):
        near = unit[step - half : step + half]
        found[min(step, count - 1)] = np.sum(kernel * (near @ near.T))
    return np.clip(found, 0.0, 1.0)


def _steps(sound: Sound) -> np.ndarray:
    """Notes and timbre of every half second, standardised, shape (steps, 25)."""
    return sound.shared("steps", lambda: _measure_steps(sound))


def _measure_steps(sound: Sound) -> np.ndarray:
    notes = chromas(sound).astype(np.float64)
    notes = notes / np.maximum(notes.sum(axis=1, keepdims=True), 1e-12)
    frames = np.concatenate([notes, mfccs(sound)[:, :_TIMBRES]], axis=1)
    step = (sound.grid.middles() / sound.grid.sample_rate / STEP_SECONDS).astype(np.int64)
    count = int(step[-1]) + 1
    total = np.zeros((count, frames.shape[1]))
    np.add.at(total, step, frames)
    weight = np.bincount(step, minlength=count)[:, None]
    steps = total / np.maximum(weight, 1)
    # A step without a frame (below 2 fps) is as the one before it.
    latest = np.maximum.accumulate(np.where(weight[:, 0] > 0, np.arange(count), 0))
    steps = steps[latest]
    spread = steps.std(axis=0)
    return np.divide(steps - steps.mean(axis=0), spread, out=np.zeros_like(steps), where=spread > 1e-6)
