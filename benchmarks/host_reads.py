"""How often does the host wait for the device in a denoising step? Counted on a pretended accelerator.

With ``--root`` another checkout is counted, such as one from before a change.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).resolve().parents[1]
STEPS, SIDE = 4, 256

#: What is counted: site, and the operators on it with their values and choices.
STACKS: dict[str, tuple[str, list[tuple[str, dict[str, float], dict[str, str]]]]] = {
    "no bend": ("latent", []),
    "four bends on **.attn2": (
        "unet:**.attn2",
        [
            ("multiply", {"factor": 1.01}, {}),
            ("add", {"amount": 0.01}, {}),
            ("rotate_channels", {"angle": 0.1}, {"plane": "1-2"}),
            ("threshold", {"level": 0.01}, {}),
        ],
    ),
    "a blur on **.resnets.0": ("unet:**.resnets.0", [("blur", {"radius": 1.5}, {})]),
    "a dilation on **.resnets.0": ("unet:**.resnets.0", [("dilate", {"radius": 1.5}, {})]),
    "noise on **.attn1": ("unet:**.attn1", [("add_noise", {"amount": 0.1}, {})]),
}


def count(model: str, site: str, bends: list[tuple[str, dict[str, float], dict[str, str]]], scheduler: str) -> Any:
    """Reads, answers in the background and uploads within the steps of one picture, and those of the scheduler."""
    from ghost import pretended

    from benchmarks import models
    from blender_bend.core.job.job import Bend, Frame, Job
    from blender_bend.core.job.resolve import resolve
    from blender_bend.engine.sampling import Sampler

    stack = tuple(Bend(f"{number}", name, site, choices=choices) for number, (name, _, choices) in enumerate(bends))
    frame = Frame(1, (("teal ocean waves", 1.0),), tuple({"mix": 0.5, **values} for _, values, _ in bends))
    job = Job("", "0" * 64, (SIDE, SIDE), STEPS, 5.0, 3, "", stack, (frame,), scheduler=scheduler)
    counts: Counter[str] = Counter()
    with pretended("cuda") as accelerator:
        sampler = Sampler(accelerator.send_pipeline(getattr(models, model)(torch.float32)))
        advance = sampler.advance

        def watched(*arguments: Any) -> Any:
            with accelerator.watched() as records:
                result = advance(*arguments)
            stock = sum(times for place, times in records.reads.items() if "@ diffusers/schedulers/" in place)
            counts["reads"] += records.reads.total() - stock
            counts["stock"] += stock
            counts["answers"] += records.answers.total()
            counts["uploads"] += records.uploads.total()
            counts["stalling"] += records.stalling.total()
            return result

        sampler.advance = watched  # type: ignore[method-assign]
        sampler.render(resolve(job, frame))
    return counts


def main() -> int:
    """Print a table; the exit code says whether no step made the host wait."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=HERE)
    parser.add_argument("--model", default="mini", help="mini or small_unet")
    parser.add_argument("--scheduler", default="euler")
    options = parser.parse_args()
    sys.path[:0] = [str(options.root), str(HERE / "tests")]
    torch.set_num_threads(1)
    print(f"{options.model}, {options.scheduler}, a step of {STEPS} on average; in brackets what the scheduler reads")
    kept = True
    for name, (site, bends) in STACKS.items():
        counts = count(options.model, site, bends, options.scheduler)
        per = {kind: counts[kind] / STEPS for kind in ("reads", "stock", "answers", "uploads", "stalling")}
        kept &= not counts["reads"] and not counts["stalling"]
        print(
            f"{name:<28} {per['reads']:6.2f} reads (+ {per['stock']:.2f})  {per['answers']:5.2f} in the background"
            f"  {per['uploads']:6.2f} uploads, {per['stalling']:6.2f} of them waited for",
            flush=True,
        )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
