"""Train mini: python3 tools/mini/train.py --stage pictures|autoencoder|denoiser16|denoiser32|classifier|export|gate|…

The last stages condition it on sound: sounds|tower|adapters|adapters_gate.

Every stage goes on from its checkpoint in the folder; end it with Ctrl-C or a signal at any moment and start it again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGES = (
    *("pictures", "autoencoder", "denoiser16", "denoiser32", "classifier", "export", "gate", "grids"),
    *("sounds", "tower", "adapters", "adapters_gate"),
)
#: Minutes of each stage when nobody says otherwise, on two cores.
MINUTES = {
    "pictures": 0.0,
    "autoencoder": 20.0,
    "denoiser16": 180.0,
    "denoiser32": 90.0,
    "classifier": 4.0,
    "tower": 5.0,
}


def main() -> int:
    """Run the stages asked for, one after the other."""
    options = _options()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two ranks of one thread are faster than one of two
    _ensure_packages()
    sys.path[:0] = [str(ROOT), str(ROOT / "tools")]
    from mini import stages

    for stage in STAGES if options.stage == "all" else (options.stage,):
        began = time.monotonic()
        minutes = MINUTES.get(stage, 0.0) if options.minutes is None else options.minutes
        stages.run(
            stage,
            options.folder,
            minutes=minutes,
            steps=options.steps,
            stop_at=options.stop_at,
            ranks=options.ranks,
            toy=options.toy,
            start=options.start,
            target=options.target,
        )
        print(f"{stage}: done after {(time.monotonic() - began) / 60:.1f} min", flush=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=(*STAGES, "all"), required=True)
    parser.add_argument("--minutes", type=float, help="how long each stage trains")
    parser.add_argument("--steps", type=int, default=0, help="train for a number of steps instead")
    parser.add_argument("--stop-at", type=int, default=0, help="stop after this step, to be resumed")
    parser.add_argument("--folder", type=Path, default=ROOT / ".training" / "mini")
    parser.add_argument("--ranks", type=int, default=2, help="processes with a thread each")
    parser.add_argument("--start", type=Path, help="begin with the weights of this earlier mini")
    parser.add_argument("--target", type=Path, help="where to export to, and which model the gate measures")
    parser.add_argument("--toy", action="store_true", help="tiny sizes: shows that every stage runs")
    return parser.parse_args()


def _ensure_packages() -> None:
    """Go on in the engine's environment if this Python has no torch."""
    try:
        import torch  # noqa: F401
    except ImportError:
        sys.path.insert(0, str(ROOT / "tools"))
        import environments

        python = environments.ensure(environments.ENGINE)
        sys.exit(subprocess.run([str(python), *sys.argv], check=False).returncode)


if __name__ == "__main__":
    sys.exit(main())
