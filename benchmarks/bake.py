"""How long Blender takes to write a bake: shaping, telling hand keys from its own, writing keys, remembering them.

Runs with a Python that has bpy: ``.venv/blender-5.2/bin/python benchmarks/bake.py [--routes 10] [--frames 7200]``. The
features are given, so the engine is left out; the second bake meets the keys of the first, which is the usual case.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools" / "demo_parts"))
from timeline import addon, start_blender  # noqa: E402

FPS = 24
LIMIT = 0.2
#: What is measured: name, options of the bake, and how many seconds the attack takes (0 needs no envelope).
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("every frame", {}),
    ("simplified", {"mode": "SIMPLIFIED"}),
    ("events", {"mode": "EVENTS"}),
    ("every frame, added", {"add": True}),
    ("every frame, a range of a tenth", {"use_range": True, "first": 1000, "last": 1719}),
)


def strip_with_routes(bpy: Any, routes: int, frames: int) -> Any:
    """A bend strip with so many routed parameters, each with attack and release."""
    scene = bpy.context.scene
    scene.sequence_editor_create()
    scene.render.fps, scene.render.fps_base = FPS, 1.0
    strip = addon("timeline.strips").create(
        scene, "Bend", 1, 1 + frames, (64, 64), Path(tempfile.mkdtemp(prefix="bend-frames-"))
    )
    for number in range(routes):
        bend = addon("settings.stack").add_bend(strip, "rotate_channels")
        parameter = bend.parameters["angle"]
        parameter.feature, parameter.which, parameter.attack = "mfcc", number + 1, 0.05
    return strip


def measured_features(routes: int, frames: int) -> dict[str, np.ndarray]:
    """Features as of music: hits that fade, over a slow swell."""
    random = np.random.default_rng(7)
    features: dict[str, np.ndarray] = {"times:onsets": np.arange(0.25, frames / FPS, 0.5)}
    for number in range(routes):
        hits = random.random(frames) < 0.08
        values = np.convolve(hits * random.random(frames), np.exp(-np.arange(60) / 8))[:frames]
        features[f"mfcc:{number + 1}"] = (values + 0.3 * np.sin(np.arange(frames) / 200)).astype(np.float32)
    return features


def under_way(strip: Any, features: dict[str, np.ndarray], options: Any) -> Any:
    """A bake whose request has been answered: everything of ``Bake`` but the mixdown and the engine."""
    bake = addon("baking.bake")
    work = bake.Bake.__new__(bake.Bake)
    work.strip_name, work.cancelled = strip.name, False
    work.options = {parameter.key: options for parameter, _ in strip.bend_settings.routed()}
    work.rate, work.frames = (
        addon("timeline.timing").frame_rate(strip.id_data),
        addon("timeline.timing").Placement.of(strip).sound_frames,
    )
    work._anchor = addon("timeline.anchor").Anchor.at(strip.id_data, strip, "its sound was measured", bake.sound_now)
    folder = tempfile.TemporaryDirectory(prefix="bend-")
    out = Path(folder.name) / "features.npz"
    np.savez(out, allow_pickle=False, **features)
    work._folder = folder
    work.request = SimpleNamespace(result=lambda: {"out": str(out)})
    return work


def main() -> None:
    """Print a line for each kind of bake."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", type=int, default=10)
    parser.add_argument("--frames", type=int, default=7200)
    arguments = parser.parse_args()
    bpy = start_blender()
    bpy.ops.wm.read_homefile(use_empty=True)
    strip = strip_with_routes(bpy, arguments.routes, arguments.frames)
    features = measured_features(arguments.routes, arguments.frames)
    Options = addon("settings.bake_settings").Options
    print(f"Blender {bpy.app.version_string}: {arguments.routes} routes x {arguments.frames} frames, seconds")
    for name, settings in KINDS:
        seconds, processor = [], []
        for _ in range(4):
            work = under_way(strip, features, Options(**settings))
            began, used = time.perf_counter(), time.process_time()
            report = work.finish()
            seconds.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
        print(
            f"  {name:32} first {seconds[0]:.3f}, again {min(seconds[1:]):.3f} (processor {min(processor[1:]):.3f}), "
            f"{report.counts()}"
        )
    print(f"  the limit for every frame is {LIMIT}")


if __name__ == "__main__":
    main()
