"""Downloading a model, from a small Hugging Face hub that runs in this test."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hub_downloads import PATIENCE, ROOT, Downloads
from hub_server import TOKEN, Hub, Model

from blender_bend.core.models import hub_cache as local
from blender_bend.core.models import layouts, references
from blender_bend.core.models.model_files import Listing
from blender_bend.engine.setup.download import Listed, choose

LARGE = np.random.default_rng(0).bytes(12 << 20)
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    **{part: min(pairs) for part, pairs in layouts.LAYOUTS[0].parts.items()},
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
}
WANTED = {
    "model_index.json": json.dumps(INDEX).encode(),
    "scheduler/scheduler_config.json": b"{}",
    "text_encoder/config.json": b"{}",
    "text_encoder/model.safetensors": b"words",
    "tokenizer/merges.txt": b"#version: 0.2",
    "tokenizer/vocab.json": b"{}",
    "unet/config.json": b'{"in_channels": 4}',
    "unet/diffusion_pytorch_model.safetensors": b"weights" * 1000,
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.fp16.safetensors": b"there is only half precision",
}
UNWANTED = {
    "README.md": b"about",
    "unet/diffusion_pytorch_model.bin": b"pickle",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
    "unet/diffusion_pytorch_model.non_ema.safetensors": b"other",
    "unet/code.py": b"import os",
    "v1-5-pruned-emaonly.safetensors": b"the whole model once more, in one file for other programs",
    "vae_1_0/diffusion_pytorch_model.safetensors": b"another version of a part",
    "safety_checker/model.safetensors": b"never loaded",
}
PICKLED = {name.replace(".safetensors", ".bin"): content for name, content in WANTED.items()}
LARGE_MODEL = {**WANTED, "unet/diffusion_pytorch_model.safetensors": LARGE}


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with several models."""
    server = Hub(
        {
            "owner/painter": Model({**WANTED, **UNWANTED}),
            "owner/large": Model(LARGE_MODEL),
            "owner/gated": Model(WANTED, gated=True),
            "owner/pickled": Model(PICKLED),
            "owner/language": Model({"config.json": b"{}"}),
        }
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def downloads(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Downloads:
    """Downloads from the hub."""
    downloads = Downloads(hub.address, tmp_path / "Jürgen 音楽")
    monkeypatch.setenv("HF_HUB_CACHE", str(downloads.cache))
    return downloads


def test_a_downloaded_model_is_whole_and_without_what_the_engine_never_loads(downloads: Downloads) -> None:
    said = downloads.run("download", "owner/painter")
    assert said[-1]["end"] == "done", said
    found = Path(references.resolve("owner/painter", {}).path)
    assert {file.relative_to(found).as_posix() for file in found.rglob("*") if file.is_file()} == set(WANTED)
    assert all((found / name).read_bytes() == content for name, content in WANTED.items())
    total = sum(map(len, WANTED.values()))
    assert said[-2]["bytes"] == said[-2]["total_bytes"] == total
    assert [stored.missing for stored in local.stored()] == [()]


def test_a_download_killed_and_cancelled_at_any_moment_goes_on_where_it_was(hub: Hub, downloads: Downloads) -> None:
    hub.models["owner/large"].rate = 4 << 20
    chance = random.Random(time.time_ns())
    reached = [0]
    for way in ("kill", "cancel", "kill"):
        process = downloads.start("download", "owner/large")
        assert process.stdin and process.stdout
        until = reached[-1] + chance.randint(2 << 20, 3 << 20)
        for line in process.stdout:
            said = json.loads(line)
            if said["bytes"] > until:
                break
        reached.append(int(said["bytes"]))
        if way == "kill":
            process.kill()
        process.stdin.close()
        assert process.wait(PATIENCE) == (-signal.SIGKILL if way == "kill" else 3)
        process.stdout.close()
        with pytest.raises(references.BendError) as caught:
            references.resolve("owner/large", {})
        assert caught.value.code == "model_missing" and caught.value.action == "bend.download_model"
    (stored,) = local.stored()
    assert "unet/diffusion_pytorch_model.safetensors" in stored.missing and stored.size > 4 << 20
    hub.models["owner/large"].rate = 0
    said = downloads.run("download", "owner/large")
    assert said[-1]["end"] == "done", said[-1]
    found = Path(references.resolve("owner/large", {}).path)
    assert (found / "unet/diffusion_pytorch_model.safetensors").read_bytes() == LARGE
    starts = [start for name, start in hub.models["owner/large"].asked if name.startswith("unet/diffusion")]
    assert len(starts) == 4 and starts == sorted(starts) and starts[-1] > 6 << 20
    assert starts[0] == 0 and all(one < two for one, two in pairwise(starts))
    assert not list(downloads.cache.rglob("*.incomplete"))


def test_a_line_that_breaks_is_taken_up_again_by_itself(hub: Hub, downloads: Downloads) -> None:
    hub.models["owner/large"].breaks_after = [3 << 20, 4 << 20]
    assert downloads.end("owner/large")["end"] == "done"
    found = downloads.snapshot("owner/large")
    assert (found / "unet/diffusion_pytorch_model.safetensors").read_bytes() == LARGE


def test_a_file_that_came_damaged_is_thrown_away(hub: Hub, downloads: Downloads) -> None:
    hub.models["owner/large"].damaged = {"unet/diffusion_pytorch_model.safetensors"}
    ending = downloads.end("owner/large")
    assert ending["code"] == "model_invalid" and "corrupted" in str(ending["message"])
    hub.models["owner/large"].damaged = set()
    assert downloads.end("owner/large")["end"] == "done"


def test_a_gated_model_asks_for_a_token_and_the_hubs_library_keeps_it(hub: Hub, downloads: Downloads) -> None:
    """The token goes to the hub alone, and not to the storage that the hub sends us to."""
    ending = downloads.end("owner/gated")
    assert (ending["code"], ending["action"]) == ("model_gated", "bend.log_in")
    assert "huggingface.co/owner/gated" in str(ending["hint"])

    refused = downloads.run("login", says="hf_wrong\n")[-1]
    assert refused["code"] == "model_gated" and "hf_wrong" not in str(refused)
    assert not (downloads.cache.parent / "token").exists()
    assert downloads.run("login", says=f"{TOKEN}\n")[-1]["end"] == "done"
    assert (downloads.cache.parent / "token").read_text() == TOKEN
    assert downloads.end("owner/gated")["end"] == "done"
    assert hub.tokens_at_storage == []
    assert any(name.endswith(".safetensors") for name, _ in hub.models["owner/gated"].asked)
    subprocess.run(
        [sys.executable, "-m", "blender_bend.engine", "logout"], cwd=ROOT, env=downloads.variables, check=True
    )
    assert not (downloads.cache.parent / "token").exists()


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("owner/nothing", "model_missing", "the hub has no such model"),
        ("owner/pickled", "model_pickled", "no .safetensors weights"),
        ("owner/language", "model_invalid", "not a diffusers model"),
    ],
)
def test_what_the_hub_does_not_have_is_said(downloads: Downloads, model: str, code: str, words: str) -> None:
    ending = downloads.end(model)
    assert ending["code"] == code and words in str(ending["message"]) and ending["hint"]


