"""Where the cells of a sheet lie in a region, in its pixels from the left bottom."""

from __future__ import annotations

import math
from dataclasses import dataclass

Place = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    width: float
    height: float

    def has(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return 0 <= x - self.left < self.width and 0 <= y - self.bottom < self.height


@dataclass(frozen=True)
class Layout:
    """A grid that fills a region, as far as its pictures keep their shape.

    Parameters
    ----------
    width, height : of the region
    rows, columns : how many
    size : of the pictures
    beside : room for the labels of the rows
    unit : height of a line of text
    """

    width: float
    height: float
    rows: int
    columns: int
    size: tuple[int, int]
    beside: float
    unit: float

    @property
    def margin(self) -> float:
        """Around everything."""
        return 0.8 * self.unit

    @property
    def gap(self) -> float:
        """Between cells."""
        return max(0.3 * self.unit, 3.0)

    @property
    def above(self) -> float:
        """Room for the title and the labels of the columns."""
        return 3.6 * self.unit

    @property
    def below(self) -> float:
        """Room for what is said of the cell below the pointer."""
        return 2.0 * self.unit

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell."""
        across = self.width - 2 * self.margin - self.beside - self.columns * self.gap
        down = self.height - 2 * self.margin - self.above - self.below - self.rows * self.gap
        scale = min(across / self.columns / self.size[0], down / self.rows / self.size[1])
        scale = max(scale, 8 / max(self.size))
        return self.size[0] * scale, self.size[1] * scale

    @property
    def corner(self) -> tuple[float, float]:
        """Left and top of the first cell; the grid stands in the middle of its room."""
        width = self.cell[0] + self.gap
        room = self.width - 2 * self.margin - self.beside - self.columns * width
        return self.margin + self.beside + max(room, 0) / 2, self.height - self.margin - self.above

    def box(self, place: Place) -> Box:
        """The place of a cell."""
        (width, height), (left, top) = self.cell, self.corner
        row, column = place
        return Box(
            round(left + column * (width + self.gap)),
            round(top - height - row * (height + self.gap)),
            round(width),
            round(height),
        )

    def at(self, x: float, y: float) -> Place | None:
        """The cell at a point; None if there is none."""
        (width, height), (left, top) = self.cell, self.corner
        place = (math.floor((top - y) / (height + self.gap)), math.floor((x - left) / (width + self.gap)))
        around = [(place[0] + down, place[1] + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
        inside = [p for p in around if 0 <= p[0] < self.rows and 0 <= p[1] < self.columns and self.box(p).has(x, y)]
        return inside[0] if inside else None
