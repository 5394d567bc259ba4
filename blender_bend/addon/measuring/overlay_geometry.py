"""Where the lines of the overlay run: plain arrays of points, made of values, the view and the row of a strip.

Curves live in the space of their strip: x in frames from its first frame with sound, y from 0 (the foot of the band) to
1. A matrix then brings them to the window, so that scrolling needs no new points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Moments nearer to each other than this many pixels are not drawn.
CLOSEST_TICKS = 6.0
#: How much of a channel's height a strip takes, as Blender draws it.
STRIP_BOTTOM, STRIP_TOP = 0.05, 0.95


@dataclass(frozen=True)
class View:
    """What a sequencer shows.

    Parameters
    ----------
    left, right : frames at the edges of the region
    bottom, top : channels at its edges; channel 3 reaches from 3.0 to 4.0
    width, height : of the region, in pixels
    """

    left: float
    right: float
    bottom: float
    top: float
    width: int
    height: int

    @property
    def pixels_per_frame(self) -> float:
        """How wide a frame is."""
        return self.width / max(self.right - self.left, 1e-6)

    def x(self, frame: float) -> float:
        """The pixel at which a frame begins."""
        return (frame - self.left) * self.pixels_per_frame

    def y(self, channel: float) -> float:
        """The pixel of a height in channels."""
        return (channel - self.bottom) * self.height / max(self.top - self.bottom, 1e-6)


@dataclass(frozen=True)
class Band:
    """The part of the window in which a curve is drawn, in pixels."""

    left: float
    right: float
    bottom: float
    top: float


def band(view: View, frames: range, channel: int, free_above: bool, title: float) -> Band | None:
    """Where the curve of a strip goes: into the row above it if that is free, else into its own, under its name.

    Parameters
    ----------
    frames : that the strip can have sound on
    title : pixels that the strip's name takes at its top

    Returns
    -------
    None if nothing of it would be seen
    """
    if free_above:
        bottom, top = view.y(channel + 1 + STRIP_BOTTOM), view.y(channel + 1 + STRIP_TOP)
    else:
        bottom, top = view.y(channel + STRIP_BOTTOM), view.y(channel + STRIP_TOP)
        if top - bottom > 2.5 * title:
            top -= title
    found = Band(view.x(frames.start), view.x(frames.stop), bottom, top)
    seen = found.right > 0 and found.left < view.width and found.top > 0 and found.bottom < view.height
    return found if seen and found.top - found.bottom >= 6 and found.right - found.left >= 4 else None


@dataclass(frozen=True)
class Detail:
    """Which part of a curve is drawn, and how finely; the same for small movements of the view.

    Parameters
    ----------
    first, last : half-open range of frames, counted from the strip's first
    step : frames that become two points, a power of two; 1 draws every frame
    """

    first: int
    last: int
    step: int


def detail(view: View, frames: range) -> Detail:
    """At most as many points as pixels, with as much again on both sides to scroll into."""
    shown = max(view.right - view.left, 1.0)
    # Two points for each step: half as many steps as pixels.
    step = 1 if shown <= view.width else 2 ** math.ceil(math.log2(2 * shown / view.width))
    block = max(2 ** math.ceil(math.log2(shown)), step)
    first = math.floor((view.left - frames.start) / block) * block
    last = math.ceil((view.right - frames.start) / block) * block + 1
    return Detail(max(first, 0), max(min(last, len(frames)), 0), step)


def curve(values: np.ndarray, part: Detail, low: float, high: float) -> np.ndarray:
    """The points of a line through values; where there are more frames than pixels, none of its peaks is lost.

    Parameters
    ----------
    values : float array, shape (frames,)
    low, high : the values at the foot and at the top of the band; low may be above high

    Returns
    -------
    float32 array, shape (points, 2), x ascending
    """
    frames = np.arange(part.first, part.last)
    chosen = np.asarray(values, dtype=np.float64)[part.first : part.last]
    if part.step > 1 and len(chosen):
        frames, chosen = _extremes(frames, chosen, part.step)
    span = high - low if high != low else 1.0
    return np.stack([frames, np.clip((chosen - low) / span, 0.0, 1.0)], axis=1).astype(np.float32)


def _extremes(frames: np.ndarray, values: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The minimum and maximum of every N values, each at its own frame."""
    blocks = math.ceil(len(values) / step)
    padded = np.concatenate([values, np.full(blocks * step - len(values), values[-1])]).reshape(blocks, step)
    places = np.stack([padded.argmin(axis=1), padded.argmax(axis=1)], axis=1)
    places = np.sort(places, axis=1) + step * np.arange(blocks)[:, None]
    index = np.unique(np.minimum(places.ravel(), len(values) - 1))
    return frames[index], values[index]


def fill(points: np.ndarray) -> np.ndarray:
    """A strip of triangles between a line and the foot of the band: float32, shape (2 * points, 2)."""
    strip = np.repeat(points, 2, axis=0)
    strip[0::2, 1] = 0.0
    return strip


def waveform(peaks: np.ndarray, part: Detail) -> np.ndarray:
    """A strip of triangles around the middle of the band, as high as the sound is loud.

    Parameters
    ----------
    peaks : float array, shape (frames,), largest magnitude of each frame

    Returns
    -------
    float32 array, shape (2 * points, 2)
    """
    peaks = np.asarray(peaks, dtype=np.float64)
    loudest = float(peaks.max(initial=0.0)) or 1.0
    chosen = peaks[part.first : part.last]
    frames = np.arange(part.first, part.first + len(chosen))
    if part.step > 1 and len(chosen):
        starts = np.arange(0, len(chosen), part.step)
        chosen, frames = np.maximum.reduceat(chosen, starts), frames[starts]
    strip = np.repeat(np.stack([frames, chosen], axis=1), 2, axis=0).astype(np.float32)
    half = 0.48 * strip[:, 1] / loudest
    strip[0::2, 1], strip[1::2, 1] = 0.5 - half[0::2], 0.5 + half[1::2]
    return strip


def ticks(moments: Sequence[float], view: View, first: int, rate: float) -> np.ndarray:
    """The pixels at which moments are drawn; none if they would stand too close.

    Parameters
    ----------
    moments : ascending, seconds from the strip's first frame with sound
    first : that frame
    rate : frames per second

    Returns
    -------
    float64 array of pixels from the left
    """
    frames = first + np.asarray(moments, dtype=np.float64) * rate
    frames = frames[(frames >= view.left) & (frames <= view.right)]
    pixels = (frames - view.left) * view.pixels_per_frame
    if len(pixels) > 1 and float(np.median(np.diff(pixels))) < CLOSEST_TICKS:
        return np.empty(0)
    return pixels


def segments(pixels: np.ndarray, bottom: float, top: float) -> np.ndarray:
    """Upright lines: float32, shape (2 * lines, 2)."""
    points = np.repeat(np.asarray(pixels, dtype=np.float32), 2)
    heights = np.tile(np.array([bottom, top], dtype=np.float32), len(points) // 2)
    return np.stack([points, heights], axis=1)
