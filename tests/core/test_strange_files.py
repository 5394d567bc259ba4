"""Where a file is expected there may be a folder, a pipe, a link to itself, or a file that nobody may read."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from strange_files import as_anybody, each_kind, put, unix

from blender_bend.core.checkpoints import safetensors_file
from blender_bend.core.errors import BendError, Code
from blender_bend.core.files import foreign_json
from blender_bend.core.job import stored_frames
from blender_bend.core.job.job import Job
from blender_bend.core.models import hub_cache, model_files, references, sonic_files, weights
from blender_bend.core.presets import presets
from blender_bend.core.process import environment
from blender_bend.core.process.environment import Record
from blender_bend.core.resources import speeds
from blender_bend.core.sound.sound_files import looks_like_sound

pytestmark = unix
NOTHING = (None, {}, False)
RECORD = Record("environment-1", "3.11.9", "audio", "", "0" * 64, 5)

#: What reads a file, by what is read of it.
READERS: dict[str, Callable[[Path], Any]] = {
    "JSON": foreign_json.read,
    "safetensors": safetensors_file.contents,
    "a frame": stored_frames.read_origin,
    "a frame to be brought along": lambda path: stored_frames.read_frame(path, "a" * 64, (64, 64)),
    "an input to be brought along": lambda path: stored_frames.read_input(path, "a" * 64, (64, 64)),
    "a preset": presets.read,
    "a job": Job.read,
    "a sound": looks_like_sound,
    "a LoRA": lambda path: references.resolve_lora("it", {"it": str(path)}),
    "an embedding": lambda path: references.resolve_embedding("it", {"it": str(path)}),
    "a model": lambda path: references.resolve("it", {"it": str(path)}),
    "sizes of weights": weights.of_model,
    "a fingerprint": references.file_fingerprint,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="bend-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def refused(read: Callable[[], Any]) -> bool:
    """Whether something is refused as damaged, or counts as not there."""
    try:
        return read() in NOTHING
    except (BendError, OSError, foreign_json.Unreadable):
        return True
    except ValueError as error:
        return type(error) is ValueError


@each_kind
@pytest.mark.parametrize("what", READERS)
def test_a_strange_file_is_refused_at_once(kind: str, what: str, folder: Path) -> None:
    file = folder / "it.safetensors"
    file.write_bytes(b"{}")
    b"{}".decode("utf-8-sig")  # which is imported with its first use
    put(kind, file)
    with as_anybody():
        assert refused(lambda: READERS[what](file))


@each_kind
def test_a_strange_record_of_the_set_up_counts_as_none(kind: str, folder: Path) -> None:
    RECORD.write(folder)
    assert environment.read_record(folder) == RECORD
    put(kind, folder / environment.RECORD)
    with as_anybody():
        assert environment.read_record(folder) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"folder": "../elsewhere"},
        {"folder": "/usr"},
        {"folder": "C:\\Windows"},
        {"folder": ".."},
        {"folder": "a\0b"},
        {"folder": 7},
        {"folder": None},
        {"folder": "x" * 300},
        {"python": 3},
        {"python": "none"},
        {"python": "3." + "9" * 5000},
        {"tier": ["audio"]},
        {"tier": "everything"},
        {"size": "large"},
        {"size": True},
        {"size": 1e400},
        {"schema": 2},
        {"pins": None},
        {"accelerator": {}},
        {"further": 1},
    ],
    ids=str,
)
def test_a_damaged_record_of_the_set_up_counts_as_none(changed: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / environment.RECORD).write_text(json.dumps(asdict(RECORD) | changed))
    assert environment.read_record(tmp_path) is None


@each_kind
def test_strange_speeds_are_measured_again(kind: str, folder: Path) -> None:
    (folder / "speeds-cpu.json").write_text("{}")
    put(kind, folder / "speeds-cpu.json")
    with as_anybody():
        assert speeds.kept(folder, "cpu") is None


@each_kind
@pytest.mark.parametrize(
    "name", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json", "vae/model", "unet"]
)
def test_a_model_with_a_strange_file_is_refused_in_words(kind: str, name: str, folder: Path) -> None:
    shutil.copytree(references.MINI_PATH, folder / "mini")
    place = folder / "mini" / name.replace("/model", "/diffusion_pytorch_model.safetensors")
    if place.is_dir() and kind != "forbidden":
        shutil.rmtree(place)
    put(kind, place)
    with as_anybody():
        with pytest.raises(BendError) as caught:
            references.resolve("it", {"it": str(folder / "mini")})
        assert isinstance(model_files.missing(folder / "mini"), list)
        assert isinstance(weights.of_model(folder / "mini"), dict)
    assert caught.value.code == Code.MODEL_INVALID and caught.value.hint
    place.chmod(0o755) if kind == "forbidden" else None


def test_a_folder_of_ears_that_nobody_may_enter_is_named(folder: Path) -> None:
    (folder / "ears").mkdir(mode=0)
    with as_anybody(), pytest.raises(BendError) as caught:
        sonic_files.resolve("it", {"it": str(folder / "ears")})
    assert "ears" in caught.value.message


def test_files_whose_names_are_not_unicode_do_no_harm(folder: Path) -> None:
    shutil.copytree(references.MINI_PATH, folder / "mini")
    before = references.resolve("it", {"it": str(folder / "mini")}).fingerprint
    (folder / "mini" / os.fsdecode(b"\xff\xfe.json")).write_text("{}")
    (folder / "mini" / "unet" / os.fsdecode(b"\xff.safetensors")).write_text("{}")
    assert references.resolve("it", {"it": str(folder / "mini")}).fingerprint != before


def test_a_strange_reference_of_the_hub_means_no_snapshot(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    (folder / "models--some--one" / "snapshots" / "abc").mkdir(parents=True)
    refs = folder / "models--some--one" / "refs"
    refs.mkdir()
    for kind in ("folder", "pipe", "link to itself", "link to nowhere"):
        put(kind, refs / "main")
        with as_anybody():
            assert hub_cache.snapshot("some/one") is None and hub_cache.stored() == []
        (refs / "main").rmdir() if kind == "folder" else (refs / "main").unlink()


@pytest.mark.parametrize("left", [0, 4, 40, -1], ids=["nothing", "half a length", "half a header", "all but a byte"])
def test_a_file_that_shrinks_while_it_is_looked_at_is_cut_off(
    left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "it.safetensors"
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    before = file.stat()
    file.write_bytes(file.read_bytes()[:left])
    monkeypatch.setattr(Path, "stat", lambda *_, **__: before)
    with pytest.raises(foreign_json.Unreadable):
        safetensors_file.contents(file)


def test_a_file_that_grows_while_it_is_read_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "it.json"
    file.write_text("{}")
    before = file.stat()
    file.write_text(json.dumps({"a": "x" * 100}))
    monkeypatch.setattr(os, "fstat", lambda _: before)
    with pytest.raises(foreign_json.Unreadable, match="too large"):
        foreign_json.read(file, largest=50)
