"""Downloading a model, from a small Hugging Face hub that runs in this test."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from blender_bend.core import models

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WANTED = {
    "model_index.json": b'{"_class_name": "StableDiffusionPipeline"}',
    "scheduler/scheduler_config.json": b"{}",
    "tokenizer/merges.txt": b"#version: 0.2",
    "unet/config.json": b'{"in_channels": 4}',
    "unet/diffusion_pytorch_model.safetensors": b"weights" * 1000,
}
UNWANTED = {
    "README.md": b"about",
    "unet/diffusion_pytorch_model.bin": b"pickle",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
    "unet/diffusion_pytorch_model.non_ema.safetensors": b"other",
    "v1-5-pruned-emaonly.safetensors": b"the whole model once more, in one file for other programs",
    "safety_checker/model.safetensors": b"never loaded",
}
REPOSITORY = {**WANTED, **UNWANTED}


class Hub(BaseHTTPRequestHandler):
    """Answers what huggingface_hub asks for one repository, owner/painter."""

    def do_GET(self) -> None:
        """Information about the repository, or a file of it."""
        path = self.path.split("?")[0]
        if path.startswith("/api/models/owner/painter"):
            siblings = [{"rfilename": name, "size": len(content)} for name, content in REPOSITORY.items()]
            listing = [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in REPOSITORY.items()
            ]
            information = {"id": "owner/painter", "sha": COMMIT, "siblings": siblings, "private": False, "gated": False}
            information |= {"tags": [], "downloads": 0, "likes": 0}
            self._answer(200, json.dumps(listing if "/tree/" in path else information).encode())
            return
        name = path.removeprefix(f"/owner/painter/resolve/{COMMIT}/").removeprefix("/owner/painter/resolve/main/")
        if name in REPOSITORY:
            self._answer(200, REPOSITORY[name])
        else:
            self._answer(404, b"{}")

    do_HEAD = do_GET

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    """The address of a hub."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def download(model: str, endpoint: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Download in a process of its own, because huggingface_hub reads its settings when it is imported."""
    script = f"""
import sys
from blender_bend.core.errors import BendError
from blender_bend.engine.download import download
try:
    print(download({model!r}, lambda text: print("phase:", text)))
except BendError as error:
    sys.exit(f"{{error.code}}: {{error}}")
"""
    settings = {"HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache), "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **settings, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.fixture(scope="module")
def cache(hub: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub's cache after a download."""
    cache = tmp_path_factory.mktemp("hub")
    done = download("owner/painter", hub, cache)
    assert done.returncode == 0, done.stderr
    assert "phase: Downloading owner/painter" in done.stdout
    return cache


def test_a_downloaded_model_is_found_afterwards(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    found = Path(models.resolve("owner/painter", {}).path)
    for name, content in WANTED.items():
        assert (found / name).read_bytes() == content


@pytest.mark.parametrize("name", UNWANTED)
def test_what_the_engine_never_loads_is_not_downloaded(cache: Path, name: str) -> None:
    (snapshot,) = cache.glob("models--owner--painter/snapshots/*")
    assert (snapshot / "model_index.json").is_file()
    assert not (snapshot / name).exists()


def test_a_model_that_the_hub_does_not_have_is_reported(hub: str, tmp_path: Path) -> None:
    done = download("owner/nothing", hub, tmp_path)
    assert done.stderr.splitlines()[-1].startswith("model_missing: owner/nothing could not be downloaded")


@pytest.mark.parametrize("model", ["owner/painter", "owner/two--dashes"])
def test_a_hub_that_cannot_be_reached_is_reported(tmp_path: Path, model: str) -> None:
    done = download(model, "http://127.0.0.1:9", tmp_path)
    assert done.stderr.splitlines()[-1].startswith(f"model_missing: {model} could not be downloaded")
