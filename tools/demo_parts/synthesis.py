"""The demo's instruments are built from these: oscillator, envelope, filters, echo and hall, with numpy only."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

SAMPLE_RATE = 48_000


def clock(seconds: float) -> np.ndarray:
    """The seconds of each sample of a sound that begins at 0."""
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def hertz(note: float) -> float:
    """The frequency of a MIDI note number."""
    return 440.0 * 2.0 ** ((note - 69) / 12)


def add(track: np.ndarray, sound: np.ndarray, at: float, pan: float = 0.0) -> None:
    """Mix a mono sound into a stereo track, with equal power from left (-1) to right (1)."""
    start = round(at * SAMPLE_RATE)
    sound = sound[: max(0, track.shape[1] - start)]
    angle = (pan + 1.0) * np.pi / 4
    track[:, start : start + len(sound)] += np.sqrt(2.0) * np.array([[np.cos(angle)], [np.sin(angle)]]) * sound


def gate(seconds: float, attack: float, release: float) -> np.ndarray:
    """An envelope with raised-cosine edges: it holds for ``seconds`` and then takes ``release`` to end."""
    time = clock(seconds + release)
    rise, fall = np.clip(time / attack, 0, 1), np.clip((seconds + release - time) / release, 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall))


def saw(frequency: float, time: np.ndarray, phase: float) -> np.ndarray:
    """A sawtooth without aliasing: one cycle is summed from the harmonics below 18 kHz, then read at the pitch."""
    size = 4096
    harmonics = np.arange(1, min(size // 4, int(18_000 / frequency)) + 1)
    spectrum = np.zeros(size // 2 + 1, dtype=complex)
    spectrum[harmonics] = -1j / harmonics
    cycle = np.fft.irfft(spectrum) * size / np.pi
    return np.interp((time * frequency + phase) % 1.0 * size, np.arange(size + 1), np.append(cycle, cycle[0]))


def lowpass(sound: np.ndarray, cutoff: np.ndarray, resonance: float = 0.0) -> np.ndarray:
    """A low-pass of 24 dB an octave whose cutoff moves, by overlapping windows of the spectrum.

    Parameters
    ----------
    sound : float array, shape (samples,)
    cutoff : hertz, shape (samples,)
    resonance : how much the cutoff itself is lifted
    """
    size, hop = 2048, 512
    window = np.sqrt(np.hanning(size + 1)[:-1])
    padded = np.pad(sound, (size, 2 * size))
    starts = np.arange(0, len(sound) + size, hop)
    centres = np.clip(starts - size // 2, 0, len(sound) - 1)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 1.0) / cutoff[centres][:, None])
    gain = 1.0 / np.sqrt(1.0 + 2.0 ** (8.0 * np.minimum(octaves, 20))) + resonance * np.exp(-((octaves / 0.35) ** 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[starts] * window
    frames = np.fft.irfft(np.fft.rfft(frames) * gain) * window / 2
    result = np.zeros_like(padded)
    for start, frame in zip(starts, frames, strict=True):
        result[start : start + size] += frame
    return result[size : size + len(sound)]


def band(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """What lies between two frequencies, with soft slopes."""
    frequency = np.maximum(np.fft.rfftfreq(2 * len(sound), 1 / SAMPLE_RATE), 1.0)
    gain = 1.0 / np.sqrt((1.0 + (low / frequency) ** 6) * (1.0 + (frequency / high) ** 6))
    return np.fft.irfft(np.fft.rfft(sound, 2 * len(sound)) * gain)[: len(sound)]


def ping_pong(track: np.ndarray, seconds: float, feedback: float) -> np.ndarray:
    """Echoes that change sides and fade."""
    delay, result = round(seconds * SAMPLE_RATE), track.copy()
    for echo in range(1, 7):
        late = np.pad(track, ((0, 0), (echo * delay, 0)))[:, : track.shape[1]]
        result += feedback**echo * (late[::-1] if echo % 2 else late)
    return result


def reverb(send: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hall: noise that decays and darkens, a different one for each ear."""
    time = clock(2.2)
    size = 2 ** int(np.ceil(np.log2(send.shape[1] + len(time))))
    result = []
    for side in send:
        noise = lowpass(rng.standard_normal(len(time)), 700.0 + 8500.0 * np.exp(-time / 0.45))
        hall = band(noise, 180, 12_000) * np.exp(-time / 0.42) * np.clip((time - 0.012) / 0.02, 0, 1)
        hall /= np.sqrt(np.sum(hall**2))
        result.append(np.fft.irfft(np.fft.rfft(side, size) * np.fft.rfft(hall, size))[: send.shape[1]])
    return np.stack(result)


def write(path: Path, mix: np.ndarray, rng: np.random.Generator) -> None:
    """Write a stereo array of -1...1 as 16-bit samples, with triangular dither."""
    dither = rng.random(mix.shape) - rng.random(mix.shape)
    samples = np.round(mix * 32767 + dither).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.T.tobytes())
