"""How long does a film keep the engine from its first frame, and how much memory does its plan take?

A job of 1,000, 10,000 and 100,000 frames, each with two bends, is read, looked for in an empty store and begun; the
model is left out. It is compared with parsing the bare JSON of the file, in processor time. With ``--root`` another
checkout is measured, such as one from before a change.

With ``--blender`` the add-on's part is measured too, with every Blender that is in ``.venv``: what it takes until it
asks the engine, how many frames it has planned by then, and what the engine takes from there. ``--rest`` goes on to the
end of the plan.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
FRAMES = (1_000, 10_000, 100_000)
#: What ``beginnings.py`` can make a film into, and the most seconds of the processor until its first frame is begun.
KINDS, SECONDS = ("film", "chain", "driven", "driven chain"), 5.0
#: At most so much more memory than before the job was read, and so many times the time of parsing its bare text.
MEGABYTES, RATIO = 150, 4.0


class Begun(Exception):
    """The first frame's work has begun."""


class Beginning:
    """In the place of a sampler."""

    prompts = None

    def render_all(self, *_: Any) -> None:
        """Stop here."""
        raise Begun


def write_film(path: Path, frames: int) -> None:
    """A job in which every frame is another."""
    from blender_bend.core.job.job import Bend, Frame, Job

    bends = (Bend("Turn", "rotate_channels", "latent", 0.2, 0.8), Bend("Grain", "add_noise", "unet:up_blocks.*", 0.5))
    made = tuple(
        Frame(
            number,
            (("a calm sea under a storm", number / frames), ("a burning forest", 1 - number / frames)),
            ({"mix": 1.0, "angle": number * 7919 % 9973 / 9973}, {"mix": 0.5, "amount": number * 104729 % 9967 / 9967}),
            strip={"seed_travel": 0.0},
        )
        for number in range(frames)
    )
    path.write_text(Job("m", "f" * 64, (512, 512), 20, 7.0, 1, "", bends, made).to_json(), encoding="utf-8")


def peak() -> float:
    """The most memory of this process until now, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def measure(path: Path) -> dict[str, float]:
    """Read a job and begin it: seconds of the processor, and MB more than before."""
    from blender_bend.core.job.job import Job
    from blender_bend.engine.rendering import render
    from blender_bend.engine.store.frame_store import FrameStore

    render.Renderer.sampler = lambda *_: Beginning()  # type: ignore[assignment, method-assign, return-value]
    render.notices = lambda *_: []  # type: ignore[assignment]
    before, began = peak(), time.process_time()
    try:
        render.Renderer("cpu").render(Job.read(path), FrameStore(path.parent / "store"))
    except Begun:
        taken = time.process_time() - began
    grown = peak() - before
    began = time.process_time()
    json.loads(path.read_text(encoding="utf-8"))
    return {"seconds": taken, "megabytes": grown, "bare": time.process_time() - began}


def measured(root: Path, frames: int) -> dict[str, float]:
    """The same in a process of its own, whose memory is not that of the writer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        for step in (["--write", str(frames)], []):
            command = [sys.executable, __file__, "--root", str(root), "--job", str(path), *step]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(said))


def begun(root: Path, python: Path, kind: str, frames: int, more: list[str]) -> dict[str, float]:
    """What a Blender, and then the engine, take until the first frame of a film is begun."""
    with tempfile.TemporaryDirectory() as folder:
        beginnings = [str(HERE / "benchmarks/beginnings.py"), str(root), folder, "--kind", kind]
        engine = [__file__, "--root", str(root), "--job", str(Path(folder) / "job.json")]
        found: dict[str, float] = {}
        for name, command in (
            ("add-on", [str(python), *beginnings, "--frames", str(frames), *more]),
            ("engine", [sys.executable, *engine]),
        ):
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.update({f"{name} {key}": value for key, value in json.loads(said.splitlines()[-1]).items()})
    return found


def tell_beginnings(roots: list[Path], frames: int, more: list[str]) -> bool:
    """Print a table for every Blender; whether the last root keeps the limits."""
    kept = True
    for python in sorted(HERE.glob(".venv/blender-*/bin/python")):
        print(f"{python.parents[1].name}, {frames:,} frames; seconds of the processor")
        print("  film           planned first   add-on   engine   together   longest slice   memory   the rest")
        for kind in KINDS:
            for root in roots:
                found = begun(root, python, kind, frames, more)
                together = found["add-on seconds"] + found["engine seconds"]
                good = together < SECONDS and max(found["add-on megabytes"], found["engine megabytes"]) < MEGABYTES
                kept &= good or root != roots[-1]
                print(
                    f"  {kind:12} {found['add-on planned']:15,} {found['add-on seconds']:8.2f} "
                    f"{found['engine seconds']:8.2f} {together:10.2f} {found['add-on longest']:12.1f} ms "
                    f"{found['add-on megabytes']:5.0f} MB {found['add-on rest']:10.2f}  {root.name}",
                    flush=True,
                )
    return kept


def main() -> int:
    """Print a table; the exit code says whether the limits are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=HERE)
    parser.add_argument("--blender", action="store_true", help="measure the add-on's part too")
    parser.add_argument("--before", type=Path, help="with --blender: a checkout to be measured in turns with the root")
    parser.add_argument("--frames", type=int, default=FRAMES[-1], help="with --blender")
    parser.add_argument("--rest", action="store_true", help="with --blender: plan the film to its end")
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(options.root))
    if options.write:
        write_film(options.job, options.write)
        return 0
    if options.job:
        print(json.dumps(measure(options.job)))
        return 0
    if options.blender:
        roots = [root.resolve() for root in (options.before, options.root) if root is not None]
        return 0 if tell_beginnings(roots, options.frames, ["--rest"] if options.rest else []) else 1
    kept = True
    print("  frames   first frame begun   of bare parsing   memory")
    for frames in FRAMES:
        found = measured(options.root, frames)
        ratio = found["seconds"] / found["bare"]
        kept &= found["megabytes"] < MEGABYTES and (ratio < RATIO or frames == FRAMES[0])
        print(f"{frames:8,} {found['seconds']:17.2f} s {ratio:14.1f} x {found['megabytes']:8.0f} MB", flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
