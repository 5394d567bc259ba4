"""The shared spectrum: one short-time Fourier transform on a grid that fits the video frames exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

from ....core.timebase import FrameRate

WINDOW_SECONDS = 0.043
LONGEST_HOP_SECONDS = 0.01
#: Samples whose spectra are measured at once, and those that are transformed: what fits into a processor's caches.
BLOCK_SAMPLES, _TRANSFORMED = 1 << 18, 1 << 17


@dataclass(frozen=True)
class Grid:
    """Where the windows stand: a whole number of hops in every video frame, placed by rational time.

    The windows stand as mirror images about the border of two frames, to the half sample: an impulse in the last
    sample of a frame is nearer to that frame's windows, one in the next sample to the next frame's. Borders are placed
    by rational time, so nothing drifts.

    Parameters
    ----------
    frames : number of video frames
    sample_rate : Hz
    """

    rate: FrameRate
    frames: int
    sample_rate: int

    @property
    def hops_per_frame(self) -> int:
        """The smallest number that keeps a hop at most 10 ms long."""
        return max(1, math.ceil(self.rate.seconds(1) / LONGEST_HOP_SECONDS))

    @property
    def hops_per_second(self) -> float:
        """The rate of the hops, as librosa wants it."""
        return float(self.rate.value * self.hops_per_frame)

    @property
    def window(self) -> int:
        """Length of the window in samples: the power of two nearest to 43 ms (2048 at 48 kHz)."""
        return 2 ** max(6, round(math.log2(WINDOW_SECONDS * self.sample_rate)))

    @property
    def frequencies(self) -> np.ndarray:
        """The middle of every bin of the spectrum in Hz, float64, shape (window / 2 + 1,)."""
        return np.arange(self.window // 2 + 1) * (self.sample_rate / self.window)

    def centres(self) -> np.ndarray:
        """The sample at whose beginning the middle of each hop's window is, int64, shape (hops,), ascending."""
        return self._middles(self.hops_per_frame)

    def middles(self) -> np.ndarray:
        """The sample at whose beginning the middle of each video frame is, int64, shape (frames,)."""
        return self._middles(1)

    def _middles(self, parts: int) -> np.ndarray:
        starts, half = self.starts(), parts // 2
        length = self.sample_rate / self.rate.value
        inside = np.array([round((2 * part + 1) * length / (2 * parts)) for part in range(half)], dtype=np.int64)
        first, last = starts[:-1, None], starts[1:, None]
        middle = [(first + last) // 2] if parts % 2 else []
        return np.concatenate([first + inside, *middle, last - inside[::-1]], axis=1).ravel()

    def starts(self) -> np.ndarray:
        """The first sample of every video frame and, last, the end of the last, int64, shape (frames + 1,)."""
        frames = np.arange(self.frames + 1, dtype=np.int64)
        return -((-frames * self.sample_rate * self.rate.value.denominator) // self.rate.value.numerator)

    def frame_of(self, samples: np.ndarray) -> np.ndarray:
        """The video frame of each sample, the first or the last for what lies outside."""
        return np.clip(self.rate.frame_of(samples, self.sample_rate), 0, self.frames - 1)

    def per_frame(self, hops: np.ndarray) -> np.ndarray:
        """Hop values grouped by video frame, shape (frames, hops_per_frame, ...)."""
        return hops.reshape(self.frames, self.hops_per_frame, *hops.shape[1:])


@dataclass
class Spectra:
    """The spectra of some hops that follow each other.

    Parameters
    ----------
    power : float32 array, shape (hops, bins)
    before : magnitude of the hop before the first, float32, shape (bins,)
    """

    power: np.ndarray
    before: np.ndarray

    @cached_property
    def magnitude(self) -> np.ndarray:
        """Float32, shape (hops, bins)."""
        return np.sqrt(self.power)


def spectra(samples: np.ndarray, centres: np.ndarray, window: int) -> Iterator[Spectra]:
    """The Hann-windowed spectra, block by block so that an hour of sound fits in memory.

    Parameters
    ----------
    samples : float32 array, shape (samples,) or (channels, samples), whose powers are averaged; silent outside
    centres : int array, ascending: each window's middle is at the beginning of this sample
    window : samples, even
    """
    taper = np.hanning(window).astype(np.float32)  # symmetric about a border of two samples
    before = np.zeros(window // 2 + 1, dtype=np.float32)
    block, few = max(1, BLOCK_SAMPLES // window), max(1, _TRANSFORMED // window)
    channels = np.atleast_2d(samples)
    for first in range(0, len(centres), block):
        starts = centres[first : first + block] - window // 2
        power = np.empty((len(starts), window // 2 + 1), dtype=np.float32)
        for row in range(0, len(starts), few):
            _power(channels, starts[row : row + few], taper, power[row : row + few])
        if len(channels) > 1:
            power /= np.float32(len(channels))
        part = Spectra(power, before)
        yield part
        before = part.magnitude[-1]


def _power(channels: np.ndarray, starts: np.ndarray, taper: np.ndarray, power: np.ndarray) -> None:
    """Put the power spectra of all channels together into an array of shape (starts, bins)."""
    for number, channel in enumerate(channels):
        transform = fft.rfft(_tapered(channel, starts, taper), axis=1, overwrite_x=True).view(np.float32)
        np.square(transform, out=transform)
        real, imaginary = transform[:, ::2], transform[:, 1::2]
        if number == 0:
            np.add(real, imaginary, out=power)
        else:
            power += np.add(real, imaginary)


def _tapered(samples: np.ndarray, starts: np.ndarray, taper: np.ndarray) -> np.ndarray:
    """Stretches of the sound that fade in and out, shape (starts, length of the taper)."""
    length = len(taper)
    if starts[0] < 0 or starts[-1] + length > len(samples):
        return windows_at(samples, starts, length) * taper
    cut = np.empty((len(starts), length), dtype=np.float32)
    for row, start in zip(cut, starts.tolist(), strict=True):
        np.multiply(samples[start : start + length], taper, out=row)
    return cut


def windows_at(samples: np.ndarray, starts: np.ndarray, length: int, after: bool = False) -> np.ndarray:
    """Stretches of the sound, with silence before its start and after its end.

    Parameters
    ----------
    starts : int array, ascending; may lie outside
    after : whether the last sample is held after the end, so that no step appears there

    Returns
    -------
    float32 array, shape (starts, length)
    """
    inner = slice(*np.searchsorted(starts, [0, len(samples) - length + 1]))
    whole = np.lib.stride_tricks.sliding_window_view(samples, length) if inner.stop > inner.start else None
    if whole is not None and inner == slice(0, len(starts)):
        return whole[starts]
    cut = np.zeros((len(starts), length), dtype=np.float32)
    if whole is not None:
        cut[inner] = whole[starts[inner]]
    for row in (*range(inner.start), *range(max(inner.start, inner.stop), len(starts))):
        start = int(starts[row])
        here = samples[max(0, start) : max(0, start + length)]
        at = min(length, max(0, -start))
        cut[row, at : at + len(here)] = here
        if after and len(samples):
            cut[row, max(0, min(length, len(samples) - start)) :] = samples[-1]
    return cut
