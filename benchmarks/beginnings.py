"""What Blender does of a film of many frames until the engine is asked, and afterwards; ``planning.py`` starts it.

Runs with a Python that has bpy, once for a kind of film, and prints one line of JSON. No engine is started: the job
that it would get is written down.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Slices = Iterator[None]


def make_film(bpy: Any, addon: Callable[[str], Any], module: str, frames: int, store: Path) -> Any:
    """A strip with two bends, of which every frame is another."""
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.sequence_editor_create()
    preferences = addon("host.preferences").preferences()
    preferences.frame_folder, preferences.precision, preferences.batch = str(store), "float32", 1
    strip = addon("timeline.strips").create(scene, "Bend", 1, 1 + frames, (64, 64), store)
    dense = importlib.import_module(f"{module}.blender_bend.core.curves.keys").dense
    for number in range(2):
        bend = addon("settings.stack").add_bend(strip, "rotate_channels")
        path = addon("timeline.strips").data_path(strip, bend.parameters["angle"].key)
        keys = addon("timeline.keys").table_of(dense(np.sin(np.arange(frames) / (9 + number)), 1))
        addon("timeline.keys").write_keys(addon("host.compat").ensure_fcurve(scene, path, strip.name), keys)
    return strip


def _drive(addon: Callable[[str], Any], strip: Any) -> None:
    path = addon("timeline.strips").data_path(strip, strip.bend_settings.bends[0].parameters["mix"].key)
    strip.id_data.driver_add(path).driver.expression = "frame / 1000000"


def become(addon: Callable[[str], Any], strip: Any, kind: str) -> None:
    """Let a film be of a kind of ``planning.KINDS``."""
    if "chain" in kind:
        strip.bend_settings.source = "previous"
    if "driven" in kind:
        _drive(addon, strip)


def carried_out(slices: Any) -> tuple[Any, float, float]:
    """What slices come to, seconds of the processor, and milliseconds of the longest slice."""
    pieces: list[float] = []
    gc.collect()
    while True:
        began = time.thread_time()
        try:
            next(slices)
        except StopIteration as done:
            return done.value, sum(pieces), 1000 * max(pieces)
        finally:
            pieces.append(time.thread_time() - began)


def forget_peak() -> None:
    """Let ``most`` begin anew, where the system can."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def most() -> float:
    """The most memory of this process since ``forget_peak``, in MB; elsewhere than on Linux, since it began."""
    from planning import peak

    if sys.platform != "linux":
        return peak()
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> int:
    """Plan a film as Generate does, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", default="film")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--rest", action="store_true", help="plan the rest too")
    options = parser.parse_args()
    sys.path[:0] = [str(options.root / "tools/demo_parts"), str(Path(__file__).parent)]
    from timeline import MODULE, addon, start_blender

    bpy = start_blender()
    strip = make_film(bpy, addon, MODULE, options.frames, options.folder / "store")
    become(addon, strip, options.kind)
    forget_peak()
    before = most()
    plan, seconds, longest = carried_out(addon("film.planning").begin(strip.id_data, strip))
    with (options.folder / "job.json").open("w", encoding="utf-8") as file:
        file.writelines(plan.job.pieces())
    found = {"planned": len(plan.keys), "seconds": seconds, "longest": longest, "rest": 0.0}
    if options.rest and plan.rest is not None:
        _, found["rest"], slowest = carried_out(plan.rest)
        found["longest"] = max(longest, slowest)
    print(json.dumps({**found, "megabytes": most() - before}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
