"""A sound as CLAP takes it: ten seconds of mono at 44.1 kHz, and their log-mel spectrogram."""

from __future__ import annotations

import functools
import math

import librosa
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...core.errors import BendError, Code
from ..host import compiled_cache as compiled_cache  # before librosa compiles anything

SAMPLE_RATE = 44100
#: Samples of a window: ten seconds.
WINDOW = 10 * SAMPLE_RATE
N_FFT, HOP, BANDS = 1024, 320, 64


def prepare(samples: np.ndarray | Tensor, sample_rate: int) -> Tensor:
    """The mean of all channels, resampled to 44.1 kHz.

    Parameters
    ----------
    samples : shape (n,) or (channels, n), -1...1

    Returns
    -------
    shape (m,), float32; its loudness is left as it is

    Raises
    ------
    BendError(SOUND_UNREADABLE) if there is not one sample
    """
    sound = torch.as_tensor(samples, dtype=torch.float32)
    mono = sound.mean(dim=0) if sound.ndim == 2 else sound
    if not len(mono):
        raise BendError(Code.SOUND_UNREADABLE, "The sound is empty.", "Choose a sound with at least one sample.")
    return resample(mono, sample_rate, SAMPLE_RATE)


def window(mono: Tensor, start: int = 0, length: int = WINDOW) -> Tensor:
    """Ten seconds of a prepared sound; what is shorter is repeated until it fills them.

    Parameters
    ----------
    mono : shape (m,), at 44.1 kHz
    start : first sample; moved so that the window lies within the sound where it can
    length : samples that count, at most ten seconds of them

    Returns
    -------
    shape (441000,)
    """
    length = min(max(length, 1), WINDOW, len(mono))
    start = min(max(start, 0), len(mono) - length)
    samples = mono[start : start + length]
    return samples.repeat(-(-WINDOW // length))[:WINDOW]


def resample(mono: Tensor, old: int, new: int) -> Tensor:
    """Another sample rate, by a sinc under a Hann window of six zero crossings, cut off at 0.99 of the lower Nyquist.

    This is what ``torchaudio.transforms.Resample`` does by default, which the published files were trained with.

    Parameters
    ----------
    mono : shape (n,)
    old, new : Hz
    """
    if old == new:
        return mono
    common = math.gcd(old, new)
    stride, phases = old // common, new // common
    cutoff = 0.99 * min(stride, phases)
    width = math.ceil(6 * stride / cutoff)
    taps = torch.arange(-width, width + stride, dtype=torch.float64) / stride
    at = ((taps[None] - torch.arange(phases, dtype=torch.float64)[:, None] / phases) * cutoff).clamp(-6, 6)
    kernel = torch.sinc(at) * (at * math.pi / 12).cos() ** 2 * cutoff / stride
    padded = functional.pad(mono[None, None], (width, width + stride))
    rows = functional.conv1d(padded, kernel[:, None].to(mono.dtype), stride=stride)
    return rows[0].T.flatten()[: math.ceil(phases * len(mono) / stride)]


@functools.cache
def mel_matrix() -> Tensor:
    """From a power spectrum to 64 bands, 50 Hz to 14 kHz, Slaney's scale and norm: shape (513, 64)."""
    bands = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=BANDS, fmin=50, fmax=14000)
    return torch.from_numpy(bands.T.copy())


def log_mel(sound: Tensor, matrix: Tensor) -> Tensor:
    """The log-mel spectrogram of windows.

    Parameters
    ----------
    sound : shape (B, n)
    matrix : shape (513, 64)

    Returns
    -------
    shape (B, 1, frames, 64), decibels above 1, not below -100; ten seconds are 1379 frames
    """
    hann = torch.hann_window(N_FFT, periodic=True, dtype=sound.dtype, device=sound.device)
    spectrum = torch.stft(sound, N_FFT, HOP, window=hann, center=True, pad_mode="reflect", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    bands = power.transpose(1, 2) @ matrix
    return 10 * bands.clamp_min(1e-10).log10()[:, None]
