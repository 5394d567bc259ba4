"""``explore JOB``: one bend at many sites, steps and values, as a labelled contact sheet and as JSON."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...core.limits import FRAME, Real, Whole

#: How many pictures a sheet has; a thousand of 512 pixels are one of 16,000.
CELLS = Whole("The number of pictures on a sheet", 1, 1000)
CELL = Whole("The side of a picture on the sheet", 8, 4096)
VALUE = Real("A value", -1e9, 1e9)
SHARE = Real("A step window", 0, 1)


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("explore", help="render a sheet of one bend at many sites, steps and values")
    parser.add_argument("job", type=Path)
    parser.add_argument("--operator", required=True, help="an operator of the catalog")
    parser.add_argument("--site", nargs="+", default=["latent"], help="one row each (default: latent)")
    parser.add_argument(
        "--steps", nargs="+", default=["0-1"], metavar="FROM-TO", help="step windows, one row each: 0-0.3"
    )
    parser.add_argument("--parameter", help="the parameter to vary (default: the operator's first)")
    parser.add_argument("--values", required=True, type=_values, help="comma-separated, one column each: 0.5,1,2")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="other parameters and choices")
    parser.add_argument("--frame", type=FRAME, help="a frame of the job (default: its first)")
    parser.add_argument("--cell", type=CELL, metavar="PIXELS", help="longer side of a picture on the sheet, if smaller")
    parser.add_argument(
        "--out", type=Path, default=Path("sheet.png"), help="the sheet to write; a .json is written next to it"
    )
    parser.add_argument("--store", type=Path, default=Path("frames"), help="frame folder with the job's pictures")
    parser.add_argument("--device", default="auto")
    parser.set_defaults(run=_run)


def _values(text: str) -> list[float]:
    return [VALUE(value) for value in text.split(",")]


def _window(text: str) -> tuple[float, float]:
    first, dash, last = text.partition("-")
    return SHARE(first), SHARE(last if dash else first)


def _run(options: argparse.Namespace) -> int:
    from ...core.job.job import Job
    from ..rendering.explorer import Exploration, explore
    from ..rendering.render import Renderer
    from ..store.frame_store import FrameStore
    from ..store.inputs import StoredInputs

    windows = tuple(_window(window) for window in options.steps)
    CELLS(len(options.site) * len(windows) * len(options.values))
    job = Job.read(options.job)
    settings = dict(item.split("=", 1) for item in options.set)
    wanted = Exploration(
        options.operator,
        tuple(options.site),
        windows,
        tuple(options.values),
        options.parameter or "",
        settings,
    )
    inputs = StoredInputs(FrameStore(options.store))
    cells = explore(job, wanted, Renderer(options.device), options.out, options.frame, options.cell, inputs)
    print(f"{len(cells)} pictures -> {options.out}, {options.out.with_suffix('.json')}")
    return 0
