"""A grid of beats and bars, read on every frame: tempo, phase, pulse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import BendError, Code
from ..timebase import FrameRate

PULSE_SECONDS = 0.15


@dataclass(frozen=True, eq=False)
class Grid:
    """The beats of one range of sound.

    Parameters
    ----------
    times : float64 array, shape (beats,), seconds from the start of the range, ascending
    meter : beats in a bar
    one : the index in ``times`` of a beat that begins a bar, modulo the meter
    before, after : seconds of the beats next to the range on either side, where they are known; else nan
    """

    times: np.ndarray
    meter: int = 4
    one: int = 0
    before: float = math.nan
    after: float = math.nan

    @cached_property
    def numbers(self) -> np.ndarray:
        """Which beat of its bar each beat is, 1...meter, int64, shape (beats,)."""
        return (np.arange(len(self.times)) - self.one) % self.meter + 1

    @cached_property
    def bars(self) -> np.ndarray:
        """The beats that begin a bar, float64 seconds."""
        return self.times[self.numbers == 1]

    def frames(self, rate: FrameRate) -> np.ndarray:
        """The frame that holds each beat, int64, shape (beats,)."""
        return rate.frames_at(self.times)

    def nearest(self, seconds: float | np.ndarray) -> np.ndarray:
        """The beat nearest to each moment, float64 seconds; the moment itself if there are no beats."""
        return nearest(self.times, np.asarray(seconds, dtype=np.float64))

    def every(self, count: int, offset: int = 0) -> np.ndarray:
        """Every so many beats, counted from the first of a bar.

        Parameters
        ----------
        count : 1 or more
        offset : beats by which the choice comes later

        Returns
        -------
        float64 array, seconds

        Raises
        ------
        BendError(PARAMETER_INVALID) if the count is below 1.
        """
        if count < 1:
            raise BendError(
                Code.PARAMETER_INVALID, f"Keyframes can't be inserted every {count} beats.", "Use 1 or more."
            )
        return self.times[(self.one + offset) % count :: count]

    def tempo(self, rate: FrameRate, frames: int) -> np.ndarray:
        """Beats per minute on each frame, float64, shape (frames,); 0 if fewer than two beats are known."""
        beats, _ = self._covering(float(rate.seconds(frames)))
        if len(beats) < 2:
            return np.zeros(frames)
        return 60.0 / np.diff(beats)[self._beat_of_frames(beats, rate, frames)]

    def phase(self, rate: FrameRate, frames: int) -> np.ndarray:
        """How far each frame's start is from its beat to the next, 0 up to 1; 0 in the frame that holds a beat.

        Before the first beat and after the last one the neighbouring beat's length goes on.

        Returns
        -------
        float64 array, shape (frames,); all 0 if fewer than two beats are known
        """
        return self._position(rate, frames)[1]

    def bar_phase(self, rate: FrameRate, frames: int) -> np.ndarray:
        """How far each frame is through its bar, 0 up to 1, float64, shape (frames,)."""
        beat, phase = self._position(rate, frames)
        return ((beat - self.one) % self.meter + phase) / self.meter

    def pulse(self, rate: FrameRate, frames: int, number: int | None = None) -> np.ndarray:
        """1 in the frame that holds a beat, then falling to 1/e in 0.15 s.

        Parameters
        ----------
        number : only that beat of each bar, 1...meter; None for all

        Returns
        -------
        float64 array, shape (frames,), 0...1; 0 before the first beat
        """
        hits = self.frames(rate)
        if number is not None:
            hits = hits[self.numbers == number]
        last = np.full(frames, -1, dtype=np.int64)
        hits = hits[(hits >= 0) & (hits < frames)]
        last[hits] = hits
        last = np.maximum.accumulate(last) if frames else last
        since = (np.arange(frames) - last) * float(rate.seconds(1))
        return np.where(last >= 0, np.exp(-since / PULSE_SECONDS), 0.0)

    def _position(self, rate: FrameRate, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """For each frame the index of its beat in ``times`` (may be outside) and the phase."""
        beats, index = self._covering(float(rate.seconds(frames)))
        if len(beats) < 2:
            return np.zeros(frames, dtype=np.int64), np.zeros(frames)
        beat = self._beat_of_frames(beats, rate, frames)
        since = np.arange(frames) * float(rate.seconds(1)) - beats[beat]
        # A frame's start lies before the beat that it holds; the beat counts from there on.
        phase = np.clip(since / np.diff(beats)[beat], 0.0, np.nextafter(1.0, 0.0))
        return index + beat, phase

    @staticmethod
    def _beat_of_frames(beats: np.ndarray, rate: FrameRate, frames: int) -> np.ndarray:
        return np.searchsorted(rate.frames_at(beats), np.arange(frames), side="right") - 1

    def _covering(self, seconds: float) -> tuple[np.ndarray, int]:
        """Beats from before 0 to after the end, and the index in ``times`` that the first of them would have."""
        beats = np.array([self.before, *self.times, self.after])
        index = 0 if math.isnan(self.before) else -1
        beats = beats[np.isfinite(beats)]
        if len(beats) < 2:
            return beats, index
        start, end = beats[1] - beats[0], beats[-1] - beats[-2]
        lead = max(0, math.floor(beats[0] / start) + 1)
        tail = max(0, math.floor((seconds - beats[-1]) / end) + 2)
        early = beats[0] - start * np.arange(lead, 0, -1)
        late = beats[-1] + end * np.arange(1, tail + 1)
        return np.concatenate([early, beats, late]), index - lead


def nearest(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each value the nearest of the ascending places; of two equally near the earlier."""
    if len(places) == 0:
        return values
    right = np.clip(np.searchsorted(places, values), 0, len(places) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(np.abs(values - places[left]) <= np.abs(places[right] - values), places[left], places[right])
