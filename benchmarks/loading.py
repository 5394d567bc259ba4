"""What it costs to leave every weight in aligned memory: load time and peak memory, against loading as it comes.

.venv/engine/bin/python benchmarks/loading.py [--rounds 5] [--width 1.0]

The model has Stable Diffusion 1.5's UNet, times a width, with random weights; its other parts are mini's. Each load is
a process of its own, in turn with and without; both end with a look at every weight, since mapped weights are read from
the disk only when they are first used.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

LOAD = """
import resource, sys, time
from pathlib import Path
import torch
from blender_bend.engine.host import alignment
from blender_bend.engine.loading import load_pipeline
if sys.argv[2] == "as it comes":
    alignment.is_aligned = lambda tensor: True
began = time.perf_counter()
pipeline = load_pipeline(Path(sys.argv[1]), torch.float32, "cpu")
sum(float(weight.sum()) for weight in pipeline.unet.parameters())
seconds = time.perf_counter() - began
print("took", seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def make(folder: Path, width: float) -> float:
    """Write the model; the gigabytes of its UNet."""
    from diffusers import UNet2DConditionModel

    from blender_bend.core.models.references import MINI_PATH

    shutil.copytree(MINI_PATH, folder)
    unet = UNet2DConditionModel(
        block_out_channels=[int(channels * width) // 32 * 32 for channels in (320, 640, 1280, 1280)],
        cross_attention_dim=768,
        attention_head_dim=8,
        layers_per_block=2,
        sample_size=64,
    )
    shutil.rmtree(folder / "unet")
    unet.save_pretrained(folder / "unet", safe_serialization=True)
    return sum(weight.numel() for weight in unet.parameters()) * 4 / 1e9


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "model"
        size = make(model, arguments.width)
        took: dict[str, list[tuple[float, float]]] = {"aligned": [], "as it comes": []}
        for number in range(arguments.rounds + 1):
            for way, measured in took.items():
                command = [sys.executable, "-c", LOAD, str(model), way]
                said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
                if number:  # the first round fills the system's cache
                    _, seconds, peak = said.split()
                    measured.append((float(seconds), float(peak)))
    medians = {way: [statistics.median(column) for column in zip(*rows, strict=True)] for way, rows in took.items()}
    print(f"UNet of {size:.2f} GB, medians of {arguments.rounds} loads")
    for way, (seconds, peak) in medians.items():
        print(f"  {way:12} {seconds:6.2f} s, peak {peak:5.2f} GiB")
    ratios = [one / two for one, two in zip(*medians.values(), strict=True)]
    print(f"  ratio        {ratios[0]:6.2f} in time, {ratios[1]:.2f} in peak memory")


if __name__ == "__main__":
    main()
