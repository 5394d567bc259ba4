"""What does a bend do where, when and how strongly? A sheet of pictures with their distance to the unbent one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont
from PIL.Image import Image

from ...core import catalogue
from ...core.errors import BendError, Code
from ...core.job.job import Bend, Frame, Job
from ...core.job.resolve import frame_key, resolve
from ..host.results import write_picture, write_text
from ..sampling.state import Inputs
from .render import Renderer

_MARGIN, _GAP, _TITLE, _LABEL = 12, 6, 22, 36
_INK, _PALE, _PAPER = (235, 235, 235), (150, 150, 150), (24, 24, 24)


@dataclass(frozen=True)
class Exploration:
    """Which bends are compared.

    Parameters
    ----------
    sites, windows : every pair of them is a row
    values : of ``parameter``, one column each
    parameter : a parameter of the operator; empty for its first, or the mix if it has none
    settings : other parameters and choices of the operator, by name
    """

    operator: str
    sites: tuple[str, ...]
    windows: tuple[tuple[float, float], ...]
    values: tuple[float, ...]
    parameter: str = ""
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet; ``distance`` is the root of the mean squared difference to the unbent one, 0...1."""

    site: str
    window: tuple[float, float]
    value: float
    distance: float
    key: str


def explore(
    job: Job,
    wanted: Exploration,
    renderer: Renderer,
    out: Path,
    number: int | None = None,
    cell: int | None = None,
    inputs: Inputs | None = None,
) -> list[Cell]:
    """Render a sheet and write it, with a JSON of the same beside it.

    Parameters
    ----------
    number : a frame of the job; None for its first
    out : the picture to write
    inputs : for jobs that start from pictures, or have masks
    cell : the longer side of a picture on the sheet, in pixels; None shows them as they are

    Raises
    ------
    BendError for an unknown operator, parameter, site or frame
    """
    frame = next((frame for frame in job.frames if number is None or frame.number == number), None)
    if frame is None:
        raise BendError(Code.PARAMETER_INVALID, f"The job has no frame {number}.")
    parameter = wanted.parameter or _first_parameter(wanted.operator)
    jobs = {
        (site, window, value): _bent(job, frame, wanted, parameter, site, window, value)
        for site in wanted.sites
        for window in wanted.windows
        for value in wanted.values
    }
    cells = {place: resolve(bent, bent.frames[0]) for place, bent in jobs.items()}
    unbent = resolve(job, frame)
    sampler = renderer.sampler(job, [bend for bent in jobs.values() for bend in bent.bends])
    pictures: dict[str, Image] = {}
    keys = {place: frame_key(data) for place, data in cells.items()}
    plain_key = frame_key(unbent)
    by_key = {plain_key: unbent, **{keys[place]: data for place, data in cells.items()}}
    sampler.render_all(by_key, pictures.__setitem__, inputs)
    plain = pictures[plain_key]
    found = [Cell(*place, round(distance(pictures[key], plain), 4), key) for place, key in keys.items()]
    label = catalogue.operator(wanted.operator).label
    title = f"{label}, {catalogue.animated_parameter(parameter, wanted.operator).label.lower()}"
    shown = {key: thumbnail(picture, cell) for key, picture in pictures.items()}
    write_picture(out, sheet(found, shown, shown[plain_key], title, len(wanted.values)))
    about = {"operator": wanted.operator, "parameter": parameter, "settings": wanted.settings, "frame": frame.number}
    data = {**about, "unbent": plain_key, "cells": [asdict(cell) for cell in found]}
    write_text(out.with_suffix(".json"), json.dumps(data, indent=1))
    return found


def _first_parameter(operator: str) -> str:
    return catalogue.animated_parameters(operator)[min(1, len(catalogue.operator(operator).parameters))].name


def _bent(
    job: Job, frame: Frame, wanted: Exploration, parameter: str, site: str, window: tuple[float, float], value: float
) -> Job:
    """The job with one frame and one more bend."""
    names = {p.name for p in catalogue.animated_parameters(wanted.operator)}
    choices = {name: text for name, text in wanted.settings.items() if name not in names}
    values = {name: float(text) for name, text in wanted.settings.items() if name in names}
    if parameter not in names:
        raise BendError(
            Code.PARAMETER_INVALID, f"{wanted.operator} has no parameter '{parameter}'.", f"It has {', '.join(names)}."
        )
    bend = Bend("explored", wanted.operator, site, *window, choices=choices)
    values = {"mix": 1.0, **values, parameter: value}
    bent = replace(frame, values=(*frame.values, values), masks=(*frame.masks, "") if frame.masks else ())
    explored = replace(job, bends=(*job.bends, bend), frames=(bent,))
    explored.check()
    return explored


def distance(one: Image, other: Image) -> float:
    """The root of the mean squared difference of two pictures of one size, 0...1."""
    difference = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    return float(np.sqrt(np.mean(difference**2)) / 255)


def thumbnail(picture: Image, side: int | None) -> Image:
    """A picture made smaller, so that its longer side is not above ``side``; None leaves it as it is."""
    small = picture.copy()
    if side is not None:
        small.thumbnail((side, side), PIL.Image.Resampling.LANCZOS)
    return small


def sheet(cells: Sequence[Cell], pictures: dict[str, Image], plain: Image, title: str, columns: int) -> Image:
    """The pictures in rows of sites and steps and columns of values, each with its distance; the unbent one first.

    Parameters
    ----------
    pictures : by frame key
    columns : how many values there are
    """
    width, height = plain.size
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    across, down = width + _GAP, height + _LABEL + _GAP
    canvas = PIL.Image.new(
        "RGB", (2 * _MARGIN + (columns + 1) * across - _GAP, 2 * _MARGIN + 2 * _TITLE + len(rows) * down), _PAPER
    )
    draw = ImageDraw.Draw(canvas)
    font, small = ImageFont.load_default(15), ImageFont.load_default(12)
    draw.text((_MARGIN, _MARGIN), title, _INK, font)
    for column, cell in enumerate(rows[0]):
        draw.text((_MARGIN + (column + 1) * across, _MARGIN + _TITLE), f"{cell.value:g}", _INK, font)
    for index, row in enumerate(rows):
        top = _MARGIN + 2 * _TITLE + index * down
        canvas.paste(plain, (_MARGIN, top))
        place = f"{row[0].site}\nsteps {row[0].window[0]:g} to {row[0].window[1]:g}"
        draw.text((_MARGIN, top + height + 3), place, _INK, small)
        for column, cell in enumerate(row):
            left = _MARGIN + (column + 1) * across
            canvas.paste(pictures[cell.key], (left, top))
            draw.text((left, top + height + 3), f"differs by {cell.distance:.3f}", _PALE, small)
    draw.text((_MARGIN, _MARGIN + _TITLE), "unbent", _INK, font)
    return canvas
