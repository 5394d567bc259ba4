"""The features, measured with librosa from the shared spectrum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import librosa
import numpy as np
from librosa.beat import beat_track
from librosa.feature import rms, spectral_centroid
from librosa.filters import mel as mel_filters
from librosa.onset import onset_strength

from ...core import features
from .onsets import align_to_attacks, strongest_per_frame
from .settings import Settings
from .spectrum import Grid, magnitudes

BANDS = {"low": (20.0, 250.0), "mid": (250.0, 4000.0), "high": (4000.0, 20000.0)}
MEL_BANDS = 128
PULSE_SECONDS = 0.15


@dataclass
class Listening:
    """One sound with everything that several features share, each computed once and only if asked for.

    Parameters
    ----------
    samples : float32 array, shape (samples,), mono
    """

    samples: np.ndarray
    grid: Grid
    _hops: dict[str, np.ndarray] = field(default_factory=dict)

    def hops(self, name: str) -> np.ndarray:
        """A quantity per hop that comes from the shared spectrum; the first call walks through the spectrum."""
        if not self._hops:
            self._hops = self._walk()
        return self._hops[name]

    def _walk(self) -> dict[str, np.ndarray]:
        grid, window = self.grid, self.grid.window
        frequencies = librosa.fft_frequencies(sr=grid.sample_rate, n_fft=window)
        mel = mel_filters(sr=grid.sample_rate, n_fft=window, n_mels=MEL_BANDS)
        # A full-scale sine reads the same level whatever the window: Hann keeps 3/8 of the power.
        level = np.sqrt(8 / 3)
        collected: dict[str, list[np.ndarray]] = {
            name: [] for name in ("rms", "centroid", "weight", "flux", "mel", *BANDS)
        }
        previous = np.zeros((window // 2 + 1, 1), dtype=np.float32)
        for spectrum in magnitudes(self.samples, grid):
            collected["rms"].append(rms(S=spectrum, frame_length=window)[0] * level)
            collected["centroid"].append(spectral_centroid(S=spectrum, sr=grid.sample_rate)[0])
            collected["weight"].append(spectrum.sum(axis=0))
            for band, (bottom, top) in BANDS.items():
                inside = ((frequencies >= bottom) & (frequencies < top))[:, None]
                collected[band].append(rms(S=spectrum * inside, frame_length=window)[0] * level)
            rise = np.diff(np.concatenate([previous, spectrum], axis=1), axis=1)
            collected["flux"].append(np.maximum(rise, 0.0).sum(axis=0) / window)
            collected["mel"].append(mel @ spectrum**2)
            previous = spectrum[:, -1:]
        return {name: np.concatenate(blocks, axis=-1) for name, blocks in collected.items()}

    @cached_property
    def novelty(self) -> np.ndarray:
        """Onset strength per hop: the mean rise of the log-mel spectrum, in dB (librosa.onset.onset_strength)."""
        return onset_strength(
            S=librosa.power_to_db(self.hops("mel")), sr=self.grid.hops_per_second, hop_length=1, center=False
        )

    @cached_property
    def times(self) -> np.ndarray:
        """The sample number of each hop, with attacks where they really are."""
        return align_to_attacks(self.samples, self.novelty, self.grid)

    def frame_level(self, name: str) -> np.ndarray:
        """Root of the mean power of a frame's hops."""
        return np.sqrt(np.mean(self.grid.per_frame(self.hops(name)) ** 2, axis=1))


def _centroid(sound: Listening) -> np.ndarray:
    """Mean of the hops' spectral centroids in Hz, weighted by their magnitude; 0 in silence."""
    weight = sound.grid.per_frame(sound.hops("weight"))
    total = weight.sum(axis=1)
    weighted = (sound.grid.per_frame(sound.hops("centroid")) * weight).sum(axis=1)
    return np.divide(weighted, total, out=np.zeros_like(total), where=total > 1e-6)


def _flux(sound: Listening) -> np.ndarray:
    """The sum of all rises of the magnitude spectrum, at its attacks."""
    flux = sound.hops("flux")
    return strongest_per_frame(flux, align_to_attacks(sound.samples, flux, sound.grid), sound.grid)


def _beat(sound: Listening) -> np.ndarray:
    """1 in the frame of each beat (librosa.beat.beat_track), then falling to 1/e in 0.15 s."""
    if not np.any(sound.novelty > 0):
        return np.zeros(sound.grid.frames)
    rate = sound.grid.hops_per_second
    longer = np.pad(sound.novelty, (0, round(rate)))  # a second of silence, or the last beat is drawn to the end
    _, beats = beat_track(onset_envelope=longer, sr=rate, hop_length=1)
    beats = beats[beats < len(sound.novelty)]
    frames = sound.grid.rate.frame_of(sound.times[beats], sound.grid.sample_rate)
    since = np.full(sound.grid.frames, np.inf)
    for beat in np.unique(np.clip(frames, 0, sound.grid.frames - 1)):
        since[beat:] = np.arange(sound.grid.frames - beat)
    return np.exp(-since * float(sound.grid.rate.seconds(1)) / PULSE_SECONDS)


MEASURES: dict[str, Callable[[Listening], np.ndarray]] = {
    "rms": lambda sound: sound.frame_level("rms"),
    "onset": lambda sound: strongest_per_frame(sound.novelty, sound.times, sound.grid),
    "centroid": _centroid,
    "flux": _flux,
    "low": lambda sound: sound.frame_level("low"),
    "mid": lambda sound: sound.frame_level("mid"),
    "high": lambda sound: sound.frame_level("high"),
    "beat": _beat,
}


def measure(
    samples: np.ndarray, grid: Grid, names: list[str], settings: Settings | None = None
) -> dict[str, np.ndarray]:
    """Measure features.

    Parameters
    ----------
    samples : float32 array, shape (samples,), mono
    names : features of ``core.features``

    Returns
    -------
    for each name a float32 array, shape (grid.frames,)

    Raises
    ------
    BendError(PARAMETER_INVALID) for an unknown name.
    """
    sound = Listening(samples, grid)
    return {name: MEASURES[name](sound).astype(np.float32) for name in features.check_names(names)}
