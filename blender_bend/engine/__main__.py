"""The engine's command line: serve | render JOB | analyse SOUND | doctor."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from ..core.errors import BendError
from ..core.timebase import FrameRate


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    exit code: 0 done, 1 failed with a message
    """
    # Torch's threads spin while they wait for each other. Beside another busy program (Blender is one) a frame of mini
    # then takes over 10 s instead of 0.45 s on two cores. With a bounded spin it takes 1.6 s there and still 0.46 s on
    # an idle machine; without any spin 0.8 s and 0.9 s. Read when torch is imported; other than libgomp ignores it.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except BendError as error:
        print(f"{error.message}\n{error.hint}".strip(), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m blender_bend.engine", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="answer requests on stdin (Blender does this)")
    serve.add_argument("--log", type=Path, required=True, help="file for everything that is printed")
    serve.add_argument("--device", default="auto")
    serve.set_defaults(run=_serve)

    render = commands.add_parser("render", help="make the frames of a job that the store does not have")
    render.add_argument("job", type=Path)
    render.add_argument(
        "--frames", type=_frame_numbers, help="a frame or a range of the timeline: 17, 1-100; default all"
    )
    render.add_argument("--store", type=Path, default=Path("frames"), help="frame folder (default: frames)")
    render.add_argument("--device", default="auto")
    render.set_defaults(run=_render)

    analyse = commands.add_parser("analyse", help="measure features of a sound, one value per video frame")
    analyse.add_argument("sound", type=Path)
    analyse.add_argument("--fps", required=True, type=FrameRate.parse, help="24, 30000/1001 or 29.97")
    analyse.add_argument("--features", help="comma-separated; default all")
    analyse.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    analyse.add_argument("--cache", type=Path, help="folder for measured features")
    analyse.set_defaults(run=_analyse)

    doctor = commands.add_parser("doctor", help="say what is installed")
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(run=_doctor)
    return parser


def _serve(options: argparse.Namespace) -> int:
    from .server import Server, redirect_output

    if hasattr(os, "nice"):
        os.nice(10)  # below Blender's interface, which must stay lively while pictures are made

    outgoing = redirect_output(options.log)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    Server(sys.stdin.buffer, outgoing, options.device).serve()
    return 0


def _render(options: argparse.Namespace) -> int:
    from ..core.job import Job
    from .frame_store import FrameStore
    from .render import Progress, Renderer

    def show(progress: Progress) -> None:
        print(f"frame {progress.number}  {progress.done}/{progress.total}", flush=True)

    job = Job.read(options.job)
    summary = Renderer(options.device).render(job, FrameStore(options.store), options.frames, show)
    print(
        f"{summary.frames} frames: {summary.found} there, {summary.rendered} pictures made in {summary.seconds:.1f} s"
    )
    return 0


def _frame_numbers(text: str) -> range:
    first, dash, last = text.partition("-")
    return range(int(first), int(last if dash else first) + 1)


def _analyse(options: argparse.Namespace) -> int:
    import numpy as np

    from ..core.features import NAMES
    from .analysis import analyse

    names = options.features.split(",") if options.features else list(NAMES)
    measured = analyse(options.sound, options.fps, names, cache=options.cache)
    np.savez(options.out, allow_pickle=False, **measured)
    print(f"{len(next(iter(measured.values())))} frames, {', '.join(measured)} -> {options.out}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine

    found = examine()
    if options.json:
        print(json.dumps(found))
    else:
        print(f"Python {found['python']} on {found['platform']}")
        for name, version in found["packages"].items():
            print(f"  {name:14}{version or 'missing'}")
    return 0 if found["audio"] and found["diffusion"] else 1


if __name__ == "__main__":
    sys.exit(main())
