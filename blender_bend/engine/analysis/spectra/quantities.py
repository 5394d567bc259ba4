"""What is taken from the spectrum of every hop; each is one pass over a block of spectra."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from librosa.filters import mel as mel_filters

from .spectrum import Grid, Spectra

Quantity = Callable[[Spectra], np.ndarray]

ONSET_MELS = 128
MELS = 40
ROLLOFF = 0.85
FLOOR = 1e-10
CONTRAST_BANDS, CONTRAST_LOWEST, CONTRAST_SHARE = 7, 200.0, 0.02


def quantity(name: str, grid: Grid) -> Quantity:
    """A function from a block of spectra to one row for each of its hops.

    Parameters
    ----------
    name : a key of ``QUANTITIES``, or ``power:LOW-HIGH`` for a band in Hz
    """
    if name.startswith("power:"):
        low, high = (float(number) for number in name.removeprefix("power:").split("-"))
        return _power(grid, low, high)
    return QUANTITIES[name](grid)


def _power(grid: Grid, low: float = 0.0, high: float = np.inf) -> Quantity:
    """Mean square of the samples, from Parseval's theorem (librosa.feature.rms), within a band low <= f < high.

    A full-scale sine reads the same whatever the window: Hann keeps 3/8 of the power.
    """
    weight = np.full(grid.window // 2 + 1, 2.0)
    weight[[0, -1]] = 1.0
    weight = (weight * (8 / 3) / (grid.window * (grid.window - 1))).astype(np.float32)
    inside = slice(*np.searchsorted(grid.frequencies, [low, high]))
    return lambda block: block.power[:, inside] @ weight[inside]


def _moments(grid: Grid) -> Quantity:
    """The sums of A, f A, f² A, f³ A and f⁴ A over the bins, f as a share of half the sample rate; float64."""
    powers = np.linspace(0.0, 1.0, grid.window // 2 + 1)[:, None] ** np.arange(5)
    return lambda block: block.magnitude.astype(np.float64) @ powers


def _flatness(grid: Grid) -> Quantity:
    """Geometric by arithmetic mean of the power (librosa.feature.spectral_flatness)."""

    def flatness(block: Spectra) -> np.ndarray:
        power = np.maximum(block.power, np.float32(FLOOR))
        return np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)

    return flatness


def _rolloff(grid: Grid) -> Quantity:
    """Hz, below which 85 % of the magnitudes lie (librosa.feature.spectral_rolloff)."""
    frequencies = grid.frequencies

    def rolloff(block: Spectra) -> np.ndarray:
        total = np.cumsum(block.magnitude, axis=1)
        return frequencies[np.argmax(total >= np.float32(ROLLOFF) * total[:, -1:], axis=1)]

    return rolloff


def _flux(grid: Grid) -> Quantity:
    """The sum of the rises of the magnitude since the hop before, in units of the window's length."""

    def flux(block: Spectra) -> np.ndarray:
        rise = np.empty_like(block.magnitude)
        np.subtract(block.magnitude[1:], block.magnitude[:-1], out=rise[1:])
        np.subtract(block.magnitude[0], block.before, out=rise[0])
        return np.maximum(rise, 0.0, out=rise).sum(axis=1) / grid.window

    return flux


def _contrast(grid: Grid) -> Quantity:
    """Mean of the strongest 2 % above that of the weakest 2 % of the magnitudes in seven bands, in dB.

    As ``librosa.feature.spectral_contrast``: 0 to 200 Hz and octaves from there, the last to the end, dB of magnitude.
    A band beyond half the sample rate has no contrast.
    """
    edges = np.concatenate([[0.0], CONTRAST_LOWEST * 2.0 ** np.arange(CONTRAST_BANDS)])
    silence = np.float32(FLOOR)
    bands = []
    for number, (low, high) in enumerate(pairwise(edges)):
        first, end = np.searchsorted(grid.frequencies, [low, high])
        end += int(end < len(grid.frequencies) and grid.frequencies[end] == high)
        first -= number > 0
        if number == CONTRAST_BANDS - 1:
            end = len(grid.frequencies)
        count = max(1, round(CONTRAST_SHARE * (end - first)))
        last = end - (number < CONTRAST_BANDS - 1)
        if low < grid.sample_rate / 2 and last > first:
            bands.append((number, slice(first, last), min(count, last - first)))

    def contrast(block: Spectra) -> np.ndarray:
        found = np.zeros((len(block.power), CONTRAST_BANDS), dtype=np.float32)
        for number, inside, count in bands:
            band = block.power[:, inside]
            if count == 1:
                valley, peak = np.sqrt(band.min(axis=1)), np.sqrt(band.max(axis=1))
            else:
                band = np.sort(band, axis=1)  # vectorized, which a partition at two places is not
                valley = np.sqrt(band[:, :count]).mean(axis=1)
                peak = np.sqrt(band[:, -count:]).mean(axis=1)
            found[:, number] = 10 * np.log10(np.maximum(peak, silence) / np.maximum(valley, silence))
        return found

    return contrast


def _mel(grid: Grid, bands: int, norm: str | None) -> Quantity:
    """Power in mel bands (librosa.feature.melspectrogram), shape (hops, bands)."""
    filters = mel_filters(sr=grid.sample_rate, n_fft=grid.window, n_mels=bands, norm=norm).T
    return lambda block: block.power @ filters


QUANTITIES: dict[str, Callable[[Grid], Quantity]] = {
    "power": _power,
    "moments": _moments,
    "flatness": _flatness,
    "rolloff": _rolloff,
    "flux": _flux,
    "contrast": _contrast,
    "mel": lambda grid: _mel(grid, MELS, None),
    "mel of onsets": lambda grid: _mel(grid, ONSET_MELS, "slaney"),
}
