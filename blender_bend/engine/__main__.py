"""The engine's command line: serve | render JOB | measure SOUND | sites MODEL | explore JOB | sonic |
download MODEL | delete MODEL | login | logout | doctor."""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import limits
from ..core.errors import BendError
from ..core.models import file_hashes
from ..core.process import messages
from .commands import explore, hub, render, sites, sonic
from .host import confinement
from .setup import environments

if TYPE_CHECKING:
    from ..core.timebase import FrameRate


#: Whether the tempo is one that music has is said by the settings of the beats.
BPM = limits.Real("The tempo", -1e6, 1e6)


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
    # numpy's threads spin as well: beside a busy machine the onsets of 4 s of sound took 3.3 s with two of them and
    # 0.04 s with one. Torch has threads of its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    options = command_line().parse_args(arguments)
    if arguments is None and not options.online:
        confinement.go_offline()
        if options.run is not _serve:  # which keeps a stream of its own
            confinement.close_stdin()
    try:
        with environments.leased(), file_hashes.telling(file_hashes.spoken(_say, every=10)):
            return options.run(options)
    except BendError as error:
        print(f"{error.message}\n{error.hint}".strip(), file=sys.stderr)
        return 1
    except BrokenPipeError:
        return _left_alone()


def _left_alone() -> int:
    """Whoever read what was said is gone: the rest, which Python still writes at its end, is for nobody."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
    return messages.GONE


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class _Parser(argparse.ArgumentParser):
    """Says which option is wrong in Bend's own words, where a number is refused."""

    def _get_value(self, action: argparse.Action, text: str) -> Any:
        try:
            return super()._get_value(action, text)
        except BendError as error:
            raise argparse.ArgumentError(action, str(error)) from error


def command_line() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m blender_bend.engine", description=__doc__)
    parser.set_defaults(online=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="answer requests on stdin (Blender does this)")
    serve.add_argument("--log", type=Path, required=True, help="log file for all output")
    serve.add_argument("--device", default="auto")
    serve.add_argument("--studies", type=Path, help="folder for model studies")
    serve.set_defaults(run=_serve)

    measure = commands.add_parser(
        "measure", aliases=["analyse"], help="measure features of a sound, one value per video frame"
    )
    measure.add_argument("sound", type=Path)
    measure.add_argument("--fps", required=True, type=_frame_rate, help="24, 30000/1001 or 29.97")
    measure.add_argument(
        "--features", help="comma-separated, for example rms,chroma,percussive/flux,band:200-800,times:beats"
    )
    measure.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    measure.add_argument("--cache", type=Path, help="cache folder for measured features")
    measure.add_argument("--bpm", type=BPM, help="fixed tempo instead of detected beats")
    measure.add_argument(
        "--first-beat", type=limits.SECONDS, default=0.0, help="time of a beat of the fixed tempo, in seconds"
    )
    measure.add_argument("--midi", type=Path, help="MIDI file that starts with the sound")
    measure.add_argument("--encodec", type=Path, help="folder of an EnCodec model")
    measure.set_defaults(run=_measure)

    for module in (render, sites, explore, sonic, hub):
        module.add(commands)

    doctor = commands.add_parser("doctor", help="check what is installed")
    doctor.add_argument("--json", action="store_true")
    doctor.add_argument("--devices", action="store_true", help="also look for GPUs and free memory")
    doctor.add_argument(
        "--smoke",
        choices=("audio", "diffusion"),
        default="",
        help="also measure a test sound and render a test picture",
    )
    doctor.add_argument("--store", type=Path, help="also check that frames can be written there")
    doctor.add_argument("--device", default="auto")
    doctor.add_argument("--studies", type=Path, help="folder for measurements of the machine")
    doctor.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER", help="also check this model")
    doctor.set_defaults(run=_doctor)
    return parser


def _frame_rate(text: str) -> FrameRate:
    from ..core.timebase import FrameRate  # needs numpy; the doctor must answer where there is none

    return FrameRate.parse(text)


def _serve(options: argparse.Namespace) -> int:
    from .process.server import Server, redirect_output

    if hasattr(os, "nice"):
        os.nice(10)  # below Blender's interface, which must stay lively while pictures are made

    incoming, outgoing = confinement.private_stdin(), redirect_output(options.log)
    faulthandler.enable()  # a crash writes where it was, to the log
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    environments.sweep_later()
    Server(incoming, outgoing, options.device, options.studies, options.log).serve()
    return 0


def _measure(options: argparse.Namespace) -> int:
    from ..core.sound import beats
    from ..core.sound.features import PLAIN, expand
    from .analysis import Settings, measure_file
    from .host.results import write_arrays

    names = [name for text in options.features.split(",") for name in expand(text)] if options.features else PLAIN
    fixed = {"source": "tempo", "bpm": options.bpm, "first": options.first_beat} if options.bpm is not None else {}
    settings = Settings(beats.Settings.from_dict(fixed), options.midi, encodec=options.encodec)
    measured = measure_file(options.sound, options.fps, list(names), cache=options.cache, settings=settings)
    write_arrays(options.out, measured)
    print(f"{', '.join(measured)} -> {options.out}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .process import doctor

    seen = doctor.examine()
    models = dict(text.split("=", 1) for text in options.model if "=" in text)
    found = list(
        doctor.findings(options.devices, options.smoke, options.store, models, options.device, options.studies)
    )
    if options.json:
        print(json.dumps({**seen, "findings": doctor.report(found)}))
    else:
        print(f"Python {seen['python']} on {seen['platform']}")
        for name, version in seen["packages"].items():
            print(f"  {name:14}{version or 'missing'}")
        for finding in found:
            print(f"{finding.state:8} {finding.what} {finding.repair}".rstrip())
    return 1 if any(finding.state == doctor.PROBLEM for finding in found) else 0


if __name__ == "__main__":
    sys.exit(main())
