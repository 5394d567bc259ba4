"""Model names: what they mean, and when the fingerprint of a model changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.models import hub_cache, references

WriteModel = Callable[..., Path]
LARGE = np.random.default_rng(1).bytes(5 << 20)


def test_mini_comes_with_the_extension() -> None:
    mini = references.resolve("mini", {})
    assert Path(mini.path) == references.MINI_PATH
    assert len(mini.fingerprint) == 64


def test_a_name_from_the_preferences_is_its_folder(write_model: WriteModel) -> None:
    folder = write_model("painter")
    found = references.resolve("My painter", {"My painter": str(folder)})
    assert (found.name, found.path) == ("My painter", str(folder))


@pytest.mark.parametrize("name", ["", "nothing", "../secret", "a/b/c", "owner/../../etc", "owner/"])
def test_an_unknown_name_is_refused_with_a_way_out(name: str) -> None:
    with pytest.raises(BendError) as caught:
        references.resolve(name, {"other": "/somewhere"})
    assert caught.value.code == Code.MODEL_MISSING
    assert caught.value.action == "bend.open_preferences"


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_is_no_diffusers_model_is_refused(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "pictures"
    if exists:
        folder.mkdir()
    with pytest.raises(BendError) as caught:
        references.resolve("pictures", {"pictures": str(folder)})
    assert caught.value.code == Code.MODEL_INVALID
    assert "model_index.json" in caught.value.message


def test_a_hub_id_is_found_in_the_hubs_own_cache(
    write_model: WriteModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = write_model("hub/models--owner--painter/snapshots/abc123")
    (tmp_path / "hub/models--owner--painter/refs").mkdir()
    (tmp_path / "hub/models--owner--painter/refs/main").write_text("abc123")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert references.resolve("owner/painter", {}).path == str(snapshot)


@pytest.mark.parametrize("incomplete", [False, True])
def test_a_hub_id_that_is_not_downloaded_offers_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, incomplete: bool
) -> None:
    if incomplete:
        (tmp_path / "models--owner--painter/snapshots/abc123").mkdir(parents=True)
        (tmp_path / "models--owner--painter/refs").mkdir()
        (tmp_path / "models--owner--painter/refs/main").write_text("abc123")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BendError) as caught:
        references.resolve("owner/painter", {})
    assert caught.value.code == Code.MODEL_MISSING
    assert caught.value.action == "bend.download_model"


def test_the_cache_lies_where_the_hub_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert hub_cache.cache() == tmp_path / "home" / "hub"
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert hub_cache.cache() == tmp_path / "cache" / "huggingface" / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", "~/$WHERE/hub")
    monkeypatch.setenv("WHERE", "models")
    assert hub_cache.cache() == Path.home() / "models" / "hub"


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "unet/config.json").write_text('{"in_channels": 4}'),
        lambda folder: (folder / "unet/diffusion_pytorch_model.safetensors").write_bytes(b"WEIGHTS"),
        lambda folder: (folder / "vocab.txt").write_text("word"),
        lambda folder: (folder / "model_index.json").write_text("{}"),
        lambda folder: (folder / "unet/config.json").unlink(),
        lambda folder: (folder / "unet/config.json").rename(folder / "config.json"),
    ],
    ids=["configuration", "weights", "new file", "index", "removed", "moved"],
)
def test_other_content_is_another_fingerprint(write_model: WriteModel, change: Callable[[Path], None]) -> None:
    folder = write_model("painter")
    before = references.fingerprint(folder)
    change(folder)
    assert references.fingerprint(folder) != before


def test_another_training_of_large_weights_is_another_fingerprint(write_model: WriteModel) -> None:
    folder = write_model("painter", weights=LARGE)
    before = references.fingerprint(folder)
    trained = (np.frombuffer(LARGE, dtype=np.uint8) ^ 1).tobytes()
    (folder / "unet/diffusion_pytorch_model.safetensors").write_bytes(trained)
    assert references.fingerprint(folder) != before


@pytest.mark.parametrize("where", [0, len(LARGE) - 1], ids=["first byte", "last byte"])
def test_header_and_end_of_large_weights_count(write_model: WriteModel, where: int) -> None:
    before = references.fingerprint(write_model("painter", weights=LARGE))
    changed = bytearray(LARGE)
    changed[where] ^= 1
    assert references.fingerprint(write_model("other", weights=bytes(changed))) != before


def test_the_same_content_elsewhere_is_the_same_fingerprint(write_model: WriteModel, tmp_path: Path) -> None:
    folder = write_model("painter", weights=LARGE)
    shutil.copytree(folder, tmp_path / "copy")
    assert references.fingerprint(tmp_path / "copy") == references.fingerprint(folder)


def test_notes_and_pictures_beside_a_model_do_not_count(write_model: WriteModel) -> None:
    folder = write_model("painter")
    before = references.fingerprint(folder)
    (folder / "CARD.md").write_text("about")
    (folder / "example.png").write_bytes(b"picture")
    assert references.fingerprint(folder) == before


def test_a_decoder_is_found_by_name_and_needs_its_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BendError) as raised:
        references.resolve_decoder("tiny", {"tiny": str(tmp_path)})
    assert raised.value.code == Code.MODEL_INVALID
    (tmp_path / "diffusion_pytorch_model.safetensors").write_bytes(b"one")
    found = references.resolve_decoder("tiny", {"tiny": str(tmp_path)})
    (tmp_path / "diffusion_pytorch_model.safetensors").write_bytes(b"other")
    assert references.resolve_decoder("tiny", {"tiny": str(tmp_path)}).fingerprint != found.fingerprint
    with pytest.raises(BendError, match="Decoder 'other' not found"):
        references.resolve_decoder("other", {"tiny": str(tmp_path)})


def test_an_embedding_is_a_single_file_of_safetensors_and_a_pickle_is_refused_by_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "style.safetensors"
    for name, told, code in (
        ("style.pt", "is a pickle", Code.MODEL_INVALID),
        ("style.BIN", "is a pickle", Code.MODEL_INVALID),
        ("style.png", "must be a .safetensors", Code.MODEL_INVALID),
        ("style.safetensors", "is missing", Code.MODEL_MISSING),
    ):
        if name != path.name:
            (tmp_path / name).write_bytes(b"one")
        with pytest.raises(BendError, match=told) as raised:
            references.resolve_embedding("style", {"style": str(tmp_path / name)})
        assert (raised.value.code, raised.value.action) == (code, "bend.open_preferences")
    path.write_bytes(b"one")
    found = references.resolve_embedding("style", {"style": str(path)})
    path.write_bytes(b"other")
    assert references.resolve_embedding("style", {"style": str(path)}).fingerprint != found.fingerprint
    with pytest.raises(BendError, match="Embedding 'none' not found"):
        references.resolve_embedding("none", {})


@pytest.mark.parametrize("find", [references.resolve_lora, references.resolve_embedding])
def test_the_ending_of_a_file_may_be_in_capitals(find: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "STYLE.SAFETENSORS"
    path.write_bytes(b"one")
    assert find("style", {"style": str(path)}).path == str(path)


def test_a_lora_is_a_single_file_of_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "style.safetensors"
    pickled = tmp_path / "style.ckpt"
    pickled.write_bytes(b"one")
    for wrong, code in ((path, Code.MODEL_MISSING), (pickled, Code.LORA_INVALID), (tmp_path, Code.LORA_INVALID)):
        with pytest.raises(BendError) as raised:
            references.resolve_lora("style", {"style": str(wrong)})
        assert (raised.value.code, raised.value.action) == (code, "bend.open_preferences")
    path.write_bytes(b"one")
    found = references.resolve_lora("style", {"style": str(path)})
    path.write_bytes(b"other")
    assert references.resolve_lora("style", {"style": str(path)}).fingerprint != found.fingerprint
    with pytest.raises(BendError, match="LoRA 'none' not found"):
        references.resolve_lora("none", {})
