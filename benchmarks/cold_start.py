"""The first frame from a cold start, against the bare imports and model load of diffusers.

.venv/engine/bin/python benchmarks/cold_start.py [--rounds 5]

Bend's side is what happens after the first Preview Frame of a session: the engine is started, asked at once for one
frame of mini with the Bend tab's usual settings, and the time stops when it says that the frame is in the store. The
other side imports torch and diffusers and loads the same model, and makes no picture. Both start new processes, one
after the other in turn, with the files in the system's cache from a round that does not count.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_bend.core.job.job import Frame, Job  # noqa: E402
from blender_bend.core.models.references import MINI, MINI_PATH, resolve  # noqa: E402
from blender_bend.core.process import messages  # noqa: E402
from blender_bend.core.process.messages import Message  # noqa: E402

MOST = 1.3
BARE = """
import sys
import torch
from diffusers import DiffusionPipeline
DiffusionPipeline.from_pretrained(sys.argv[1], local_files_only=True, safety_checker=None)
print("ready", flush=True)
"""


def environment() -> dict[str, str]:
    """The same for both sides; the engine sets the rest for itself."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def bare() -> float:
    """Seconds until diffusers has the model."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", BARE, str(MINI_PATH)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return time.perf_counter() - began


def first_frame(folder: Path) -> float:
    """Seconds until the engine has stored its first frame."""
    mini = resolve(MINI, {})
    frame = Frame(1, prompt=(("a calm sea at sunset", 1.0),))
    job = Job(mini.path, mini.fingerprint, (256, 256), 8, 3.0, 7, "", (), (frame,))
    (folder / "job.json").write_text(job.to_json(), encoding="utf-8")
    request = Message(messages.RENDER, "1", {"job": str(folder / "job.json"), "store": str(folder / "frames")})
    command = [sys.executable, "-s", "-m", "blender_bend.engine", "serve", "--log", str(folder / "log")]
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(request.encode())
        process.stdin.flush()
        for line in process.stdout:
            message = messages.decode(line)
            if message.type == messages.FRAME:
                seconds = time.perf_counter() - began
                process.stdin.close()
                return seconds
            if message.type == messages.ERROR:
                raise SystemExit(f"{message.data['message']} {message.data['hint']}")
    raise SystemExit(f"The engine ended: {(folder / 'log').read_text()}")


def main() -> int:
    """Measure, say the ratio; exit code 1 if it is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each side is started (default: 5)")
    rounds = parser.parse_args().rounds
    plain, ours = [], []
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory(prefix="bend-cold-") as folder:
            one, two = bare(), first_frame(Path(folder))
        print(
            f"{'warm-up' if number == 0 else f'round {number}'}: diffusers {one:.2f} s, first frame {two:.2f} s",
            flush=True,
        )
        if number:
            plain.append(one)
            ours.append(two)
    ratio = statistics.median(ours) / statistics.median(plain)
    print(f"first frame / imports and model load of diffusers: {ratio:.2f} (at most {MOST})")
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
