"""Sets up .venv/ and runs the main job in a real headless Blender: writes demo/demo.mp4, contact.png and demo.blend.

python3 tools/demo.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import environments
from environments import ENGINE, ROOT

DEMO = ROOT / "demo"
PARTS = ROOT / "tools" / "demo_parts"


def main() -> int:
    """Compose, build, bake, generate, render, and lay out the contact sheet."""
    began = time.monotonic()
    engine = environments.ensure(ENGINE)
    blenders = environments.available_blenders()
    if not blenders:
        sys.exit("The demo needs Python 3.13 (for Blender 5.2) or 3.11 (for Blender 4.5).")
    blender = blenders[-1].interpreter
    DEMO.mkdir(exist_ok=True)
    song = DEMO / "song.wav"
    print("Composing the song", flush=True)
    _run(engine, PARTS / "music.py", song)
    _run(blender, PARTS / "timeline.py", song, DEMO)
    _run(engine, PARTS / "contact.py", DEMO / "contact.json")
    for name in ("demo.mp4", "contact.png", "demo.blend"):
        print(f"demo/{name}  {(DEMO / name).stat().st_size / 1e6:.1f} MB")
    print(f"done in {time.monotonic() - began:.0f} s")
    return 0


def _run(*command: Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[1].name} failed with exit code {done.returncode}.")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except environments.PythonMissing as missing:
        sys.exit(str(missing))
