"""The operators on the spectrum, on the whole of it (``fft2``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .stochastic import normal


def frequencies(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.fft.fftfreq(x.shape[2]), np.fft.fftfreq(x.shape[3]), indexing="ij")


def low(x: np.ndarray, cutoff: float) -> np.ndarray:
    down, across = frequencies(x)
    return 1 / (1 + (np.hypot(down, across) / 0.5 / max(cutoff, 1e-3)) ** 8)


def filtered(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return np.fft.ifft2(np.fft.fft2(x) * factor).real


def side(x: np.ndarray) -> np.ndarray:
    """1 and -1 for the two waves of a pair, 0 for a wave that is its own opposite."""
    down, across = (np.where(np.abs(part) == 0.5, 0.0, np.sign(part)) for part in frequencies(x))
    return np.where(across != 0, across, down)


def phase_shift(x: np.ndarray, angle: float) -> np.ndarray:
    factor = np.exp(1j * angle * side(x))
    factor[side(x) == 0] = np.cos(angle)
    factor[0, 0] = 1
    return filtered(x, factor)


def spectrum_swap(x: np.ndarray, amount: float, keep: str, variation: str) -> np.ndarray:
    noise = np.fft.fft2(normal(x.shape[1:], variation))
    own = np.fft.fft2(x)
    if keep == "amplitude":
        bent = np.abs(own) * np.exp(1j * (np.angle(own) + amount * np.angle(noise / own)))
    else:
        strength = np.abs(noise) * x.std(axis=(2, 3), keepdims=True)
        bent = ((1 - amount) * np.abs(own) + amount * strength) * np.exp(1j * np.angle(own))
    bent[:, :, 0, 0] = own[:, :, 0, 0]
    return np.fft.ifft2(bent).real


def spectral_noise(x: np.ndarray, amount: float, variation: str) -> np.ndarray:
    noise = np.fft.fft2(normal(x.shape[1:], variation))
    direction = noise / np.abs(noise)
    direction[:, 0, 0] = 0
    return x + amount * np.fft.ifft2(np.abs(np.fft.fft2(x)) * direction).real


FORMULAS = {
    "low_gain": lambda x, gain, cutoff: filtered(x, 1 + (gain - 1) * low(x, cutoff)),
    "high_gain": lambda x, gain, cutoff: filtered(x, 1 + (gain - 1) * (1 - low(x, cutoff))),
    "band_gain": lambda x, gain, **band: filtered(x, 1 + (gain - 1) * (1 - low(x, band["low"])) * low(x, band["high"])),
    "phase_shift": phase_shift,
    "spectrum_swap": spectrum_swap,
    "spectral_noise": spectral_noise,
}
GAINS: list[dict[str, Any]] = [{}, {"gain": 0.0, "cutoff": 0.4}, {"gain": 3.0, "cutoff": 0.0}, {"cutoff": 1.2}]
CASES: dict[str, list[dict[str, Any]]] = {
    "low_gain": GAINS,
    "high_gain": GAINS,
    "band_gain": [{}, {"gain": 0.0, "low": 0.3, "high": 0.9}, {"gain": 2.0, "low": 0.0, "high": 1.0}],
    "phase_shift": [{"angle": 0.6}, {"angle": np.pi / 2}, {"angle": -3.0}],
    "spectrum_swap": [
        {"amount": 1.0},
        {"amount": 0.4, "variation": "2"},
        {"amount": 1.0, "keep": "phase"},
        {"amount": 0.4, "keep": "phase"},
    ],
    "spectral_noise": [{}, {"amount": 1.2, "variation": "5"}],
}
