"""What a model lacks is named: files of a folder; and what the hub's cache holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.models import hub_cache, known_models, layouts, model_files, references

NETWORKS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of Stable Diffusion's parts."""
    return write_folder(tmp_path / "model v1.5")


def write_folder(folder: Path) -> Path:
    index: dict[str, object] = {part: min(pairs) for part, pairs in layouts.LAYOUTS[0].parts.items()}
    index |= {"feature_extractor": ["transformers", "CLIPImageProcessor"], "_class_name": "StableDiffusionPipeline"}
    index |= {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "image_encoder": [None, None]}
    for part, stem in NETWORKS.items():
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text("{}")
        (folder / part / f"{stem}.safetensors").write_bytes(b"weights")
    for name in ("scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def write_snapshot(cache: Path, name: str) -> Path:
    """A model in the hub's cache."""
    place = cache / f"models--{name.replace('/', '--')}"
    files = write_folder(place / "snapshots" / "abc")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")
    return files


def refused(name: str, path: Path) -> BendError:
    with pytest.raises(BendError) as caught:
        references.resolve(name, {name: str(path)})
    return caught.value


def test_a_whole_folder_lacks_nothing(folder: Path) -> None:
    assert model_files.missing(folder) == []
    assert references.resolve("x", {"x": str(folder)}).path == str(folder)


@pytest.mark.parametrize(
    "name",
    [
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "text_encoder/model.safetensors",
        "scheduler/scheduler_config.json",
        "tokenizer/merges.txt",
    ],
)
def test_the_file_that_a_folder_lacks_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert model_files.missing(folder) == [name]
    error = refused("x", folder)
    assert error.code == Code.MODEL_INVALID and f"{name} is missing" in error.message
    assert error.action == "bend.open_preferences" and error.hint


def test_many_missing_files_are_counted(folder: Path) -> None:
    for file in [*folder.glob("*/*")]:
        file.unlink()
    assert "and 3 more are missing" in refused("x", folder).message


def test_pickled_weights_are_named_as_the_reason(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    error = refused("x", folder)
    assert error.code == Code.MODEL_PICKLED and "unet: they are pickles (.bin)" in error.message


def test_every_shard_is_needed(folder: Path) -> None:
    unet = folder / "unet"
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    names = [f"diffusion_pytorch_model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    (unet / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    (unet / names[0]).write_bytes(b"half")
    assert model_files.missing(folder) == [f"unet/{names[1]}"]
    (unet / names[1]).write_bytes(b"half")
    assert model_files.missing(folder) == []


def test_weights_in_half_precision_only_are_known(folder: Path) -> None:
    assert model_files.listing(folder).weights("unet").variant == ""
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert model_files.missing(folder) == []
    assert model_files.listing(folder).weights("unet").variant == "fp16"
    assert model_files.listing(folder).weights("vae").variant == ""


@pytest.mark.parametrize("index", ["", "[]", "null", "{", '"x"'])
def test_a_damaged_index_is_no_model(folder: Path, index: str) -> None:
    (folder / "model_index.json").write_text(index)
    assert model_files.missing(folder) == ["model_index.json"]


def test_a_download_that_stopped_says_how_much_is_missing(cache: Path) -> None:
    files = write_snapshot(cache, "owner/painter")
    (files / "vae" / "config.json").unlink()
    with pytest.raises(BendError, match="1 file is missing") as caught:
        references.resolve("owner/painter", {})
    assert caught.value.action == "bend.download_model"
    assert references.download_for("owner/painter", {}) == "owner/painter"
    assert references.download_for("mini", {}) is None


def test_what_the_cache_holds_is_told_and_deleted(cache: Path) -> None:
    files = write_snapshot(cache, "owner/painter")
    blob = cache / "models--owner--painter" / "blobs" / "0123"
    blob.parent.mkdir()
    blob.write_bytes(bytes(100_000))
    (files / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (files / "unet" / "diffusion_pytorch_model.safetensors").symlink_to(blob)
    other = cache / "models--owner--a-language-model" / "snapshots"
    other.mkdir(parents=True)
    (stored,) = hub_cache.stored()
    assert stored.name == "owner/painter" and not stored.missing
    assert 100_000 < stored.size < 110_000
    hub_cache.delete("owner/painter")
    assert hub_cache.stored() == [] and other.is_dir()


def test_a_token_is_seen_but_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert not hub_cache.has_token()
    (tmp_path / "token").write_text("hf_secret")
    os.chmod(tmp_path / "token", 0)
    assert hub_cache.has_token()


def test_known_models_have_what_an_artist_asks_for() -> None:
    names = [model.name for model in known_models.MODELS]
    assert len(set(names)) == len(names) >= 6
    for model in known_models.MODELS:
        assert hub_cache.is_id(model.name) and model.licence and model.gigabytes > 1
        assert known_models.known(model.name) == model and model.page.endswith(model.name)
    assert any(model.gated for model in known_models.MODELS)