@pytest.mark.parametrize("model", ["owner/painter", "owner/two--dashes"])
def test_a_hub_that_cannot_be_reached_is_said(tmp_path: Path, model: str) -> None:
    ending = Downloads("http://127.0.0.1:9", tmp_path).end(model)
    assert ending["code"] == "model_missing" and f"{model} couldn't be downloaded" in str(ending["message"])
    assert ending["hint"]


def test_two_downloads_of_one_model_do_not_mix(hub: Hub, downloads: Downloads) -> None:
    hub.models["owner/large"].rate = 256 << 10  # slow enough for the second to come while the first is at it
    first = downloads.start("download", "owner/large")
    assert first.stdout
    first.stdout.readline()
    while "bytes" not in (line := first.stdout.readline()) or json.loads(line)["bytes"] < 1 << 20:
        pass
    assert downloads.end("owner/large")["code"] == "setup_busy"
    hub.models["owner/large"].rate = 0
    first.stdout.read()
    assert first.wait(PATIENCE) == 0


def test_a_disk_that_is_too_small_is_told_before(downloads: Downloads) -> None:
    """A file of 8 MB stands for the disk, where this machine lets us mount one."""
    with small_disk(downloads.cache, 8):
        ending = downloads.end("owner/large")
    assert (ending["code"], ending["action"]) == ("model_space", "bend.open_preferences")
    assert "are free" in str(ending["message"])


def test_a_disk_that_becomes_full_keeps_what_came(hub: Hub, downloads: Downloads) -> None:
    with small_disk(downloads.cache, 220):
        process = downloads.start("download", "owner/large")
        hub.models["owner/large"].rate = 2 << 20
        assert process.stdout and process.stdin
        for line in process.stdout:
            if json.loads(line)["bytes"] > 1 << 20:
                break
        filling = downloads.cache / "somebody else's film"
        free = shutil.disk_usage(downloads.cache).free
        with suppress(OSError):  # what comes meanwhile may have taken the rest
            filling.write_bytes(bytes(free - (2 << 20)))
        hub.models["owner/large"].rate = 0
        ending = json.loads(process.stdout.readlines()[-1])
        process.stdin.close()
        assert process.wait(PATIENCE) == 1
        assert ending["code"] == "model_space" and "disk is full" in ending["message"], ending
        filling.unlink()
        assert downloads.end("owner/large")["end"] == "done"
        found = downloads.snapshot("owner/large")
        assert (found / "unet/diffusion_pytorch_model.safetensors").read_bytes() == LARGE


class small_disk:
    """A file system of some MB over a folder, for the time of a block."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder, self.megabytes = folder, megabytes

    def __enter__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs", str(self.folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no file system can be mounted here: {error}")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


def chosen(*names: str) -> set[str]:
    """What is fetched of the transformer of a hub's model with these files."""
    index = json.dumps({"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer2DModel"]})
    files = Listing(frozenset(names), lambda name: index if name == "model_index.json" else None)
    return {file.name for file in choose([Listed(name, 1) for name in names], files)}


def test_shards_and_their_list_are_chosen_in_one_precision() -> None:
    full = ["transformer/diffusion_pytorch_model-00001-of-00002.safetensors"]
    full += ["transformer/diffusion_pytorch_model-00002-of-00002.safetensors"]
    full += ["transformer/diffusion_pytorch_model.safetensors.index.json"]
    half = ["transformer/diffusion_pytorch_model.fp16.safetensors"]
    other = ["transformer/diffusion_pytorch_model.bf16.safetensors"]
    assert chosen(*full, *half, *other) == set(full)
    assert chosen(*full[1:], *half, *other) == set(half), "one shard is missing"
    assert chosen(*other) == set(other)
