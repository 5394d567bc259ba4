"""What strangers wrote is read, or refused in one way, quickly and within little memory."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from mutations import DAMAGED_JSON

from blender_bend.core.checkpoints import safetensors_file
from blender_bend.core.errors import BendError, Code
from blender_bend.core.files import foreign_json
from blender_bend.core.files.foreign_json import Unreadable
from blender_bend.core.models import hub_cache, model_files, references, weights
from blender_bend.core.presets import presets
from blender_bend.core.resources import footprint, speeds

WriteModel = Callable[..., Path]
each_damage = pytest.mark.parametrize("text", DAMAGED_JSON.values(), ids=DAMAGED_JSON)


@each_damage
def test_a_damaged_text_is_unreadable(text: str, tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        foreign_json.parse(text)
    file = tmp_path / "it.json"
    file.write_bytes(text.encode())
    with pytest.raises(Unreadable):
        foreign_json.read(file)


def test_other_bytes_are_unreadable_and_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    file = tmp_path / "it.json"
    file.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(Unreadable):
        foreign_json.read(file)
    assert foreign_json.read(tmp_path / "none.json") is None
    assert foreign_json.read(tmp_path / ("x" * 5000)) is None
    assert foreign_json.read(Path("a\0b")) is None
    assert foreign_json.read(file / "below a file") is None
    file.write_bytes(b'\xef\xbb\xbf{"a": [1, {"b": "\xc3\xa9"}]}')
    assert foreign_json.read(file) == {"a": [1, {"b": "é"}]}


def test_numbers_beyond_all_bounds_are_read_as_the_libraries_read_them() -> None:
    found = foreign_json.parse('{"a": [NaN, Infinity, -Infinity, 1e400, -0, 1e-400], "b": 1, "b": 2}')
    assert str(found) == "{'a': [nan, inf, -inf, inf, 0, 0.0], 'b': 2}"
    assert foreign_json.parse_any("[1, [2]]") == [1, [2]] and foreign_json.parse_any("7") == 7
    with pytest.raises(Unreadable):
        foreign_json.parse('{"a": 1, "b": {"c": 1, "c": 2}}', unique=True)


def test_refusing_takes_little_memory() -> None:
    text = DAMAGED_JSON["many values"]
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable):
            foreign_json.parse(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * len(text)


@each_damage
@pytest.mark.parametrize("name", ["model_index.json", "unet/config.json"])
def test_a_model_with_damaged_settings_is_refused_by_name(text: str, name: str, write_model: WriteModel) -> None:
    folder = write_model("damaged")
    (folder / name).write_text(text)
    with pytest.raises(BendError) as caught:
        references.resolve("it", {"it": str(folder)})
    assert caught.value.code in {Code.MODEL_INVALID}
    assert weights.of_model(folder) == {} and not weights.asks_for_bfloat16(folder)
    assert footprint.config(folder, "unet") in ({}, {"a": 1}) or name != "unet/config.json"
    assert isinstance(model_files.missing(folder), list)


@each_damage
def test_damaged_speeds_and_presets_are_left_out(text: str, tmp_path: Path) -> None:
    (tmp_path / "speeds-cpu.json").write_text(text)
    assert speeds.kept(tmp_path, "cpu") is None
    with pytest.raises(BendError) as caught:
        presets.read(tmp_path / "speeds-cpu.json")
    assert caught.value.code == Code.PRESET_INVALID


@pytest.mark.parametrize(
    "listed",
    [
        {"weight_map": {"a": 1, "b": "x.safetensors"}},
        {"weight_map": {"a": None}},
        {"weight_map": {"a": ["x"]}},
        {"weight_map": {"a": "../../secret.safetensors"}},
        {"weight_map": {"a": "a\0b"}},
        {"weight_map": {"a": "x" * 300}},
        {"weight_map": ["x"]},
        {"weight_map": {}},
        {},
        "damaged",
    ],
    ids=str,
)
def test_a_list_of_shards_of_other_types_is_missing(listed: object, write_model: WriteModel) -> None:
    folder = write_model("sharded")
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(listed))
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / "unet" / "diffusion_pytorch_model-00001-of-00001.safetensors").write_bytes(b"weights")
    assert model_files.missing(folder) == ["unet/diffusion_pytorch_model.safetensors.index.json"]
    with pytest.raises(BendError) as caught:
        references.resolve("it", {"it": str(folder)})
    assert caught.value.code == Code.MODEL_INVALID and "index.json" in caught.value.message


def with_header(file: Path, header: bytes, length: int | None = None) -> Path:
    """A safetensors file of a header alone."""
    file.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header)
    return file


@pytest.mark.parametrize(
    "header",
    [
        *(text.encode() for text in DAMAGED_JSON.values()),
        b'{"a": 1}',
        b'{"a": 0, "a": 0}'.replace(b"0", b'{"dtype": "F32", "shape": [], "data_offsets": [0, 0]}'),
        b'{"__metadata__": {"a": "1", "a": "2"}}',
        b'{"a": {"dtype": "F32", "shape": [1e30], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e400]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [NaN, 0]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}',
        b'{"a": {"dtype": "F32", "shape": 7, "data_offsets": [0, 4]}}',
    ],
    ids=lambda header: repr(header[:60]),
)
def test_a_damaged_header_is_unreadable(header: bytes, tmp_path: Path) -> None:
    file = with_header(tmp_path / "it.safetensors", header)
    with pytest.raises(Unreadable):
        safetensors_file.contents(file)
    with pytest.raises(BendError) as caught:
        references.resolve("it", {"it": str(file)})
    assert caught.value.code == Code.MODEL_INVALID


def test_a_header_of_93_megabytes_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "it.safetensors"
    with open(file, "wb") as stream:
        stream.write((93_000_000).to_bytes(8, "little"))
        stream.truncate(93_000_008)
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable):
            safetensors_file.contents(file)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000


def test_a_header_as_long_as_those_of_large_merges_is_read(tmp_path: Path) -> None:
    entry = {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps(
        {f"model.diffusion_model.output_blocks.{n}.transformer_blocks.weight": entry for n in range(9000)}
    )
    assert len(safetensors_file.contents(with_header(tmp_path / "it.safetensors", header.encode())).tensors) == 9000


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_model: WriteModel) -> Path:
    """A cache of the hub with one model."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--some--one"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots").mkdir()
    write_model("made").rename(folder / "snapshots" / "abc")
    return tmp_path / "hub"


def test_folders_that_cannot_be_read_are_skipped_and_counted(cache: Path) -> None:
    os.mkdir(os.fsencode(cache) + b"/models--bad--\xff\xfe")
    (cache / "models--no owner").mkdir()
    assert [model.name for model in hub_cache.stored()] == ["some/one"]
    assert hub_cache.stored().unreadable == 2


@pytest.mark.parametrize(
    "revision", [b"\xff\xfe", b"a\0b", b"x" * 5000, b"../../../etc", b"/etc", b"", b"x" * 3_000_000]
)
def test_a_damaged_reference_means_no_snapshot(cache: Path, revision: bytes) -> None:
    (cache / "models--some--one" / "refs" / "main").write_bytes(revision)
    assert hub_cache.snapshot("some/one") is None
    assert [model.name for model in hub_cache.stored()] == ["some/one"], "as an interrupted download"
