"""The contact sheet of a film: its frames above the music's waveform and the curves, aligned in time."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

STRIPS = 4
THUMBNAILS = 7
WIDTH = 2400
MARGIN = 56
LABELS = 210
GAP = 12
LEAD = 26
WAVE = 112
CURVE = 64
AXIS = 34
BETWEEN = 52
HEADER = 92
SCALE = 2

BACKGROUND: Colour = (13, 14, 20)
LANE: Colour = (20, 22, 31)
LINE: Colour = (44, 48, 64)
TICK: Colour = (92, 98, 122)
QUIET: Colour = (138, 145, 168)
TEXT: Colour = (226, 229, 240)
WAVEFORM: Colour = (147, 160, 205)
PALETTE: tuple[Colour, ...] = (
    (255, 138, 101),
    (77, 208, 225),
    (255, 213, 79),
    (186, 140, 255),
    (129, 212, 132),
    (244, 143, 177),
    (100, 170, 255),
    (212, 225, 87),
)


@dataclass(frozen=True)
class Span:
    """A strip of the sheet: seconds laid over pixels.

    Parameters
    ----------
    start, end : seconds
    left, right : pixels
    """

    start: float
    end: float
    left: int
    right: int

    def x(self, seconds: float) -> float:
        """The pixel of a moment."""
        return self.left + (seconds - self.start) / (self.end - self.start) * (self.right - self.left)

    def seconds(self, x: float) -> float:
        """The moment of a pixel."""
        return self.start + (x - self.left) / (self.right - self.left) * (self.end - self.start)

    @property
    def edges(self) -> np.ndarray:
        """The seconds at which each pixel column begins, and the last one ends."""
        return np.linspace(self.start, self.end, self.right - self.left + 1)


def contact_sheet(frames: Sequence[Path], fps: float, sound: Path, curves: dict[str, np.ndarray], out: Path) -> None:
    """Draw the sheet as a PNG: strips, each a part of the film with its thumbnails, waveform and curves.

    Parameters
    ----------
    frames : the picture of each frame of the film
    curves : label to float array, shape (frames,)
    """
    duration = len(frames) / fps
    samples, rate = soundfile.read(sound, dtype="float32", always_2d=True)
    wave = samples.mean(axis=1) / max(float(np.abs(samples.mean(axis=1)).max()), 1e-9)
    with Image.open(frames[0]) as first:
        width, height = first.size
    left, right = MARGIN + LABELS, WIDTH - MARGIN
    thumbnail = (right - left - GAP * (THUMBNAILS - 1)) // THUMBNAILS
    size = (thumbnail, round(thumbnail * height / width))
    strip_height = size[1] + LEAD + WAVE + len(curves) * (CURVE + 6) + AXIS
    sheet = Image.new("RGB", (WIDTH, HEADER + STRIPS * (strip_height + BETWEEN) + MARGIN - BETWEEN), BACKGROUND)
    draw_header(sheet, f"{len(frames)} frames, {fps:g} fps, {duration:.1f} s", sound.name)
    top = HEADER
    for part in range(STRIPS):
        span = Span(duration * part / STRIPS, duration * (part + 1) / STRIPS, left, right)
        y = top + size[1] + LEAD
        middles = draw_thumbnails(sheet, frames, fps, span, top, size)
        draw_lane(sheet, span, y, WAVE)
        draw_waveform(sheet, wave, rate, span, y)
        draw_label(sheet, y, WAVE, "music", "", WAVEFORM)
        bottom = y + WAVE
        for (label, values), colour in zip(curves.items(), cycle(PALETTE), strict=False):
            y = bottom + 6
            draw_lane(sheet, span, y, CURVE)
            draw_curve(sheet, np.asarray(values, dtype=float), fps, span, y, colour)
            draw_label(sheet, y, CURVE, label, value_range(values), colour)
            bottom = y + CURVE
        draw_ticks(sheet, middles, top + size[1], bottom)
        draw_axis(sheet, span, bottom)
        top += strip_height + BETWEEN
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, optimize=True)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font."""
    return ImageFont.load_default(size=size)


def value_range(values: np.ndarray) -> str:
    """The least and the greatest value of a curve."""
    low, high = (f"{round(float(value), 2) + 0.0:g}" for value in (np.min(values), np.max(values)))
    return f"{low} to {high}"


def draw_header(sheet: Image.Image, facts: str, sound: str) -> None:
    """What film this is."""
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 44), "Bend", font=font(36), fill=TEXT, anchor="lm")
    draw.text((WIDTH - MARGIN, 44), f"{sound}  ·  {facts}", font=font(22), fill=QUIET, anchor="rm")


def draw_thumbnails(
    sheet: Image.Image, frames: Sequence[Path], fps: float, span: Span, top: int, size: tuple[int, int]
) -> list[float]:
    """Place evenly spaced thumbnails, each the frame that the film shows at the moment under the thumbnail's middle.

    Returns
    -------
    the pixel of each thumbnail's middle
    """
    middles = []
    for left in np.linspace(span.left, span.right - size[0], THUMBNAILS).round().astype(int).tolist():
        middle = left + size[0] / 2
        frame = min(int(span.seconds(middle) * fps), len(frames) - 1)
        with Image.open(frames[frame]) as picture:
            thumbnail = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        sheet.paste(thumbnail, (left, top), rounded(size))
        middles.append(middle)
    return middles


