"""The shape of the spectrum: its moments, noisiness, edges, changes and bands."""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

from ....core.sound.features import Asked
from ..registry import measures
from ..sound import Sound
from ..spectra.onsets import strongest_per_frame
from ..spectra.quantities import FLOOR

MEL_FLOOR_DB = -80.0
MFCCS = 20
#: Of the sum of magnitudes that a full-scale sine has; what is weaker is silence.
SILENCE = 1e-6
_FRAMES = 1024


@measures("centroid", needs=("moments",))
def centroid(sound: Sound, asked: Asked) -> np.ndarray:
    """Mean frequency of the frame's magnitudes in Hz; 0 in silence (librosa.feature.spectral_centroid)."""
    return _moments(sound)[0] * sound.grid.sample_rate / 2


@measures("spread", needs=("moments",))
def spread(sound: Sound, asked: Asked) -> np.ndarray:
    """Standard deviation about the centroid in Hz; 0 in silence (librosa.feature.spectral_bandwidth)."""
    return np.sqrt(_moments(sound)[1]) * sound.grid.sample_rate / 2


@measures("skewness", needs=("moments",))
def skewness(sound: Sound, asked: Asked) -> np.ndarray:
    """Third central moment by the third power of the spread; 0 in silence."""
    _, second, third, _ = _moments(sound)
    return _ratio(third, second**1.5)


@measures("kurtosis", needs=("moments",))
def kurtosis(sound: Sound, asked: Asked) -> np.ndarray:
    """Fourth central moment by the fourth power of the spread (3 for a bell curve); 0 in silence."""
    _, second, _, fourth = _moments(sound)
    return _ratio(fourth, second**2)


@measures("flatness", needs=("flatness", "moments"))
def flatness(sound: Sound, asked: Asked) -> np.ndarray:
    """Flatness of the frame's hops, weighted by their magnitude; 0 in silence."""
    return _weighted(sound, "flatness")


@measures("rolloff", needs=("rolloff", "moments"))
def rolloff(sound: Sound, asked: Asked) -> np.ndarray:
    """Rolloff of the frame's hops in Hz, weighted by their magnitude; 0 in silence."""
    return _weighted(sound, "rolloff")


@measures("contrast", needs=("contrast",))
def contrast(sound: Sound, asked: Asked) -> np.ndarray:
    """Mean contrast of the frame's hops in one octave band, in dB."""
    return sound.grid.per_frame(sound.hops("contrast")[:, asked.which - 1]).mean(axis=1)


@measures("flux", needs=("flux",))
def flux(sound: Sound, asked: Asked) -> np.ndarray:
    """The sum of all rises of the magnitude spectrum, at its attacks."""
    values = sound.flux
    return strongest_per_frame(values, sound.aligned(values), sound.grid)


@measures("mel", needs=("mel",))
def mel(sound: Sound, asked: Asked) -> np.ndarray:
    """Mean power of one of 40 mel bands in dB of a full-scale sine in its middle, at least -80."""
    power = sound.grid.per_frame(sound.hops("mel")[:, asked.which - 1]).mean(axis=1, dtype=np.float64)
    full = (sound.grid.window / 4) ** 2
    return np.maximum(10 * np.log10(np.maximum(power / full, FLOOR)), MEL_FLOOR_DB)


@measures("mfcc", needs=("mel of onsets",))
def mfcc(sound: Sound, asked: Asked) -> np.ndarray:
    """One of 20 mel-frequency cepstral coefficients, mean of the frame's hops (librosa.feature.mfcc)."""
    return mfccs(sound)[:, asked.which - 1]


def mfccs(sound: Sound) -> np.ndarray:
    """All 20 coefficients, shape (frames, 20)."""
    return sound.shared("mfccs", lambda: _mfccs(sound))


def _mfccs(sound: Sound) -> np.ndarray:
    found = np.empty((sound.grid.frames, MFCCS), dtype=np.float32)
    hops = sound.grid.hops_per_frame
    for first in range(0, sound.grid.frames, _FRAMES):
        last = min(sound.grid.frames, first + _FRAMES)
        cepstrum = dct(sound.decibels(first * hops, last * hops), axis=0, norm="ortho")[:MFCCS]
        found[first:last] = cepstrum.reshape(MFCCS, last - first, hops).mean(axis=2).T
    return found


def _moments(sound: Sound) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean and second to fourth central moment of each frame's spectrum, frequency as a share of half the sample rate.

    The sums are linear in the magnitudes, so those of a frame are the sums of its hops'.
    """
    total, *sums = sound.grid.per_frame(sound.hops("moments")).sum(axis=1).T
    heard = total > SILENCE * sound.grid.window / 2 * sound.grid.hops_per_frame
    one, two, three, four = (np.divide(each, total, out=np.zeros_like(total), where=heard) for each in sums)
    second = np.maximum(two - one**2, 0.0)
    third = three - 3 * one * two + 2 * one**3
    fourth = np.maximum(four - 4 * one * three + 6 * one**2 * two - 3 * one**4, 0.0)
    return one, second, third, fourth


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """A standardised moment; 0 where the spectrum has no width."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-15)


def _weighted(sound: Sound, name: str) -> np.ndarray:
    """The mean of a quantity over a frame's hops, weighted by their magnitude; 0 in silence."""
    weight = sound.grid.per_frame(sound.hops("moments")[:, 0])
    total = weight.sum(axis=1)
    weighted = (sound.grid.per_frame(sound.hops(name)) * weight).sum(axis=1)
    heard = total > SILENCE * sound.grid.window / 2 * sound.grid.hops_per_frame
    return np.divide(weighted, total, out=np.zeros_like(total), where=heard)
