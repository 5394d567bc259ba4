"""``render JOB``: make the frames that the store does not have; with ``--plan`` only say how much that is."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import BendError, Code
from ...core.limits import FRAME
from ...core.resources.speeds import LABELS

if TYPE_CHECKING:
    from ...core.job.job import Job
    from ...core.resources.speeds import Speeds
    from ..prompts.notices import Notice
    from ..rendering.render import Progress, Renderer
    from ..store.frame_store import FrameStore


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("render", help="render the frames of a job that are missing from the store")
    parser.add_argument("job", type=Path)
    parser.add_argument(
        "--frames",
        type=frame_numbers,
        help="a frame or a range of the timeline, for example 17 or 1-100 (default: all)",
    )
    parser.add_argument("--store", type=Path, default=Path("frames"), help="frame folder (default: frames)")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--plan", action="store_true", help="only show how much there is to render and how long it takes"
    )
    parser.set_defaults(run=_run)


def frame_numbers(text: str) -> range:
    """Read a frame or a range of frames."""
    first, dash, last = text.strip().rpartition("-") if text.count("-") == 1 and text[:1] != "-" else ("", "", text)
    begin, end = FRAME(first if dash else last), FRAME(last)
    if end < begin:
        raise BendError(
            Code.PARAMETER_INVALID, f"There are no frames {text[:40]}.", "Give the first frame, then the last."
        )
    return range(begin, end + 1)


def _run(options: argparse.Namespace) -> int:
    from ...core.job.job import Job
    from ...core.resources.speeds import kept
    from ..host.speeds import default_folder
    from ..rendering.render import Renderer
    from ..store.frame_store import FrameStore

    job, store, renderer = Job.read(options.job), FrameStore(options.store), Renderer(options.device)
    if options.plan:
        return _plan(job, store, renderer, options.frames)

    known = kept(default_folder(), renderer.device)
    if known is not None and _warning(job, known):
        print(_warning(job, known), flush=True)

    def show(progress: Progress) -> None:
        print(f"frame {progress.number}  {progress.done}/{progress.total}", flush=True)

    def tell(notices: list[Notice]) -> None:
        for notice in notices:
            print(f"{notice.text} Prompt: {notice.prompt}", flush=True)

    summary = renderer.render(job, store, options.frames, show, told=tell)
    print(
        f"{summary.frames} frames: {summary.found} found, {summary.rendered} pictures rendered in "
        f"{summary.states} steps and {summary.seconds:.1f} s"
    )
    return 0


def _warning(job: Job, speeds: Speeds) -> str:
    """What is to be said of a job's precision before the work starts; empty for a sound choice."""
    said = speeds.warning(job.precision)
    return f"Warning: {said}; Automatic would be {LABELS[speeds.precision()]}" if said else ""


def _plan(job: Job, store: FrameStore, renderer: Renderer, numbers: range | None) -> int:
    from ...core.resources.memory_advice import advise
    from ..host.devices import choose_device
    from ..host.speeds import free_memory, of_this_machine
    from ..store.inputs import StoredInputs
    from ..store.missing import Part, look, work

    parts = look(job, store, numbers)
    first = next(parts, Part())
    left = work(itertools.chain([first], parts))
    print(f"{left.frames} frames to render, {left.pictures} different pictures")
    print(f"{left.states} denoising steps; {left.alone} if every picture were rendered by itself")
    speeds = of_this_machine(renderer.device)
    advice = advise(job, speeds, free_memory(choose_device(renderer.device)))
    memory = advice.lines() if advice else ["Memory needed by this model is unknown"]
    for line in filter(None, [*memory, _warning(job, speeds)]):
        print(line)
    if first.frames:
        frame = {**next(iter(first.frames.values())), "bends": []}
        step, picture = renderer.sampler(job).measure(frame, StoredInputs(store))
        total = left.states * step + left.pictures * picture
        print(f"about {total:.0f} s here: {step:.2f} s a step, {picture:.2f} s for decoding a picture")
    return 0
