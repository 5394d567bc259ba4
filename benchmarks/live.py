"""How soon Live shows a change: from a property's change to its picture, against the engine's own time for that draft.

Runs with a Python that has bpy: ``.venv/blender-5.2/bin/python benchmarks/live.py [--changes 30] [--size 448 256]``.
Blender runs in the background and Live is stepped as its timer does in a window. Told are the latency of a change while
nothing is made, that of a change during a draft (which must end within one denoising step), and the longest pieces of
Live in the main thread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("benchmarks", "tools/demo_parts")]
from timeline import addon, start_blender  # noqa: E402

#: A change may take so many times the engine's own time for the draft, and so many seconds more.
SHARE, SECONDS = 1.3, 0.06
#: A piece of the main thread, in milliseconds.
PIECE = 15.0


class Watched:
    """Live on a bend strip, with the engine's own times and the lengths of Live's pieces."""

    def __init__(self, bpy: Any, size: tuple[int, int]) -> None:
        bpy.ops.wm.read_homefile(use_empty=True)
        preferences = addon("host.preferences").preferences()
        preferences.frame_folder = tempfile.mkdtemp(prefix="bend-frames-")
        preferences.precision, preferences.batch = "float32", 1
        self.scene = bpy.context.scene
        self.scene.sequence_editor_create()
        store = addon("host.preferences").frame_folder()
        self.strip = addon("timeline.strips").create(self.scene, "Bend", 1, 49, size, store)
        addon("settings.stack").add_bend(self.strip)
        self.strip.bend_settings.width, self.strip.bend_settings.height = size
        self.scene.frame_set(5)
        self.live = addon("live.controller").Live(lambda: False, lambda: (self.scene, self.strip))
        self.own: list[float] = []
        self.pieces: list[float] = []
        request = addon("process.engine_request").Request
        result = request.result

        def told(asked: Any) -> Any:
            message = result(asked)
            if "seconds" in message:
                self.own.append(float(message["seconds"]))
            return message

        request.result = told

    def change(self, seed: int) -> float:
        """Change a property; when that was."""
        self.strip.bend_settings.seed = seed
        addon("host.changes").note_update()
        return time.monotonic()

    def until_shown(self) -> float:
        """Step as the timer does until the change is shown; when that was."""
        while True:
            self.step()
            live = self.live
            if live.wanted is not None and live.shown == live.wanted:
                return time.monotonic()
            if live.problem is not None:
                sys.exit(str(live.problem))
            time.sleep(addon("live.switch").TICK_SECONDS)

    def step(self) -> None:
        """One tick of Live, in milliseconds of the main thread's processor time."""
        began = time.thread_time()
        self.live.step()
        self.pieces.append(1000 * (time.thread_time() - began))


def main() -> int:
    """Print the figures; the exit code says whether all limits are kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=30)
    parser.add_argument("--size", type=int, nargs=2, default=(448, 256), metavar=("WIDTH", "HEIGHT"))
    options = parser.parse_args()
    bpy = start_blender()
    watched = Watched(bpy, (options.size[0], options.size[1]))
    began = watched.change(1)
    print(f"Blender {bpy.app.version_string}, mini, {options.size[0]} x {options.size[1]}")
    print(f"  first draft with a cold engine {watched.until_shown() - began:.2f} s")
    begins, watched.pieces, watched.own = watched.pieces, [], []
    waits = [-watched.change(10 + number) + watched.until_shown() for number in range(options.changes)]
    over = [wait - SHARE * own for wait, own in zip(waits, watched.own, strict=True)]
    draft = statistics.median(watched.own)
    replaced = []
    for number in range(options.changes):
        watched.change(1000 + 2 * number)
        until = time.monotonic() + draft * (0.2 + 0.6 * number / options.changes)
        while time.monotonic() < until:
            watched.step()
            time.sleep(0.002)
        replaced.append(-watched.change(1001 + 2 * number) + watched.until_shown())
    steps = watched.live.wanted.job.steps
    kept = [
        _say("a change, beyond 1.3 times its draft", sorted(over), SECONDS),
        _say(
            "a change during a draft, beyond 1.3 drafts",
            sorted(r - SHARE * draft for r in replaced),
            SECONDS + draft / steps,
        ),
        _say("pieces of the main thread at the start", sorted(piece / 1000 for piece in begins), PIECE / 1000, 1.0),
        _say("pieces of the main thread", sorted(piece / 1000 for piece in watched.pieces), PIECE / 1000, 1.0),
    ]
    print(f"  the engine's own time for a draft {1000 * draft:.0f} ms ({steps} steps)")
    watched.live.close()
    addon("process.engine_client").shut_down()
    return 0 if all(kept) else 1


def _say(what: str, found: list[float], limit: float, share: float = 0.95) -> bool:
    """One line about some seconds in order; so large a share of them must keep the limit."""
    middle, late, last = found[len(found) // 2], found[int(0.95 * (len(found) - 1))], found[-1]
    kept = found[int(share * (len(found) - 1))] <= limit
    print(
        f"  {what:<45} median {1000 * middle:7.1f} ms, 95 of 100 within {1000 * late:7.1f}, longest {1000 * last:7.1f}"
        f"  (at most {1000 * limit:.0f}) {'' if kept else 'TOO LONG'}",
        flush=True,
    )
    return kept


if __name__ == "__main__":
    sys.exit(main())
