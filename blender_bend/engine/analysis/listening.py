"""One sound, with everything that several features share computed once and only if it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import librosa
import numpy as np
from librosa.onset import onset_strength

from .onsets import align_to_attacks
from .quantities import ONSET_MELS, quantity
from .settings import Settings
from .spectrum import Grid, spectra

#: Hz that part the onsets of low, mid and high.
ONSET_EDGES = (0.0, 250.0, 4000.0, np.inf)
_BLOCK = 4096
_TOP_DB = 80.0


@dataclass
class Listening:
    """One sound, or the harmonic or percussive part of one.

    Parameters
    ----------
    samples : float32 array, shape (samples,), mono
    """

    samples: np.ndarray
    grid: Grid
    settings: Settings = field(default_factory=Settings)
    _hops: dict[str, np.ndarray] = field(default_factory=dict)
    _shared: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The length of all video frames."""
        return float(self.grid.rate.seconds(self.grid.frames))

    def shared(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """An array that several features use, made by the first that asks."""
        if name not in self._shared:
            self.settings.check()
            self._shared[name] = make()
        return self._shared[name]

    def collect(self, names: Iterable[str]) -> None:
        """Walk once through the spectrum and keep several quantities of every hop (names of ``quantities``)."""
        wanted = [name for name in dict.fromkeys(names) if name not in self._hops]
        if not wanted:
            return
        functions = [quantity(name, self.grid) for name in wanted]
        centres = self.grid.centres()
        done = 0
        for block in spectra(self.samples, centres, self.grid.window):
            self.settings.check()
            for name, function in zip(wanted, functions, strict=True):
                values = function(block)
                if name not in self._hops:
                    self._hops[name] = np.empty((len(centres), *values.shape[1:]), dtype=values.dtype)
                self._hops[name][done : done + len(values)] = values
            done += len(block.power)

    def hops(self, name: str) -> np.ndarray:
        """A quantity of every hop, shape (hops, ...)."""
        self.collect([name])
        return self._hops[name]

    def decibels(self, first: int, last: int) -> np.ndarray:
        """The log-mel spectrum of hops, shape (128, hops), at most 80 dB below the loudest (librosa.power_to_db)."""
        mel = self.hops("mel of onsets")
        floor = 10 * np.log10(max(1e-10, self._loudest)) - _TOP_DB
        return np.maximum(librosa.power_to_db(mel[first:last].T, top_db=None), floor)

    @cached_property
    def _loudest(self) -> float:
        return float(self.hops("mel of onsets").max(initial=0.0))

    @cached_property
    def novelty(self) -> np.ndarray:
        """Onset strength per hop: the mean rise of the log-mel spectrum, in dB (librosa.onset.onset_strength)."""
        return self._rises([slice(0, ONSET_MELS)])[0]

    @cached_property
    def band_novelty(self) -> np.ndarray:
        """Onset strength per hop of the low, mid and high mel bands, shape (3, hops)."""
        middles = librosa.mel_frequencies(ONSET_MELS + 2, fmin=0.0, fmax=self.grid.sample_rate / 2)[1:-1]
        edges = np.searchsorted(middles, ONSET_EDGES)
        return self._rises([slice(*pair) for pair in pairwise(edges)])

    def _rises(self, channels: list[slice]) -> np.ndarray:
        """``librosa.onset.onset_strength_multi`` block by block, shape (channels, hops)."""
        hops = len(self.hops("mel of onsets"))
        rises = np.zeros((len(channels), hops), dtype=np.float32)
        for first in range(0, hops, _BLOCK):
            last = min(hops, first + _BLOCK)
            before = max(0, first - 1)
            if last - before < 2:
                continue
            mel = self.decibels(before, last)
            for row, channel in enumerate(channels):
                if channel.stop > channel.start:
                    rise = onset_strength(S=mel[channel], sr=self.grid.hops_per_second, hop_length=1, center=False)
                    rises[row, first:last] = rise[first - before :]
        return rises

    @cached_property
    def times(self) -> np.ndarray:
        """The sample number of each hop, with attacks where they really are."""
        return self.aligned(self.novelty)

    def aligned(self, novelty: np.ndarray) -> np.ndarray:
        """The sample number of each hop, with the peaks of a novelty moved to their attacks."""
        self.settings.check()
        return align_to_attacks(self.samples, novelty, self.grid)
