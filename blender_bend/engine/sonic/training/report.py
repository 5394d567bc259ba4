"""What a training shows on disk: its losses as a curve, and pictures of what it makes of some sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw

from ...host.results import write_picture

_WIDTH, _HEIGHT, _MARGIN = 960, 480, 56
_PAPER, _INK, _PALE = (250, 250, 248), (40, 60, 140), (190, 198, 220)


def plot_losses(losses: Sequence[float], path: Path, title: str) -> None:
    """Draw every loss in a pale line and their running mean in a dark one; both axes begin and end at round numbers.

    Parameters
    ----------
    losses : of every step; not-a-number is left out
    path : of the PNG; replaced at once, so that a viewer never sees half of one
    """
    picture = PIL.Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = PIL.ImageDraw.Draw(picture)
    values = np.asarray(losses, dtype=np.float64)
    known = values[np.isfinite(values)]
    draw.text((_MARGIN, 16), title, fill=_INK, font_size=18)
    if len(known):
        low, high, step = _round_range(float(known.min()), float(np.quantile(known, 0.995)))
        bottom, top, right = _HEIGHT - _MARGIN, _MARGIN, _WIDTH - 24
        for value in np.arange(low, high + step / 2, step):
            y = bottom - (value - low) / (high - low) * (bottom - top)
            draw.line((_MARGIN, y, right, y), fill=(228, 228, 226))
            draw.text((6, y - 7), f"{value:.3g}", fill=_INK, font_size=13)
        for step_number in np.linspace(0, len(values), 5):
            x = _MARGIN + step_number / len(values) * (right - _MARGIN)
            draw.text((x - 12, bottom + 8), f"{step_number:.0f}", fill=_INK, font_size=13)
        for line, colour, width in ((values, _PALE, 1), (running_mean(values), _INK, 2)):
            columns = np.linspace(0, len(line) - 1, min(len(line), 2 * _WIDTH)).astype(int)
            xs = _MARGIN + (columns + 1) / len(line) * (right - _MARGIN)
            ys = bottom - (np.clip(line[columns], low, high) - low) / (high - low) * (bottom - top)
            points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True) if np.isfinite(y)]
            draw.line(points, fill=colour, width=width)
    write_picture(path, picture)


def running_mean(values: np.ndarray, width: int = 50) -> np.ndarray:
    """The mean of each value and up to ``width - 1`` before it; what is not a number does not count."""
    good = np.isfinite(values)
    total, count = np.cumsum(np.where(good, values, 0.0)), np.cumsum(good)
    total[width:], count[width:] = total[width:] - total[:-width], count[width:] - count[:-width]
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _round_range(low: float, high: float) -> tuple[float, float, float]:
    """A range of five or so round steps around two numbers."""
    span = max(high - low, abs(high) * 1e-3, 1e-9)
    unit = 10.0 ** np.floor(np.log10(span / 4))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor * 5 >= span)
    first = np.floor(low / step) * step
    return float(first), float(max(np.ceil(high / step) * step, first + step)), float(step)


def save_samples(pictures: Sequence[PIL.Image.Image], names: Sequence[str], path: Path, columns: int = 4) -> None:
    """Pictures in rows, each with a name below it."""
    width, height = pictures[0].size
    rows, line = -(-len(pictures) // columns), 22
    sheet = PIL.Image.new("RGB", (min(columns, len(pictures)) * (width + 4), rows * (height + line)), _PAPER)
    draw = PIL.ImageDraw.Draw(sheet)
    for number, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        x, y = number % columns * (width + 4), number // columns * (height + line)
        sheet.paste(picture, (x, y))
        draw.text((x + 4, y + height + 3), name, fill=_INK, font_size=14)
    write_picture(path, sheet)
