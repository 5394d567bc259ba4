"""What the core tests share: one job with several bends, and how hypothesis searches."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from blender_bend.core.files import hash_cache
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.models import layouts

LONG = os.environ.get("BEND_TEST_ALL") == "1"
settings.register_profile(
    "core", deadline=None, database=None, derandomize=not LONG, max_examples=2000 if LONG else 100
)
settings.load_profile("core")


@pytest.fixture(autouse=True)
def hashes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hashes of files are kept: not where this machine's user has them, and nothing is known."""
    file = tmp_path_factory.mktemp("cache") / "hashes.json"
    monkeypatch.setattr(hash_cache, "place", lambda: file)
    hash_cache.forget()
    return file


@pytest.fixture(scope="session")
def job() -> Job:
    """Three frames, three bends, prompts that blend, and a noise walk."""
    bends = (
        Bend("Turn", "rotate_channels", "latent", 0.0, 0.5, "all", {"plane": "0-3"}),
        Bend("Grow", "dilate", "unet:up_blocks.*", channels="0-3, 7"),
        Bend("Grain", "add_noise", "noise"),
    )
    frames = tuple(
        Frame(
            number,
            (("a calm sea", 0.75), ("a burning forest", 0.25)),
            ({"mix": 0.5, "angle": 0.1 * number}, {"mix": 1.0, "radius": 1.5}, {"mix": 0.25, "amount": 0.5}),
            walk=number / 10,
        )
        for number in (1, 2, 3)
    )
    return Job("/models/any", "f" * 64, (256, 128), 12, 7.5, 42, "blurry", bends, frames, walk_amount=0.25)


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder that looks like a diffusers model."""

    def write(where: str, weights: bytes = b"weights", config: str = "{}") -> Path:
        folder = tmp_path / where
        layout = layouts.LAYOUTS[0]
        index = {part: min(pairs) for part, pairs in layout.parts.items()}
        for part in index:
            (folder / part).mkdir(parents=True)
            (folder / part / "config.json").write_text(config if part == "unet" else "{}")
        for name in ("vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"):
            (folder / name).write_bytes(b"weights")
        for name in ("scheduler/scheduler_config.json", "tokenizer/tokenizer.json"):
            (folder / name).write_text("{}")
        (folder / "model_index.json").write_text(json.dumps({"_class_name": layout.pipeline, **index}))
        (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(weights)
        return folder

    return write
