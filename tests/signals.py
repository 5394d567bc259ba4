"""Real kinds of sound, four seconds at 48 kHz: what every feature must be right on."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy.signal import lfilter, resample_poly

SAMPLE_RATE, SECONDS = 48000, 4
SAMPLES = SAMPLE_RATE * SECONDS
TIME = np.arange(SAMPLES) / SAMPLE_RATE
#: Hz of the three resonances of six vowels.
FORMANTS = ((730, 270, 300, 530, 570, 660), (1090, 2290, 870, 1840, 840, 1720), (2440, 3010, 2240, 2480, 2410, 2410))


def tone() -> np.ndarray:
    """440 Hz."""
    return 0.5 * np.sin(2 * np.pi * 440 * TIME)


def sweep() -> np.ndarray:
    """50 Hz to 12.8 kHz, an octave each half second."""
    return 0.5 * np.sin(2 * np.pi * 50 * SECONDS / 8 / np.log(2) * (2 ** (8 * TIME / SECONDS) - 1))


def noise() -> np.ndarray:
    """White."""
    return np.random.default_rng(1).normal(0, 0.1, SAMPLES)


def clicks() -> np.ndarray:
    """Impulses at odd times."""
    samples = np.zeros(SAMPLES)
    samples[[12345, 40001, 77777, 100003, 150000, 171717]] = 0.9
    return samples


def drums() -> np.ndarray:
    """A kick on every beat of 120 BPM and a hi-hat between."""
    samples, random = np.zeros(SAMPLES + SAMPLE_RATE), np.random.default_rng(2)
    since = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    kick = 0.8 * np.sin(2 * np.pi * (50 * since - 5 * np.exp(-since / 0.03))) * np.exp(-since / 0.08)
    for beat in range(8):
        at = beat * SAMPLE_RATE // 2 + 4800
        samples[at : at + len(kick)] += kick
        hat = 0.2 * np.diff(random.normal(size=len(since) + 1)) * np.exp(-since / 0.02)
        samples[at + SAMPLE_RATE // 4 :][: len(hat)] += hat
    return samples[:SAMPLES]


@functools.cache
def speech() -> np.ndarray:
    """espeak-ng where it is installed, else vowels of a formant synthesiser."""
    program = shutil.which("espeak-ng")
    if program is None:
        return formants()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        text = "Music bends the inside of a diffusion model, frame by frame, on the timeline of Blender."
        subprocess.run([program, "-w", str(path), text], check=True)
        import soundfile

        spoken, rate = soundfile.read(path)
    spoken = resample_poly(spoken, SAMPLE_RATE, rate)[:SAMPLES]
    return np.pad(spoken, (0, SAMPLES - len(spoken)))


def formants() -> np.ndarray:
    """Half a second each of six vowels at 110 to 140 Hz, pulses through three resonances; each ends with a hiss."""
    hertz = 125 + 15 * np.sin(2 * np.pi * 0.7 * TIME)
    phase = np.cumsum(hertz) / SAMPLE_RATE
    pulses = (np.diff(np.floor(phase), prepend=0) > 0).astype(float)
    radius = np.exp(-np.pi * 90 / SAMPLE_RATE)
    spoken, random = np.zeros(SAMPLES), np.random.default_rng(3)
    for number, vowel in enumerate(zip(*FORMANTS, strict=True)):
        here = slice(number * SAMPLE_RATE * 6 // 10, number * SAMPLE_RATE * 6 // 10 + SAMPLE_RATE // 2)
        part = pulses[here]
        for frequency in vowel:
            radius = np.exp(-np.pi * 90 / SAMPLE_RATE)
            part = lfilter(
                [1 - radius], [1, -2 * radius * np.cos(2 * np.pi * frequency / SAMPLE_RATE), radius**2], part
            )
        spoken[here] = part * np.hanning(len(part))
        hiss = slice(here.stop - SAMPLE_RATE // 20, here.stop + SAMPLE_RATE // 20)
        spoken[hiss] += 0.003 * np.diff(random.normal(size=SAMPLE_RATE // 10 + 1)) * np.hanning(SAMPLE_RATE // 10)
    return 0.5 * spoken / np.abs(spoken).max()


def silence() -> np.ndarray:
    """Nothing."""
    return np.zeros(SAMPLES)


def one_sample() -> np.ndarray:
    """A file of one sample."""
    return np.array([0.5])


def constant() -> np.ndarray:
    """Direct current."""
    return np.full(SAMPLES, 0.5)


def clipped() -> np.ndarray:
    """A chord far over full scale, cut off."""
    return np.clip(3 * sum(np.sin(2 * np.pi * frequency * TIME) for frequency in (220, 277.2, 329.6)), -1, 1)


SOUNDING = {each.__name__: each for each in (tone, sweep, noise, clicks, drums, speech, clipped)}
ODD = {each.__name__: each for each in (silence, one_sample, constant)}
ALL = {**SOUNDING, **ODD}
