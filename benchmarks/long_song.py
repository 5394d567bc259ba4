"""How long Blender's window waits with a long song: adding, baking, planning, keys on beats, a selection, a redraw.

Runs with a Python that has bpy: ``.venv/blender-5.2/bin/python benchmarks/long_song.py [--bends 10] [--frames 14400]``.
Every action is done with a tenth of the frames and with all of them, in the processor time of the main thread, so that
a busy machine disturbs little. Told are what the whole action takes, its growth, and its longest piece: how long the
window waits at a time. The song's volume has a key on every frame.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("benchmarks", "tools/demo_parts")]
from bake import FPS, measured_features, strip_with_routes, under_way  # noqa: E402
from timeline import MODULE, addon, sequencer, start_blender  # noqa: E402

#: How much ten times the frames may cost; how many milliseconds a piece may take, and one that lists a folder.
GROWTH, PIECE, LISTING = 12.0, 20.0, 30.0
#: What takes fewer milliseconds is not compared.
NOISE = 2.0
#: The panels that a sidebar shows, by module.
PANELS = "main.main main.source film.film bends.bends route.route beats.beats frames.frames"

Slices = Iterator[None]


class Song:
    """A film of so many frames, with an action for everything that is measured."""

    def __init__(self, bpy: Any, bends: int, frames: int) -> None:
        self.bpy, self.bends, self.frames = bpy, bends, frames
        bpy.ops.wm.read_homefile(use_empty=True)
        preferences = addon("host.preferences").preferences()
        preferences.frame_folder = tempfile.mkdtemp(prefix="bend-frames-")
        preferences.precision, preferences.batch = "float32", 1
        self.scene = bpy.context.scene
        self.scene.sequence_editor_create()
        self.sound = self.scene.sequence_editor.strips.new_sound("Song", str(_silence(frames)), 20, 1)
        path = f"{self.sound.path_from_id()}.volume"
        dense = importlib.import_module(f"{MODULE}.blender_bend.core.curves.keys").dense
        keys = addon("timeline.keys").table_of(dense(np.abs(np.sin(np.arange(frames) / 30)), 1))
        addon("timeline.keys").write_keys(addon("host.compat").ensure_fcurve(self.scene, path, "Song"), keys)
        self.strip = strip_with_routes(bpy, bends, frames)
        beats = self.strip.bend_settings.beats
        beats.source, beats.bpm = "TEMPO", 120.0
        self.features = measured_features(bends, frames)
        self.scene.sequence_editor.active_strip = self.strip

    def add(self) -> Slices:
        """Add Bend Strip."""
        strip = addon("timeline.strips").create(self.scene, "Other", 1, 1 + self.frames, (64, 64), _store())
        yield
        self.scene.sequence_editor.strips.remove(strip)

    def bake(self) -> Slices:
        """Bake, once the engine has measured the sound."""
        work = under_way(self.strip, self.features, addon("settings.bake_settings").Options())
        work.collect()
        yield
        yield from work.write()

    def begin(self) -> Slices:
        """Generate, until the engine gets the first part of its work."""
        yield from addon("film.planning").begin(self.scene, self.strip)

    def plan(self) -> Slices:
        """Generate, until all is planned."""
        yield from addon("film.planning").plan(self.scene, self.strip)

    def key_beats(self) -> Slices:
        """Key on Beats, on one curve."""
        key = self.strip.bend_settings.bends[0].parameters["angle"].key
        addon("measuring.beat_tools").key_beats(self.scene, self.strip, [key], 1, 0)
        yield

    def count(self) -> Slices:
        """The count in idle moments after a key was moved."""
        key = self.strip.bend_settings.bends[0].parameters["angle"].key
        addon("timeline.strips").find_curve(self.strip, key).keyframe_points[5].co.y += 0.1
        yield from self._idle()

    def select(self) -> Slices:
        """A selection, and what Bend does in idle moments because of it."""
        self.sound.select = not self.sound.select
        yield from self._idle()

    def redraw(self) -> Slices:
        """All panels of the sidebar."""
        with sequencer(self.bpy, self.scene):
            for path in PANELS.split():
                module, _, name = path.rpartition(".")
                drawn = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.{module}")
                panel = getattr(drawn, f"BEND_PT_{name}")
                own = {key: value for key, value in vars(panel).items() if callable(value)}
                panel.draw(type(name, (), {**own, "layout": _Layout()})(), self.bpy.context)
        yield

    def _idle(self) -> Slices:
        self.bpy.context.view_layer.update()
        status = addon("frames.status")
        while not status.idle.rests:
            status.idle.tick()
            yield


class _Layout:
    """A layout that takes everything and draws nothing."""

    def __getattr__(self, name: str) -> Any:
        return (lambda *_, **__: (_Layout(), _Layout())) if name == "panel" else _Layout()

    def __call__(self, *_: Any, **__: Any) -> _Layout:
        return self


def _store() -> Path:
    return Path(addon("host.preferences").frame_folder())


def _silence(frames: int) -> Path:
    path = Path(tempfile.mkdtemp(prefix="bend-song-")) / "song.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(bytes(8000 * frames // FPS))
    return path


#: Name, and how long a piece may take in milliseconds; the first redraw and count find everything new.
ACTIONS: dict[str, tuple[Callable[[Song], Slices], float]] = {
    "add strip": (Song.add, LISTING),
    "bake": (Song.bake, PIECE),
    "key on beats": (Song.key_beats, PIECE),
    "start of generate": (Song.begin, LISTING),
    "all of its plan": (Song.plan, LISTING),
    "count after an edit": (Song.count, LISTING),
    "selection": (Song.select, PIECE),
    "redraw": (Song.redraw, PIECE),
}


def measure(action: Callable[[], Slices]) -> tuple[float, float]:
    """Milliseconds of an action, and of its longest piece; the shortest of three times."""
    found = []
    for _ in range(3):
        pieces, slices, over = [], action(), False
        gc.collect()
        while not over:
            began = time.thread_time()
            over = next(slices, slices) is slices
            pieces.append(1000 * (time.thread_time() - began))
        found.append((sum(pieces), max(pieces)))
    return min(total for total, _ in found), min(longest for _, longest in found)


def main() -> int:
    """Print a line for every action; the exit code says whether all of them keep their limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bends", type=int, default=10)
    parser.add_argument("--frames", type=int, default=14_400)
    options = parser.parse_args()
    bpy = start_blender()
    addon("timeline.curve_changes").watch()
    bpy.app.handlers.depsgraph_update_post.append(addon("host.changes").note_update)
    lengths = (options.frames // 10, options.frames)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ACTIONS}
    for frames in lengths:
        song = Song(bpy, options.bends, frames)
        for name, (action, _) in ACTIONS.items():
            found[name].append(measure(lambda action=action, song=song: action(song)))
    print(
        f"Blender {bpy.app.version_string}: {options.bends} bends, {lengths[0]} and {lengths[1]} frames, milliseconds"
    )
    kept = True
    for name, ((few, short), (many, longest)) in found.items():
        growth, limit = many / max(few, NOISE), ACTIONS[name][1]
        kept &= (good := growth <= GROWTH and longest <= limit)
        print(
            f"  {name:<20} {few:8.1f} {many:9.1f}   growth {growth:5.1f}   longest piece {short:6.1f} {longest:6.1f}"
            f"  (at most {limit:.0f}) {'' if good else 'TOO LONG'}",
            flush=True,
        )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
