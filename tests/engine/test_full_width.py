"""Stable Diffusion 1.5 and XL in their full width, with random weights: what the engine needs of memory for a picture.

Long: some minutes and 7 GB of disk each. ``pytest -s`` shows the figures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import published
import pytest
import safetensors.torch
import torch
from hub_downloads import ROOT
from torch import Tensor

from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.models import references
from blender_bend.engine.store.frame_store import FrameStore

pytestmark = pytest.mark.skipif(os.environ.get("BEND_TEST_ALL") != "1", reason="long; BEND_TEST_ALL=1 runs it")
GB = 1e9
SHARD = 1 << 30
NETWORKS = ("unet", "vae", "text_encoder")


def random_weight(name: str, like: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor of a scale that keeps what passes it at its size; norms leave it as it is."""
    if like.dim() < 2:
        return torch.full(like.shape, float(name.endswith("weight")), dtype=dtype)
    bound = (3 / (like.numel() / like.shape[0])) ** 0.5
    return torch.empty(like.shape, dtype=dtype).uniform_(-bound, bound)


def shards(config: dict[str, object], dtype: torch.dtype) -> Iterator[dict[str, Tensor]]:
    """The weights of a network, at most about a GB at a time."""
    with torch.device("meta"):
        like = published.network(config).state_dict()
    shard: dict[str, Tensor] = {}
    for name, tensor in like.items():
        shard[name] = random_weight(name, tensor, dtype)
        if sum(value.nbytes for value in shard.values()) > SHARD:
            yield shard
            shard = {}
    if shard:
        yield shard


def write_full_width(kind: str, folder: Path, dtype: torch.dtype) -> Path:
    """A model with its published settings, unchanged, and weights in shards; mini's vocabulary is enough."""
    torch.manual_seed(0)
    own = published.settings(kind)
    small = published.published(kind)
    published.write({name: content for name, content in small.items() if not name.startswith(NETWORKS)}, folder)
    for part in own["model_index.json"]:
        if not part.startswith(NETWORKS):
            continue
        place = folder / part
        place.mkdir(exist_ok=True)
        config = own[f"{part}/config.json"]
        (place / "config.json").write_text(json.dumps(config))
        stem = "model" if part.startswith("text_encoder") else "diffusion_pytorch_model"
        places: dict[str, str] = {}
        for number, shard in enumerate(shards(config, dtype)):
            name = f"{stem}-part-{number}.safetensors"
            safetensors.torch.save_file(shard, place / name, {"format": "pt"})
            places |= dict.fromkeys(shard, name)
        count = len(set(places.values()))
        names = {f"{stem}-part-{n}.safetensors": f"{stem}-{n + 1:05}-of-{count:05}.safetensors" for n in range(count)}
        for before, after in names.items():
            (place / before).rename(place / after)
        weight_map = {key: names[name] for key, name in places.items()}
        (place / f"{stem}.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def render(job: Job, folder: Path) -> tuple[list[np.ndarray], float, float]:
    """The pictures of a job, the peak memory of the engine that made them in GB, and how many seconds it took."""
    file = folder / "job.json"
    file.write_text(job.to_json(), encoding="utf-8")
    store = FrameStore(folder / "frames")
    command = [sys.executable, "-m", "blender_bend.engine", "render", str(file), "--store", str(store.folder)]
    began = time.monotonic()
    process = subprocess.Popen([*command, "--device", "cpu"], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    found = []
    for frame in job.frames:
        with PIL.Image.open(store.path(frame_key(resolve(job, frame)))) as picture:
            found.append(np.asarray(picture))
    return found, usage.ru_maxrss * 1024 / GB, time.monotonic() - began


@pytest.mark.parametrize(
    ("kind", "precision", "most"),
    [("sd15", "float32", 10.0), ("sdxl", "bfloat16", 16.0)],
)
def test_a_model_of_full_width_renders(
    kind: str, precision: str, most: float, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    folder = write_full_width(kind, tmp_path / "model", getattr(torch, precision))
    try:
        weights = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
        bends = [(Bend("Deep", "multiply", "unet:mid_block"), [{"factor": factor} for factor in (1.0, -1.5)])]
        made = make_job("mini", bends, 2, steps=2, guidance=5.0, size=(128, 128), precision=precision)
        job = replace(made, model=str(folder), fingerprint=references.fingerprint(folder))
        (plain, bent), peak, seconds = render(job, tmp_path)
        assert plain.std() > 0 and not np.array_equal(plain, bent)
        print(f"\n{kind} {precision}: weights {weights / GB:.2f} GB, peak {peak:.2f} GB, {seconds:.0f} s")
        assert peak < most
    finally:
        shutil.rmtree(folder)
