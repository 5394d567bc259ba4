"""A checkpoint in one file gives the pictures of the folder that it was made from; so do weights in half precision."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from single_file import write_checkpoint

from blender_bend.core import models, single_files
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job import Job
from blender_bend.core.resolve import frame_key, resolve
from blender_bend.engine.frame_store import FrameStore
from blender_bend.engine.render import Renderer

MakeJob = Callable[..., Job]


@pytest.fixture
def checkpoint(load: Callable[..., Any], tmp_path: Path) -> Path:
    """The small Stable Diffusion 1.5 as one file."""
    file = tmp_path / "my painter.safetensors"
    write_checkpoint(load("sd15"), file)
    return file


@pytest.fixture
def settings(model_folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its settings in the hub's cache, as the download of settings leaves them."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    place = tmp_path / "hub" / f"models--{single_files.KINDS[0].described_by.replace('/', '--')}"
    shutil.copytree(model_folders["sd15"], place / "snapshots" / "abc", ignore=shutil.ignore_patterns("*.safetensors"))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")
    return place / "snapshots" / "abc"


def picture(job: Job, folder: Path) -> np.ndarray:
    """The job's first frame."""
    store = FrameStore(folder)
    Renderer("cpu").render(job, store)
    with PIL.Image.open(store.path(frame_key(resolve(job, job.frames[0])))) as image:
        return np.asarray(image)


def test_a_single_file_makes_the_pictures_of_its_folder(
    checkpoint: Path, settings: Path, make_job: MakeJob, tmp_path: Path
) -> None:
    found = models.resolve("my painter", {"my painter": str(checkpoint)})
    job = make_job("sd15")
    single = replace(job, model=found.path, fingerprint=found.fingerprint)
    assert single.fingerprint != job.fingerprint
    assert np.array_equal(picture(single, tmp_path / "one"), picture(job, tmp_path / "two"))


def test_a_file_that_was_damaged_after_it_was_chosen_is_named(
    checkpoint: Path, settings: Path, make_job: MakeJob, tmp_path: Path
) -> None:
    found = models.resolve("my painter", {"my painter": str(checkpoint)})
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: len(content) // 2])
    with pytest.raises(BendError, match="my painter") as caught:
        picture(replace(make_job("sd15"), model=found.path, fingerprint=found.fingerprint), tmp_path / "frames")
    assert caught.value.code == Code.MODEL_INVALID
    assert not list((tmp_path / "frames").glob("*.png"))


def test_without_the_settings_the_engine_says_which_are_missing(
    checkpoint: Path, make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    with pytest.raises(BendError, match="Stable Diffusion 1") as caught:
        picture(replace(make_job("sd15"), model=str(checkpoint), fingerprint="f" * 64), tmp_path / "frames")
    assert (caught.value.code, caught.value.action) == (Code.MODEL_MISSING, "bend.download_model")


def test_a_folder_with_half_precision_only_is_loaded(
    load: Callable[..., Any], make_job: MakeJob, tmp_path: Path
) -> None:
    pipeline = load("sd15")
    pipeline.unet.half()
    pipeline.save_pretrained(tmp_path / "half", safe_serialization=True, variant="fp16")
    found = models.resolve("half", {"half": str(tmp_path / "half")})
    job = make_job("sd15")
    made = picture(replace(job, model=found.path, fingerprint=found.fingerprint), tmp_path / "one")
    assert np.abs(made.astype(int) - picture(job, tmp_path / "two")).mean() < 2
