"""One sound, with everything that several features share computed once and only if it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import librosa
import numpy as np
from librosa.onset import onset_strength

from .reading.sound_file import mono
from .settings import Settings
from .spectra.breaks import breaks, outside
from .spectra.onsets import align_to_attacks
from .spectra.quantities import ONSET_MELS, quantity
from .spectra.spectrum import Grid, spectra
from .spectra.steady import steady

#: Hz that part the onsets of low, mid and high.
ONSET_EDGES = (0.0, 250.0, 4000.0, np.inf)
#: How far steady noise's strongest rise lies above its usual ones: of all bands, low, mid, and high; see ``steady``.
_HEADROOMS = (24.0, 15.0, 15.0, 32.0)
_BLOCK = 4096
_TOP_DB = 80.0
#: What is usual at a sound's beginning: what is weaker than this in a quarter of the first seconds.
_BACKGROUND_SECONDS, _BACKGROUND_PERCENT = 2.0, 25
#: dB; what rises less is no hit. For flux, of the beginning.
_LEAST_RISE, _FAINT = 3.0, 0.05


@dataclass
class Sound:
    """One sound, or the harmonic or percussive part of one.

    Parameters
    ----------
    samples : float32 array, shape (samples,) or (channels, samples); what is heard is the energy of all channels
    """

    samples: np.ndarray
    grid: Grid
    settings: Settings = field(default_factory=Settings)
    _hops: dict[str, np.ndarray] = field(default_factory=dict)
    _shared: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.samples = np.atleast_2d(self.samples)

    @property
    def length(self) -> int:
        """The number of samples of each channel."""
        return self.samples.shape[1]

    @cached_property
    def mono(self) -> np.ndarray:
        """One wave, for what follows a wave and no spectrum: shape (samples,)."""
        return mono(self.samples)

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
        return self._decibels(self.hops("mel of onsets")[first:last])

    def _decibels(self, mel: np.ndarray) -> np.ndarray:
        floor = 10 * np.log10(max(1e-10, self._loudest)) - _TOP_DB
        return np.maximum(librosa.power_to_db(mel.T, top_db=None), floor)

    @cached_property
    def _loudest(self) -> float:
        return float(self.hops("mel of onsets").max(initial=0.0))

    @cached_property
    def novelty(self) -> np.ndarray:
        """Onset strength per hop: the mean rise of the log-mel spectrum, in dB (librosa.onset.onset_strength).

        A break is no rise, and what begins with the sound itself is one, see ``_rises``.
        """
        return self._all_rises[0]

    @cached_property
    def band_novelty(self) -> np.ndarray:
        """Onset strength per hop of the low, mid and high mel bands, shape (3, hops)."""
        return self._all_rises[1:]

    @cached_property
    def _all_rises(self) -> np.ndarray:
        """The rises of all mel bands together, and of the low, mid and high ones; shape (4, hops)."""
        middles = librosa.mel_frequencies(ONSET_MELS + 2, fmin=0.0, fmax=self.grid.sample_rate / 2)[1:-1]
        edges = np.searchsorted(middles, ONSET_EDGES)
        return self._rises([slice(0, ONSET_MELS), *(slice(*pair) for pair in pairwise(edges))])

    @cached_property
    def still(self) -> np.ndarray:
        """The hops around which nothing begins: all bands only vary as steady noise does. Bool, shape (hops,)."""
        rate = self.grid.hops_per_second
        rows = zip(self._all_rises, _HEADROOMS, strict=True)
        return np.all([steady(row, rate, headroom) for row, headroom in rows], axis=0)

    @property
    def flux(self) -> np.ndarray:
        """The rises of the magnitude per hop; a break is none, and the sound's own beginning outweighs no other."""
        rises, hops = self.hops("flux").copy(), self._unbroken[0]
        for run in np.split(np.arange(len(hops)), np.flatnonzero(np.diff(hops) > 1) + 1):
            if len(run):
                first, last = int(hops[run[0]]), int(hops[run[-1]]) + 1
                centres = self.grid.centres()
                around = np.concatenate([centres[first - 1 : first], self._unbroken[1][run], centres[last : last + 1]])
                mended = self._quantity("flux", around)
                rises[first : last + 1] = mended[1:] if first else mended
        begins = int(np.searchsorted(self.grid.centres(), self.grid.window // 2))
        if 0 < begins < len(rises):
            start, others = rises[:begins], rises[begins:].max()
            rises[:begins] = _no_stronger(start, others, _FAINT * start.max())
        return rises

    def _rises(self, channels: list[slice]) -> np.ndarray:
        """``librosa.onset.onset_strength_multi`` block by block, shape (channels, hops).

        Windows that cross a break stand before or after it instead. The rise at the first hop is that from before the
        sound, where its background is taken for what is usual at its beginning.
        """
        hops = len(self.hops("mel of onsets"))
        rises = np.zeros((len(channels), hops), dtype=np.float32)
        for first in range(0, hops, _BLOCK):
            last = min(hops, first + _BLOCK)
            before = max(0, first - 1)
            if last - before >= 2:
                rises[:, first:last] = self._strengths(self._whole(before, last), channels)[:, first - before :]
        if hops > 1:
            start = self._strengths(self._start(), channels).max(axis=1)
            rises[:, 0] = _no_stronger(start, rises[:, 1:].max(axis=1), _LEAST_RISE)
        return rises

    def _strengths(self, decibels: np.ndarray, channels: list[slice]) -> np.ndarray:
        """The mean rise since the hop before of some mel bands each, shape (channels, hops); 0 at the first hop."""
        rises = np.zeros((len(channels), decibels.shape[1]), dtype=np.float32)
        for row, channel in enumerate(channels):
            if channel.stop > channel.start:
                bands, rate = decibels[channel], self.grid.hops_per_second
                rises[row] = onset_strength(S=bands, sr=rate, hop_length=1, center=False)
        return rises

    def _whole(self, first: int, last: int) -> np.ndarray:
        """The log-mel spectrum of hops, where no window crosses a break."""
        mel, hops = self.hops("mel of onsets")[first:last], self._unbroken[0]
        here = slice(*np.searchsorted(hops, [first, last]))
        if here.stop > here.start:
            mel = mel.copy()
            mel[hops[here] - first] = self._mended[here]
        return self._decibels(mel)

    def _start(self) -> np.ndarray:
        """The log-mel spectrum of the sound's background, and of hops from before the sound up to the first."""
        centres, mel = self.grid.centres(), self.hops("mel of onsets")
        step, half = max(1, int(centres[1] - centres[0])), self.grid.window // 2
        first = min(int(np.searchsorted(centres, half)), len(mel) - 1)
        usual = mel[first : first + max(1, round(_BACKGROUND_SECONDS * self.grid.hops_per_second))]
        background = np.percentile(usual, _BACKGROUND_PERCENT, axis=0, keepdims=True).astype(mel.dtype)
        before = centres[0] - step * np.arange((centres[0] + half) // step, -1, -1)
        rows = np.maximum(self._quantity("mel of onsets", before), background)
        return self._decibels(np.concatenate([background, rows]))

    @cached_property
    def _unbroken(self) -> tuple[np.ndarray, np.ndarray]:
        """The hops whose windows cross a break, and where they stand instead."""
        return outside(self.grid.centres(), breaks(self.samples, self.grid), self.grid.window // 2)

    @cached_property
    def _mended(self) -> np.ndarray:
        """The mel spectrum of these hops."""
        return self._quantity("mel of onsets", self._unbroken[1])

    def _quantity(self, name: str, centres: np.ndarray) -> np.ndarray:
        """A quantity of windows that stand elsewhere than on the grid."""
        function = quantity(name, self.grid)
        return np.concatenate([function(block) for block in spectra(self.samples, centres, self.grid.window)])

    @cached_property
    def times(self) -> np.ndarray:
        """The sample number of each hop, with attacks where they really are."""
        return self.aligned(self.novelty)

    def aligned(self, novelty: np.ndarray) -> np.ndarray:
        """The sample number of each hop, with the peaks of a novelty moved to their attacks."""
        self.settings.check()
        return align_to_attacks(self.samples, novelty, self.grid)


def _no_stronger(start: np.ndarray, others: np.ndarray, least: float) -> np.ndarray:
    """What begins with the sound, at most as strong as the strongest of what begins later, if anything does.

    Whether a sound begins with a hit or was cut within a note cannot be told; this way a cut flattens no hit.
    """
    return np.where(others >= least, np.minimum(start, others), start)
