"""Level: rms and bands from the shared spectrum; peak, crest, zero crossings and loudness from the samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from scipy.signal import sosfilt

from ....core.sound.features import Asked
from ..registry import measures
from ..sound import Sound
from ..spectra.spectrum import Grid

BANDS = {"low": "power:20-250", "mid": "power:250-4000", "high": "power:4000-20000"}
LOUDNESS_SECONDS = 0.4
LOUDNESS_FLOOR = -70.0
#: Samples that are measured at once: what fits into a processor's cache.
_BLOCK = 1 << 16


def _power(asked: Asked) -> tuple[str, ...]:
    return (BANDS.get(asked.name, f"power:{asked.low:g}-{asked.high:g}" if asked.feature.hertz else "power"),)


@measures("rms", "low", "mid", "high", "band", needs=_power)
def level(sound: Sound, asked: Asked) -> np.ndarray:
    """Root of the mean power of a frame's hops."""
    return np.sqrt(sound.grid.per_frame(sound.hops(_power(asked)[0])).mean(axis=1, dtype=np.float64))


@measures("peak")
def peak(sound: Sound, asked: Asked) -> np.ndarray:
    """The largest magnitude of a frame's samples."""
    return _peaks(sound)


@measures("crest")
def crest(sound: Sound, asked: Asked) -> np.ndarray:
    """20 log10(peak / rms) of a frame's samples, in dB; 0 in silence."""
    highest = _peaks(sound)
    power = _energies(sound).sum(axis=0) / (len(sound.samples) * np.diff(sound.grid.starts()))
    heard = highest > 1e-9
    return 20 * np.log10(np.divide(highest, np.sqrt(power), out=np.ones(len(power)), where=heard & (power > 0)))


@measures("zero_crossings")
def zero_crossings(sound: Sound, asked: Asked) -> np.ndarray:
    """Changes of sign per second, of each channel by its energy (librosa.zero_crossings, within 1e-10 is positive)."""
    channels = [sound.samples[row : row + 1] for row in range(len(sound.samples))]
    counts = np.array([_crossings(channel, sound.grid) for channel in channels])
    weights = _energies(sound) + 1e-30
    crossings = (counts * weights).sum(axis=0) / weights.sum(axis=0)
    return crossings * (sound.grid.sample_rate / np.diff(sound.grid.starts()))


def _crossings(channel: np.ndarray, grid: Grid) -> np.ndarray:
    """How often the sign of one channel changes in each frame; shape of the channel (1, samples)."""
    before = channel[0, :1] < -1e-10

    def changes(samples: np.ndarray) -> np.ndarray:
        nonlocal before
        negative = np.concatenate([before, samples[0] < -1e-10])
        before = negative[-1:]
        return (negative[1:] != negative[:-1]).astype(np.float32)

    return _reduced(channel, grid, np.add, changes)


def _peaks(sound: Sound) -> np.ndarray:
    """The largest magnitude of each frame's samples on any channel."""

    def highest(samples: np.ndarray) -> np.ndarray:
        magnitudes = np.abs(samples)
        return magnitudes[0] if len(magnitudes) == 1 else magnitudes.max(axis=0)

    return sound.shared("peaks", lambda: _reduced(sound.samples, sound.grid, np.maximum, highest))


def _energies(sound: Sound) -> np.ndarray:
    """The sum of the squares of each frame's samples, shape (channels, frames)."""

    def energies() -> np.ndarray:
        channels = (sound.samples[row : row + 1] for row in range(len(sound.samples)))
        return np.array([_reduced(each, sound.grid, np.add, lambda here: np.square(here[0])) for each in channels])

    return sound.shared("energies", energies)


@measures("loudness")
def loudness(sound: Sound, asked: Asked) -> np.ndarray:
    """Momentary loudness of the 0.4 s around each frame's middle in LUFS, at least -70 (ITU-R BS.1770-5).

    Measured as the mean of the channels' energy; a stereo meter adds them up and reads 3.01 LU more.
    """
    grid = sound.grid
    half = round(LOUDNESS_SECONDS / 2 * grid.sample_rate)
    ends = np.clip(np.stack([grid.middles() - half, grid.middles() + half]), 0, sound.length)
    energy = np.zeros(ends.shape)
    stages, total = k_weighting(grid.sample_rate), 0.0
    state = np.zeros((len(stages), len(sound.samples), 2))
    for first in range(0, sound.length, _BLOCK):
        sound.settings.check()
        weighted, state = sosfilt(stages, sound.samples[:, first : first + _BLOCK], zi=state)  # copies to float64
        np.square(weighted, out=weighted)
        running = np.zeros(weighted.shape[1] + 1)
        np.cumsum(weighted[0] if len(weighted) == 1 else weighted.mean(axis=0), out=running[1:])
        running += total
        here = (ends >= first) & (ends < first + len(running))
        energy[here] = running[ends[here] - first]
        total = float(running[-1])
    power = np.maximum(energy[1] - energy[0], 0.0) / (2 * half)
    return np.maximum(-0.691 + 10 * np.log10(np.maximum(power, 1e-12)), LOUDNESS_FLOOR)


def k_weighting(sample_rate: int) -> np.ndarray:
    """The two filters of BS.1770-5 for any sample rate, as second-order sections of shape (2, 6).

    The standard gives coefficients for 48 kHz only. These are the bilinear transforms of the analogue prototypes
    behind them: a shelf of 4 dB above 1682 Hz and a high-pass at 38 Hz (Mansbridge, Finn & Reiss, AES 2012; the
    constants are those of libebur128).
    """
    return np.array([_shelf(sample_rate), _high_pass(sample_rate)])


def _shelf(sample_rate: int) -> list[float]:
    warped = _warp(1681.974450955533, sample_rate)
    quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    base = 1 + warped / quality + warped**2
    return [
        (high + middle * warped / quality + warped**2) / base,
        2 * (warped**2 - high) / base,
        (high - middle * warped / quality + warped**2) / base,
        1.0,
        2 * (warped**2 - 1) / base,
        (1 - warped / quality + warped**2) / base,
    ]


def _high_pass(sample_rate: int) -> list[float]:
    warped, quality = _warp(38.13547087602444, sample_rate), 0.5003270373238773
    base = 1 + warped / quality + warped**2
    return [1.0, -2.0, 1.0, 1.0, 2 * (warped**2 - 1) / base, (1 - warped / quality + warped**2) / base]


def _warp(frequency: float, sample_rate: int) -> float:
    """The frequency of the prototype; kept below half the sample rate, where a filter cannot be."""
    return math.tan(math.pi * min(frequency / sample_rate, 0.49))


def _reduced(
    samples: np.ndarray, grid: Grid, ufunc: np.ufunc, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """A reduction of what a function makes of each frame's samples, float64, shape (frames,); 0 beyond the sound."""
    reduced = np.zeros(grid.frames)
    for first, last, here, starts in _blocks(samples, grid):
        reduced[first:last] = ufunc.reduceat(function(here), starts, dtype=np.float64)
    return reduced


def _blocks(samples: np.ndarray, grid: Grid) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Runs of whole frames: the first and the end of the frames, their samples, and where each begins in these."""
    starts = grid.starts()
    count = max(1, _BLOCK * grid.frames // max(1, int(starts[-1])))
    heard = int(np.searchsorted(starts, samples.shape[1]))  # frames from here on hold no sample
    for first in range(0, min(grid.frames, heard), count):
        last = min(first + count, grid.frames, heard)
        yield first, last, samples[:, starts[first] : starts[last]], starts[first:last] - starts[first]
