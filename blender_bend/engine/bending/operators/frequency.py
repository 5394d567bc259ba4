"""Operators on the spectrum; what each is for stands in ``core.catalogue.frequency``.

The spectrum is that of each channel (``rfft2``); a radius of 1 in it is Nyquist's frequency along an axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .registry import Moment, normal, operator, per_row

LEAST_CUTOFF = 1e-3


def low_mask(x: Tensor, cutoff: Tensor) -> Tensor:
    """1 / (1 + (radius / cutoff)^8), Butterworth's: 1 for coarse waves, a half at the cutoff, 0 for fine ones."""
    down = torch.fft.fftfreq(x.shape[2], device=x.device).unsqueeze(1)
    across = torch.fft.rfftfreq(x.shape[3], device=x.device)
    ratio = 2 * torch.sqrt(down * down + across * across) / cutoff.clamp(min=LEAST_CUTOFF).reshape(-1, 1, 1, 1)
    for _ in range(3):
        ratio = ratio * ratio
    return 1 / (1 + ratio)


def weighted(spectrum: Tensor, weight: Tensor) -> Tensor:
    """Every wave times a real weight."""
    return torch.view_as_complex(torch.view_as_real(spectrum) * weight.unsqueeze(-1))


def back(spectrum: Tensor, x: Tensor) -> Tensor:
    """The picture of a spectrum, of the shape of x."""
    return torch.fft.irfft2(spectrum, s=x.shape[2:])


def amplified(x: Tensor, gain: Tensor, mask: Tensor) -> Tensor:
    """x with the masked part of its spectrum multiplied by gain."""
    return x + per_row(gain - 1, x) * back(weighted(torch.fft.rfft2(x), mask), x)


@operator("low_gain")
def low_gain(x: Tensor, moment: Moment, gain: Tensor, cutoff: Tensor) -> Tensor:
    """Waves coarser than the cutoff (and the mean) times gain; see ``low_mask`` for the edge."""
    return amplified(x, gain, low_mask(x, cutoff))


@operator("high_gain")
def high_gain(x: Tensor, moment: Moment, gain: Tensor, cutoff: Tensor) -> Tensor:
    """Waves finer than the cutoff times gain; see ``low_mask`` for the edge."""
    return amplified(x, gain, 1 - low_mask(x, cutoff))


@operator("band_gain")
def band_gain(x: Tensor, moment: Moment, gain: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Waves finer than ``low`` and coarser than ``high`` times gain; with ``low`` above ``high`` hardly any."""
    return amplified(x, gain, (1 - low_mask(x, low)) * low_mask(x, high))


def half_plane(x: Tensor) -> Tensor:
    """1 for one wave of each pair of opposite ones, -1 for the other, 0 for those that are their own opposite."""
    height, width = x.shape[2:]
    down = torch.fft.fftfreq(height, device=x.device)
    if height % 2 == 0:
        down[height // 2] = 0.0
    sign = torch.ones(height, width // 2 + 1, device=x.device)
    sign[:, 0] = torch.sign(down)
    if width % 2 == 0:
        sign[:, -1] = torch.sign(down)
    return sign


@operator("phase_shift")
def phase_shift(x: Tensor, moment: Moment, angle: Tensor) -> Tensor:
    """The phase of every wave plus angle, with the mean kept: cos(angle) x + sin(angle) Hilbert(x) about the mean.

    Waves that are their own opposite (Nyquist's) have no phase; they keep the cosine.
    """
    spectrum = torch.fft.rfft2(x)
    hilbert = back(weighted(spectrum, half_plane(x)) * 1j, x)
    mean = spectrum[:, :, :1, :1].real / (x.shape[2] * x.shape[3])
    return mean + per_row(torch.cos(angle), x) * (x - mean) + per_row(torch.sin(angle), x) * hilbert


@operator("spectrum_swap")
def spectrum_swap(x: Tensor, moment: Moment, amount: Tensor, keep: str, variation: str) -> Tensor:
    """The phases (or amplitudes) go over to those of seeded noise as amount goes to 1; the mean is kept.

    Parameters
    ----------
    keep : ``"amplitude"``: phases travel the shorter way to the noise's; ``"phase"``: amplitudes become the noise's,
        in a straight line; the noise is as strong as the channel (its standard deviation)
    """
    own = torch.fft.rfft2(x)
    other = torch.fft.rfft2(normal(x, moment, variation))
    amount = per_row(amount, x)
    amplitude, phase = own.abs(), torch.atan2(own.imag, own.real)
    if keep == "amplitude":
        way = torch.atan2(other.imag, other.real) - phase
        phase = phase + amount * (way - math.tau * torch.round(way / math.tau))
    else:
        spread = x.std(dim=(2, 3), correction=0, keepdim=True)
        amplitude = (1 - amount) * amplitude + amount * spread * other.abs()
    imaginary = torch.where(half_plane(x) == 0, 0.0, amplitude * torch.sin(phase))
    bent = torch.complex(amplitude * torch.cos(phase), imaginary)
    bent[:, :, 0, 0] = own[:, :, 0, 0]
    return back(bent, x)


@operator("spectral_noise")
def spectral_noise(x: Tensor, moment: Moment, amount: Tensor, variation: str) -> Tensor:
    """x + amount * noise, which has the amplitudes of x with the phases of N(0, 1), and mean 0."""
    other = torch.fft.rfft2(normal(x, moment, variation))
    other[:, 0, 0] = 0.0
    own = torch.fft.rfft2(x).abs()
    return x + per_row(amount, x) * back(weighted(other, own / other.abs().clamp(min=1e-6)), x)
