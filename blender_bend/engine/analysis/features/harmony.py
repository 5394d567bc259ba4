"""Which notes sound: pitch classes, keys, the tonnetz, and the pitch of a single voice."""

from __future__ import annotations

import warnings

import librosa
import numpy as np
from librosa.feature import tonnetz as librosa_tonnetz
from librosa.filters import chroma as chroma_filters
from scipy.ndimage import uniform_filter1d
from scipy.signal import resample_poly

from ....core.sound.features import Asked
from ..registry import measures
from ..sound import Sound
from ..spectra.spectrum import spectra

#: The window is longer than that of the shared spectrum: at 110 Hz two notes are 6.5 Hz apart.
WINDOWS = 4
TUNING_FRAMES = 500
KEY_SECONDS = 4.0
#: How well each of the twelve notes fits C major and C minor (Krumhansl & Kessler 1982).
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
#: Mean power of a window, of that of a full-scale sine: what is weaker has no notes.
SILENCE = 1e-8

PITCH_LOW, PITCH_HIGH = 65.41, 2093.0
PITCH_RATE = 22050
PITCH_BLOCK_SECONDS, PITCH_OVERLAP_SECONDS = 15.0, 1.0
_NOTES = "Detecting notes"
_PITCH = "Tracking pitch"


@measures("chroma", phase=_NOTES)
def chroma(sound: Sound, asked: Asked) -> np.ndarray:
    """One pitch class as a share of the strongest; 0 in silence (librosa.feature.chroma_stft)."""
    return librosa.util.normalize(chromas(sound), norm=np.inf, axis=1)[:, asked.which - 1]


@measures("tonnetz", phase=_NOTES)
def tonnetz(sound: Sound, asked: Asked) -> np.ndarray:
    """One dimension of the tonal centroid (librosa.feature.tonnetz); 0 in silence."""
    return librosa_tonnetz(chroma=chromas(sound).T, sr=sound.grid.sample_rate)[asked.which - 1]


@measures("key_strength", phase=_NOTES)
def key_strength(sound: Sound, asked: Asked) -> np.ndarray:
    """The best correlation of the notes of 4 s with the profiles of the 24 keys; 0 in silence."""
    frames = max(1, round(KEY_SECONDS * float(sound.grid.rate.value)))
    notes = uniform_filter1d(chromas(sound).astype(np.float64), frames, axis=0, mode="constant")
    keys = np.array([np.roll(profile, note) for profile in (MAJOR, MINOR) for note in range(12)])
    keys = keys - keys.mean(axis=1, keepdims=True)
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    notes = notes - notes.mean(axis=1, keepdims=True)
    size = np.linalg.norm(notes, axis=1)
    return np.divide((notes @ keys.T).max(axis=1), size, out=np.zeros_like(size), where=size > 1e-9)


def chromas(sound: Sound) -> np.ndarray:
    """Power in each pitch class around each frame's middle, C first, shape (frames, 12); 0 in silence."""
    return sound.shared("chromas", lambda: _chromas(sound))


def _chromas(sound: Sound) -> np.ndarray:
    grid = sound.grid
    window = WINDOWS * grid.window
    centres = grid.middles()
    filters = chroma_filters(sr=grid.sample_rate, n_fft=window, tuning=_tuning(sound, window))
    blocks = []
    for block in spectra(sound.samples, centres, window):
        sound.settings.check()
        loud = block.power.sum(axis=1, keepdims=True) > SILENCE * (window / 4) ** 2
        blocks.append(np.where(loud, block.power @ filters.T, np.float32(0.0)))
    return np.concatenate(blocks)


def _tuning(sound: Sound, window: int) -> float:
    """How far the music's A is from 440 Hz, in semitones, from a choice of frames all over it."""
    centres = sound.grid.middles()
    chosen = centres[np.linspace(0, len(centres) - 1, min(len(centres), TUNING_FRAMES)).astype(np.int64)]
    loud = np.concatenate([block.power for block in spectra(sound.samples, chosen, window)]).T
    if not loud.any():
        return 0.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Trying to estimate tuning from empty frequency set")
        return float(librosa.estimate_tuning(S=loud, sr=sound.grid.sample_rate, n_fft=window, bins_per_octave=12))


@measures("pitch", phase=_PITCH)
def pitch(sound: Sound, asked: Asked) -> np.ndarray:
    """The pitch in Hz, held while nothing sings; before the first note its pitch; 0 if there is none at all."""
    hertz = _sung(sound)[0]
    sings = np.flatnonzero(np.isfinite(hertz))
    if not len(sings):
        return np.zeros(len(hertz))
    latest = np.searchsorted(sings, np.arange(len(hertz)), side="right") - 1
    return hertz[sings[np.maximum(latest, 0)]]


@measures("voicing", phase=_PITCH)
def voicing(sound: Sound, asked: Asked) -> np.ndarray:
    """How probable it is that a single voice sings."""
    return _sung(sound)[1]


def _sung(sound: Sound) -> np.ndarray:
    """Hz (nan where nothing sings) and probability at each frame's middle, shape (2, frames)."""
    return sound.shared("sung", lambda: _pyin(sound))


def _pyin(sound: Sound) -> np.ndarray:
    """``librosa.pyin`` in overlapping blocks at no more than 22.05 kHz: a whole song would take gigabytes."""
    samples, factor = sound.mono, max(1, -(-sound.grid.sample_rate // PITCH_RATE))
    rate = sound.grid.sample_rate / factor
    window = 2 ** int(np.ceil(np.log2(2 * rate / PITCH_LOW + 2)))
    hop = max(1, round(rate / 100))
    block = int(PITCH_BLOCK_SECONDS * rate) // hop * hop * factor
    overlap = int(PITCH_OVERLAP_SECONDS * rate) // hop * hop * factor
    found = []
    for first in range(0, max(1, len(samples)), block):
        sound.settings.check()
        begin = max(0, first - overlap)
        piece = resample_poly(samples[begin : first + block + overlap], 1, factor).astype(np.float32)
        hertz, _, probability = librosa.pyin(
            np.pad(piece, (0, max(0, window - len(piece)))),
            fmin=PITCH_LOW,
            fmax=min(PITCH_HIGH, 0.45 * rate),
            sr=rate,
            frame_length=window,
            hop_length=hop,
            resolution=0.25,
        )
        inside = slice((first - begin) // factor // hop, (first - begin + block) // factor // hop)
        found.append(np.stack([hertz, probability])[:, inside])
    hops = np.concatenate(found, axis=1)
    nearest = np.rint(sound.grid.middles() / (factor * hop)).astype(np.int64)
    silent = nearest >= hops.shape[1]
    result = hops[:, np.minimum(nearest, hops.shape[1] - 1)]
    result[:, silent] = [[np.nan], [0.0]]
    return result