def rounded(size: tuple[int, int]) -> Image.Image:
    """A mask with soft corners."""
    mask = Image.new("L", (size[0] * SCALE, size[1] * SCALE), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *(side * SCALE - 1 for side in size)), 6 * SCALE, fill=255)
    return mask.resize(size, Image.Resampling.LANCZOS)


def draw_lane(sheet: Image.Image, span: Span, top: int, height: int) -> None:
    """The ground on which a waveform or a curve stands."""
    ImageDraw.Draw(sheet).rectangle((span.left, top, span.right - 1, top + height - 1), fill=LANE)


def draw_waveform(sheet: Image.Image, wave: np.ndarray, rate: int, span: Span, top: int) -> None:
    """The least and greatest sample of each pixel column, filled; the loudness of the column is brighter inside."""
    draw = ImageDraw.Draw(sheet)
    middle, reach = top + WAVE / 2, (WAVE - 8) / 2
    columns = np.round(span.edges * rate).astype(int)
    for x, (first, last) in enumerate(pairwise(columns), start=span.left):
        column = wave[first : max(last, first + 1)]
        if not column.size:
            continue
        low, high = float(column.min()), float(column.max())
        rms = float(np.sqrt(np.mean(column**2)))
        draw.line((x, middle - reach * high, x, middle - reach * low), fill=blend(WAVEFORM, LANE, 0.62))
        draw.line((x, middle - reach * rms, x, middle + reach * rms), fill=WAVEFORM)


def draw_curve(sheet: Image.Image, values: np.ndarray, fps: float, span: Span, top: int, colour: Colour) -> None:
    """A line over a light fill, from the curve's least value in the whole film at the bottom to its greatest."""
    low, high = float(values.min()), float(values.max())
    share = (values - low) / (high - low) if high > low else np.full_like(values, 0.5)
    seconds = (span.edges[:-1] + span.edges[1:]) / 2
    heights = np.interp(seconds, np.arange(len(values)) / fps, share)
    width, height = span.right - span.left, CURVE
    canvas = Image.new("RGB", (width * SCALE, height * SCALE), LANE)
    draw = ImageDraw.Draw(canvas)
    y = (height - 5 - heights * (height - 10)) * SCALE
    points = [((x + 0.5) * SCALE, at) for x, at in enumerate(y.tolist())]
    draw.polygon([(0, height * SCALE), *points, (width * SCALE, height * SCALE)], fill=blend(colour, LANE, 0.2))
    draw.line(points, fill=colour, width=2 * SCALE, joint="curve")
    sheet.paste(canvas.resize((width, height), Image.Resampling.LANCZOS), (span.left, top))


def blend(colour: Colour, ground: Colour, share: float) -> Colour:
    """A colour laid on a ground with some transparency."""
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(colour, ground, strict=True))
    return red, green, blue


def draw_label(sheet: Image.Image, top: int, height: int, name: str, values: str, colour: Colour) -> None:
    """A lane's name to the left of it, in its colour; what follows a middle dot goes below, before the range."""
    draw = ImageDraw.Draw(sheet)
    right, middle = MARGIN + LABELS - 18, top + height / 2
    head, _, tail = name.partition(" · ")
    below = f"{tail}   {values}".strip()
    draw.text((right, middle - (12 if below else 0)), head, font=fitting(head, 21), fill=colour, anchor="rm")
    draw.text((right, middle + 13), below, font=fitting(below, 16), fill=QUIET, anchor="rm")


def fitting(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of a label: smaller where the text is too long."""
    return next((font(s) for s in range(size, 11, -1) if font(s).getlength(text) <= LABELS - 18), font(11))


def draw_ticks(sheet: Image.Image, middles: list[float], top: int, bottom: int) -> None:
    """A thin line from each thumbnail down through the lanes to its moment on the axis."""
    over = Image.new("RGBA", sheet.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(over)
    for x in middles:
        draw.line((x, top + 4, x, top + LEAD - 1), fill=(*TEXT, 190))
        draw.line((x, top + LEAD, x, bottom + 4), fill=(*TEXT, 70))
    sheet.paste(over, (0, 0), over)


def draw_axis(sheet: Image.Image, span: Span, top: int) -> None:
    """Seconds under the lanes: short marks at quarters, long ones with a number at halves."""
    draw = ImageDraw.Draw(sheet)
    draw.line((span.left, top + 4, span.right, top + 4), fill=LINE)
    quarters = np.arange(np.ceil(span.start * 4 - 1e-6), np.floor(span.end * 4 + 1e-6) + 1) / 4
    for seconds in quarters.tolist():
        x, numbered = span.x(seconds), seconds % 0.5 == 0
        draw.line((x, top + 4, x, top + (10 if numbered else 7)), fill=TICK)
        if numbered:
            draw.text((x, top + 22), f"{abs(seconds):g} s", font=font(16), fill=QUIET, anchor="mm")


def main(spec: Path) -> None:
    """Draw the sheet that a JSON file describes."""
    data = json.loads(spec.read_text())
    frames = [Path(frame) for frame in data["frames"]]
    curves = {label: np.asarray(values, dtype=float) for label, values in data["curves"].items()}
    contact_sheet(frames, data["fps"], Path(data["sound"]), curves, Path(data["out"]))
    print(data["out"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
