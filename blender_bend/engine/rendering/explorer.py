"""What does a bend do where, when and how strongly? A sheet of pictures with their distance to the unbent one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import PIL.Image
from PIL.Image import Image

from ...core import catalogue
from ...core.errors import BendError, Code
from ...core.job.job import Bend, Frame, Job
from ...core.job.resolve import frame_key, resolve
from ...core.sheets import axes
from ...core.sheets.asked import Asked
from ...core.sheets.sheet import Cell as Planned
from ...core.sheets.sheet import Sheet
from ..host.results import write_picture, write_text
from ..sampling.state import Inputs
from .render import Renderer
from .sheet_picture import Page, sheet


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
    frame = _frame(job, number)
    plan = planned(job, frame, wanted)
    cells = plan.cells()
    plain_key, keys, pictures = _rendered(job, frame, cells, renderer, inputs)
    plain = pictures[plain_key]
    places = [(site, window, value) for site in wanted.sites for window in wanted.windows for value in wanted.values]
    found = [
        Cell(*place, round(distance(pictures[key], plain), 4), key) for place, key in zip(places, keys, strict=True)
    ]
    shown = {key: thumbnail(picture, cell) for key, picture in pictures.items()}
    page = Page(
        f"{catalogue.operator(wanted.operator).label}, {plan.columns.title.lower()}",
        [line.label for line in plan.rows.lines],
        [line.label for line in plan.columns.lines],
        [shown[key] for key in keys],
        [f"differs by {one.distance:.3f}" for one in found],
    )
    write_picture(out, sheet(page, ("unbent", shown[plain_key])))
    parameter = _parameter(wanted)
    about = {"operator": wanted.operator, "parameter": parameter.name, "settings": wanted.settings}
    data = {**about, "frame": frame.number, "unbent": plain_key, "cells": [asdict(one) for one in found]}
    write_text(out.with_suffix(".json"), json.dumps(data, indent=1))
    return found


def compare(
    job: Job,
    asked: Asked,
    place: int | None,
    renderer: Renderer,
    out: Path,
    number: int | None = None,
    cell: int | None = None,
    inputs: Inputs | None = None,
) -> list[Planned]:
    """Render the sheet that the explorer's window shows, and write it, with a JSON of the same beside it.

    Parameters
    ----------
    place : of the bend that is explored; None if none is
    number, out, inputs, cell : as for ``explore``

    Raises
    ------
    BendError if something is asked for that there is not
    """
    frame = _frame(job, number)
    plan = asked.sheet(replace(job, frames=(frame,)), place)
    cells = plan.cells()
    plain_key, keys, pictures = _rendered(job, frame, cells, renderer, inputs)
    far = [round(distance(pictures[key], pictures[plain_key]), 4) for key in keys]
    page = Page(
        plan.title,
        [line.label for line in plan.rows.lines],
        [line.label for line in plan.columns.lines],
        [thumbnail(pictures[key], cell) for key in keys],
        [f"differs by {one:.3f}" for one in far],
        frozenset(index for index, key in enumerate(keys) if key == plain_key),
    )
    write_picture(out, sheet(page))
    found = [
        {"row": page.rows[one.row], "column": page.columns[one.column], "distance": apart, "key": key}
        for one, apart, key in zip(cells, far, keys, strict=True)
    ]
    data = {"rows": asked.rows, "columns": asked.columns, "frame": frame.number, "unchanged": plain_key, "cells": found}
    write_text(out.with_suffix(".json"), json.dumps(data, indent=1))
    return cells


def _frame(job: Job, number: int | None) -> Frame:
    frame = next((frame for frame in job.frames if number is None or frame.number == number), None)
    if frame is None:
        raise BendError(Code.PARAMETER_INVALID, f"The job has no frame {number}.")
    return frame


def _rendered(
    job: Job, frame: Frame, cells: Sequence[Planned], renderer: Renderer, inputs: Inputs | None
) -> tuple[str, list[str], dict[str, Image]]:
    """The key of a frame, those of cells, and the pictures of all of them by key."""
    plain, frames = resolve(job, frame), [resolve(cell.job, cell.job.frames[0]) for cell in cells]
    plain_key, keys = frame_key(plain), [frame_key(data) for data in frames]
    pictures: dict[str, Image] = {}
    sampler = renderer.sampler(job, [bend for cell in cells for bend in cell.job.bends])
    sampler.render_all({plain_key: plain, **dict(zip(keys, frames, strict=True))}, pictures.__setitem__, inputs)
    return plain_key, keys, pictures


def planned(job: Job, frame: Frame, wanted: Exploration) -> Sheet:
    """The sheet of a frame with one more bend.

    Raises
    ------
    BendError for an unknown operator or parameter
    """
    names = {parameter.name for parameter in catalogue.animated_parameters(wanted.operator)}
    choices = {name: text for name, text in wanted.settings.items() if name not in names}
    values = {"mix": 1.0, **{name: float(text) for name, text in wanted.settings.items() if name in names}}
    parameter = _parameter(wanted)
    bent = replace(frame, values=(*frame.values, values), masks=(*frame.masks, "") if frame.masks else ())
    bend = Bend("explored", wanted.operator, "latent", choices=choices)
    place = len(job.bends)
    places = ((site, window) for site in wanted.sites for window in wanted.windows)
    return Sheet(
        replace(job, bends=(*job.bends, bend), frames=(bent,)),
        axes.given_places(place, places),
        axes.given_values(place, parameter, wanted.values),
    )


def _parameter(wanted: Exploration) -> catalogue.Parameter:
    if not wanted.parameter:
        return axes.main_parameter(wanted.operator)
    found = {parameter.name: parameter for parameter in catalogue.animated_parameters(wanted.operator)}
    if wanted.parameter not in found:
        raise BendError(
            Code.PARAMETER_INVALID,
            f"{wanted.operator} has no parameter '{wanted.parameter}'.",
            f"It has {', '.join(found)}.",
        )
    return found[wanted.parameter]


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
