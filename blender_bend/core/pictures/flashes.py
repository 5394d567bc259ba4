"""Flashes of a film, as WCAG 2.3.1 limits them: no more than three in any second over a quarter of the central field.

A *general flash* is a pair of opposing changes of the relative luminance by 10 % or more of its maximum where the
darker state is below 0.80; a *red flash* is a pair of opposing changes that involve a saturated red. A change is
measured between adjacent peaks and valleys, so slow ones count as well as sudden ones. Three flashes are six changes:
what has more changes within a second is above the limit.

The central field of 10 degrees is 341 × 256 pixels of a screen of 1024 × 768 on which the film fills as much as it can.
It is cut into 16 × 16 cells, over which the linear light is averaged: so fine, balanced patterns do not count, as the
standard has it.

Source: https://www.w3.org/TR/WCAG22/#dfn-general-flash-and-red-flash-thresholds; for red the formula of WCAG 2.0 and
2.1, which also counts dark reds.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..timebase import FrameRate

SCREEN, FIELD = (1024, 768), (341, 256)
#: Cells of the field in each direction, and how many of them are a quarter of it.
CELLS, QUARTER = 16, 64
MOST_FLASHES = 3
#: Relative luminance: by how much it changes at least, and what the darker state is below.
CHANGE, DARK = 0.1, 0.8
#: Of the light of a saturated red, at least so much is red; by how much R − G − B changes at least, 1 at the most.
RED, RED_CHANGE = 0.8, 20 / 320
#: Changes of more than three flashes a second are closer than this, so what lies closer belongs to one of them.
TOGETHER = 1 / 6

GENERAL, SATURATED = "general", "red"
KINDS = (GENERAL, SATURATED)

_SHADES = np.arange(256) / 255
#: The linear light of a value of sRGB.
LINEAR = np.where(_SHADES <= 0.04045, _SHADES / 12.92, ((_SHADES + 0.055) / 1.055) ** 2.4).astype(np.float32)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
#: Means of float32 fall short of a threshold by less than this.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Stretch:
    """Frames in which something flashes more often than the limit allows.

    Parameters
    ----------
    kind : ``general`` or ``red``
    first, last : frames; the first change of the second that is above the limit, and the last change
    flashes : the most within a second
    """

    kind: str
    first: int
    last: int
    flashes: float


class Flashes:
    """The flashes of a film that is given frame by frame; of each little is kept.

    Parameters
    ----------
    size : width and height of the pictures
    """

    def __init__(self, rate: FrameRate, size: tuple[int, int]) -> None:
        scale = min(SCREEN[0] / size[0], SCREEN[1] / size[1])
        columns, rows = (max(1, round(side * scale * CELLS / field)) for side, field in zip(size, FIELD, strict=True))
        self._shape = rows, columns
        self._meters = {
            GENERAL: _Meter(rate, (rows, columns), CHANGE, both_sides=False),
            SATURATED: _Meter(rate, (rows, columns), RED_CHANGE, both_sides=True),
        }
        self._light: np.ndarray | None = None
        #: The stretches that are above the limit, in the order in which they begin, for each kind.
        self._stretches: dict[str, list[Stretch]] = {kind: [] for kind in KINDS}
        #: The most flashes of each kind within a second.
        self.most = dict.fromkeys(KINDS, 0.0)

    def add(self, number: int, pixels: np.ndarray | None) -> None:
        """Take in the next frame.

        Parameters
        ----------
        number : of the frame, one more than that of the one before
        pixels : uint8 array, shape (height, width, 3), sRGB; None if the picture stays as it was
        """
        if pixels is not None:
            self._light = self._cells(pixels)
        if self._light is None:
            return
        luminance = (self._light * _LUMINANCE).sum(axis=-1)
        total = self._light.sum(axis=-1)
        red = self._light[..., 0]
        saturated = (red >= RED * total - _ROUNDING) & (total > 0)
        signals = {
            GENERAL: (luminance, luminance < DARK),
            SATURATED: (np.maximum(2 * red - total, 0), saturated),
        }
        for kind, (values, marked) in signals.items():
            changes, since = self._meters[kind].add(values, marked)
            self.most[kind] = max(self.most[kind], changes / 2)
            if changes > 2 * MOST_FLASHES:
                self._note(Stretch(kind, number - since, number, changes / 2))

    @property
    def stretches(self) -> list[Stretch]:
        """Where the film is above the limit, in the order in which it begins to be."""
        return sorted((one for some in self._stretches.values() for one in some), key=lambda one: one.first)

    def _cells(self, pixels: np.ndarray) -> np.ndarray:
        """The mean linear light of every cell: float32 array, shape (rows, columns, 3)."""
        rows, columns = self._shape
        across = _means(_means(LINEAR[pixels], rows).transpose(1, 0, 2), columns)
        return across.transpose(1, 0, 2)

    def _note(self, found: Stretch) -> None:
        known = self._stretches[found.kind]
        if known and found.first <= known[-1].last:
            former = known.pop()
            found = Stretch(found.kind, former.first, found.last, max(former.flashes, found.flashes))
        known.append(found)


def _means(values: np.ndarray, cells: int) -> np.ndarray:
    """The means of equal parts of the first axis, which may end within a value.

    By sums, not by a product of matrices: numpy's threads for those would take the time of other programs.
    """
    side = len(values)
    sums = np.zeros((side + 1, *values.shape[1:]), np.float32)
    np.cumsum(values, axis=0, out=sums[1:])
    edges = np.linspace(0, side, cells + 1)
    whole = np.minimum(edges.astype(int), side - 1)
    part = (edges - whole).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    return np.diff(sums[whole] + part * values[whole], axis=0) * np.float32(cells / side)


class _Meter:
    """Counts opposing changes of a signal within every field, over the last second.

    Parameters
    ----------
    shape : rows and columns of cells
    change : the least difference between a peak and a valley
    both_sides : whether a mark on either side of a change makes it count; else it is the mark of the lower side
    """

    def __init__(self, rate: FrameRate, shape: tuple[int, int], change: float, both_sides: bool) -> None:
        self._change, self._both_sides = change - _ROUNDING, both_sides
        self._direction = np.zeros(shape, np.int8)
        self._high = self._low = np.zeros((0, 0), np.float32)
        self._high_marked = self._low_marked = np.zeros((0, 0), bool)
        #: The frame of each cell's last change, and which way it went.
        self._changed = np.full(shape, -(1 << 30), np.int32)
        self._window = min(CELLS, shape[0]), min(CELLS, shape[1])
        fields = (shape[0] - self._window[0] + 1, shape[1] - self._window[1] + 1)
        self._last_sign, self._last = np.zeros(fields, np.int8), np.full(fields, -(1 << 30), np.int32)
        self._recent: deque[np.ndarray | None] = deque(maxlen=math.ceil(rate.value))
        self._count = np.zeros(fields, np.int16)
        self._together = math.floor(TOGETHER * rate.value)
        self._frame = 0

    def add(self, values: np.ndarray, marked: np.ndarray) -> tuple[int, int]:
        """Take in the next frame.

        Returns
        -------
        the most changes that a field has had within the second that ends with this frame, and how many frames ago the
        first of them was; 0 and 0 unless there is a change on this frame
        """
        if self._frame == 0:
            self._high, self._low = values.copy(), values.copy()
            self._high_marked, self._low_marked = marked.copy(), marked.copy()
        changed = self._follow(values, marked)
        counted = self._count_changes() if changed else None
        if len(self._recent) == self._recent.maxlen and (leaves := self._recent[0]) is not None:
            self._count -= leaves
        self._recent.append(counted)
        self._frame += 1
        if counted is None:
            return 0, 0
        self._count += counted
        most = int(np.where(counted, self._count, 0).max())
        place = np.unravel_index(int(np.where(counted, self._count, -1).argmax()), self._count.shape)
        since = next(age for age, one in enumerate(self._recent) if one is not None and one[place])
        return most, len(self._recent) - 1 - since

    def _follow(self, values: np.ndarray, marked: np.ndarray) -> bool:
        """Follow each cell from peak to valley; whether any has changed on this frame."""
        higher, lower = values > self._high, values < self._low
        np.copyto(self._high, values, where=higher)
        np.copyto(self._high_marked, marked, where=higher)
        np.copyto(self._low, values, where=lower)
        np.copyto(self._low_marked, marked, where=lower)
        falls = (self._direction >= 0) & (self._high - values >= self._change)
        rises = (self._direction <= 0) & (values - self._low >= self._change)
        if self._both_sides:
            falls &= marked | self._high_marked
            rises &= marked | self._low_marked
        else:
            falls &= marked
            rises &= self._low_marked
        changed = falls | rises
        self._direction[falls], self._direction[rises] = -1, 1
        for extreme in (self._high, self._low):
            np.copyto(extreme, values, where=changed)
        for mark in (self._high_marked, self._low_marked):
            np.copyto(mark, marked, where=changed)
        self._changed[changed] = self._frame
        return bool(changed.any())

    def _count_changes(self) -> np.ndarray | None:
        """The fields of which a quarter has changed together, the other way than the last time."""
        changed = sliding_window_view(self._changed, self._window)
        direction = sliding_window_view(self._direction, self._window)
        fresh = (changed > self._last[..., None, None]) & (changed > self._frame - max(self._together, 1))
        counted = np.zeros(self._last.shape, bool)
        for sign in (1, -1):
            area = (fresh & (direction == sign)).sum(axis=(-2, -1))
            counts = (area >= QUARTER) & (self._last_sign != sign) & ~counted
            self._last_sign[counts] = sign
            counted |= counts
        if not counted.any():
            return None
        self._last[counted] = self._frame
        return counted
