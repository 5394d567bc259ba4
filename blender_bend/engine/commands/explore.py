"""``explore JOB``: one bend at many sites, steps and values, or any sheet of the explorer's window, with a JSON."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import BendError, Code
from ...core.limits import FRAME, Real, Whole
from ...core.sheets.kinds import Kind

if TYPE_CHECKING:
    from ...core.job.job import Job
    from ...core.sheets.asked import Asked
    from ..rendering.explorer import Exploration

#: How many pictures a sheet has; a thousand of 512 pixels are one of 16,000.
CELLS = Whole("The number of pictures on a sheet", 1, 1000)
CELL = Whole("The side of a picture on the sheet", 8, 4096)
VALUE = Real("A value", -1e9, 1e9)
SHARE = Real("A step window", 0, 1)
LINES = Whole("The number of rows or columns", 1, 1000)


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("explore", help="render a sheet of one bend at many sites, steps and values")
    parser.add_argument("job", type=Path)
    kinds = list(Kind)
    parser.add_argument("--rows", choices=kinds, help="compare as the explorer's window does, instead of --operator")
    parser.add_argument("--columns", choices=kinds, default=Kind.VALUES, help="what the columns compare, with --rows")
    parser.add_argument("--down", type=LINES, default=8, help="largest number of rows (default: 8)")
    parser.add_argument("--across", type=LINES, default=5, help="largest number of columns (default: 5)")
    parser.add_argument("--bend", default="", help="the bend to explore, by name (default: the job's last)")
    parser.add_argument("--prompts", default="", help="prompts to compare, with | between them")
    parser.add_argument("--presets", nargs="*", type=Path, help="presets to compare (default: those of Bend)")
    parser.add_argument("--operator", help="an operator of the catalog, as a further bend")
    parser.add_argument("--site", nargs="+", default=["latent"], help="one row each (default: latent)")
    parser.add_argument(
        "--steps", nargs="+", default=["0-1"], metavar="FROM-TO", help="step windows, one row each: 0-0.3"
    )
    parser.add_argument("--parameter", help="the parameter to vary (default: the operator's first)")
    parser.add_argument("--values", type=_values, help="comma-separated, one column each: 0.5,1,2")
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
    from ..rendering.explorer import compare, explore
    from ..rendering.render import Renderer
    from ..store.frame_store import FrameStore
    from ..store.inputs import StoredInputs

    job = Job.read(options.job)
    inputs = StoredInputs(FrameStore(options.store))
    where = (Renderer(options.device), options.out, options.frame, options.cell, inputs)
    if options.rows is not None:
        made = len(compare(job, _asked(options), _place(options, job), *where))
    else:
        made = len(explore(job, _exploration(options), *where))
    print(f"{made} pictures -> {options.out}, {options.out.with_suffix('.json')}")
    return 0


def _asked(options: argparse.Namespace) -> Asked:
    from ...core.presets import presets
    from ...core.sheets.asked import Asked

    paths = presets.paths() if options.presets is None else options.presets
    chosen = tuple(map(presets.read, paths)) if Kind.PRESETS in {options.rows, options.columns} else ()
    kinds = Kind(options.rows), Kind(options.columns)
    return Asked(*kinds, options.down, options.across, options.parameter or "", options.prompts, chosen)


def _place(options: argparse.Namespace, job: Job) -> int | None:
    """The place of the bend that is explored."""
    names = [bend.name for bend in job.bends]
    if options.bend and options.bend not in names:
        raise BendError(
            Code.PARAMETER_INVALID, f"The job has no bend '{options.bend}'.", f"It has {', '.join(names) or 'none'}."
        )
    return names.index(options.bend) if options.bend else len(names) - 1 if names else None


def _exploration(options: argparse.Namespace) -> Exploration:
    from ..rendering.explorer import Exploration

    if not options.operator or not options.values:
        raise BendError(
            Code.PARAMETER_INVALID, "It is not said what to compare.", "Give --operator and --values, or --rows."
        )
    windows = tuple(_window(window) for window in options.steps)
    CELLS(len(options.site) * len(windows) * len(options.values))
    settings = dict(item.split("=", 1) for item in options.set)
    return Exploration(
        options.operator,
        tuple(options.site),
        windows,
        tuple(options.values),
        options.parameter or "",
        settings,
    )
