"""What strangers wrote, or a disk has damaged, as the engine's readers meet it: refused in words, or done again."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from mutations import DAMAGED_JSON, scratched
from PIL import Image
from safetensors.torch import save_file
from strange_files import as_anybody, each_kind, put, unix

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Embedding, Job
from blender_bend.core.job.resolve import frame_key, input_path, resolve, vector_path
from blender_bend.core.models import references
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.analysis import measure_file
from blender_bend.engine.analysis.features.midi import read_score
from blender_bend.engine.analysis.reading.sound_file import read_mono
from blender_bend.engine.host import kept
from blender_bend.engine.loading import add_embeddings, load_decoder
from blender_bend.engine.loading.decoders import require_fit
from blender_bend.engine.loading.loras import reading
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sonic import weights
from blender_bend.engine.sonic.training import dataset
from blender_bend.engine.sonic.training.training import Training
from blender_bend.engine.store.frame_store import FrameStore, read_origin
from blender_bend.engine.store.inputs import StoredInputs

KEY = "ab" * 32
MakeJob = Callable[..., Job]
WriteSound = Callable[..., Path]


def previous(path: Path) -> Any:
    """A frame that the next one begins with."""
    frame = {"source": {"previous": KEY, "warp": [1.0, 0.0, 0.0, 0.0], "colour": None, "start": 1}}
    return StoredInputs(FrameStore(path.parent)).source(frame)


def state(path: Path) -> None:
    """The state of a training."""
    Training.resume(object(), path)  # type: ignore[arg-type]


#: What reads a file, by the name that the file has.
READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "a sound": ("it.wav", read_mono),
    "a MIDI file": ("it.mid", read_score),
    "weights": ("it.safetensors", weights.read_weights),
    "what weights say": ("it.safetensors", weights.metadata),
    "a LoRA": ("it.safetensors", lambda path: reading.read(path, "ink")),
    "a decoder": ("config.json", lambda path: load_decoder(path.parent, torch.float32, "cpu")),
    "a decoder's kind": ("config.json", lambda path: require_fit(path.parent, 16)),
    "a frame": (f"{KEY}.png", read_origin),
    "the frame before": (f"{KEY}.png", previous),
    "a picture to learn from": ("it.png", dataset.read_picture),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="bend-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def refused(read: Callable[[], Any]) -> BendError:
    with pytest.raises(BendError) as caught:
        read()
    assert caught.value.code != Code.INTERNAL and caught.value.message.endswith(".")
    return caught.value


@unix
@each_kind
@pytest.mark.parametrize("what", READERS)
def test_a_strange_file_is_refused_at_once(kind: str, what: str, folder: Path) -> None:
    name, read = READERS[what]
    (folder / name).write_bytes(b"{}")
    refused(lambda: read(folder / name))  # whatever is imported with the first use
    put(kind, folder / name)
    with as_anybody():
        refused(lambda: read(folder / name))


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\xff" * 100, b"{}", b"<html>", b"PK\x03\x04", b"\x80\x02."])
@pytest.mark.parametrize("what", READERS)
def test_a_file_of_another_kind_is_refused(content: bytes, what: str, tmp_path: Path) -> None:
    name, read = READERS[what]
    (tmp_path / name).write_bytes(content)
    refused(lambda: read(tmp_path / name))


@pytest.mark.parametrize("length", [17_000_000, 93_000_000, 1 << 40, (1 << 64) - 1])
def test_a_header_that_would_take_gigabytes_is_not_read(
    length: int, tmp_path: Path, model_folders: dict[str, Path], load: Callable[..., Any], monkeypatch: Any
) -> None:
    file = tmp_path / "it.safetensors"
    with open(file, "wb") as stream:
        stream.write(length.to_bytes(8, "little") + b"{")
        stream.truncate(min(length, 93_000_000) + 8)
    for name in ("safe_open", "load_file"):  # the libraries would read it
        for module in (reading, weights, "blender_bend.engine.loading.embeddings"):
            target = f"{module if isinstance(module, str) else module.__name__}.{name}"
            monkeypatch.setattr(target, lambda *_, **__: pytest.fail("it is read"), raising=False)
    refused(lambda: reading.read(file, "ink"))
    refused(lambda: weights.read_weights(file))
    refused(lambda: weights.metadata(file))
    refused(lambda: add_embeddings(load("sd15"), [Embedding("it", str(file), "0" * 64)]))
    AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4).save_pretrained(tmp_path)
    file.replace(tmp_path / "diffusion_pytorch_model.safetensors")
    refused(lambda: load_decoder(tmp_path, torch.float32, "cpu"))


@pytest.mark.parametrize(
    "text",
    [
        *DAMAGED_JSON.values(),
        '{"_class_name": ["AutoencoderKL"]}',
        '{"_class_name": "os.system"}',
        '{"_class_name": 7}',
    ],
    ids=[*DAMAGED_JSON, "a list of classes", "no class", "a number"],
)
def test_a_decoder_with_damaged_settings_is_refused(text: str, tmp_path: Path) -> None:
    AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(text)
    assert refused(lambda: load_decoder(tmp_path, torch.float32, "cpu")).code == Code.MODEL_INVALID
    assert refused(lambda: require_fit(tmp_path, 16)).code in {Code.MODEL_INVALID, Code.MODEL_PURPOSE}


@pytest.mark.parametrize("text", DAMAGED_JSON.values(), ids=DAMAGED_JSON)
def test_damaged_notes_in_a_lora_count_as_none(text: str, tmp_path: Path) -> None:
    tensors = {"lora_unet_mid.lora_down.weight": torch.zeros(4, 8), "lora_unet_mid.lora_up.weight": torch.zeros(8, 4)}
    save_file(tensors, tmp_path / "it.safetensors", {"lora_adapter_metadata": text[:1_000_000]})
    assert reading.read(tmp_path / "it.safetensors", "ink").settings == {}


@pytest.mark.parametrize("length", [10**30, 1e30, None, 77])
def test_a_tokenizer_without_a_limit_reads_as_much_as_its_network(
    length: float | None, tmp_path: Path, model_folders: dict[str, Path], store: FrameStore, make_job: MakeJob
) -> None:
    """10^30 is what transformers writes where there is no limit."""
    pictures = []
    for name, told in (("plain", 77), ("told", length)):
        shutil.copytree(model_folders["sd15"], tmp_path / name)
        file = tmp_path / name / "tokenizer" / "tokenizer_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"model_max_length": told}))
        found = references.resolve("it", {"it": str(tmp_path / name)})
        job = make_job("sd15", frames=[{"prompt": (("a calm sea " * 40, 1.0),)}], steps=1)
        job = Job(**{**vars(job), "model": found.path, "fingerprint": found.fingerprint})
        Renderer("cpu").render(job, store)
        pictures.append(np.asarray(Image.open(store.path(frame_key(resolve(job, job.frames[0]))))))
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_damaged_numbers_are_never_taken_for_others(kind: str, tmp_path: Path) -> None:
    chance, buffer, path = random.Random(5), io.BytesIO(), tmp_path / "it"
    (np.save if kind == "npy" else np.savez)(buffer, np.arange(50, dtype=np.float32))
    lost = 0
    for _ in range(2000):
        path.write_bytes(scratched(buffer.getvalue(), chance))
        found = kept.array(path) if kind == "npy" else kept.arrays(path)
        lost += found is None or found == {} if not isinstance(found, np.ndarray) else False
    assert 500 < lost < 2000


@unix
@each_kind
def test_strange_numbers_are_none(kind: str, folder: Path) -> None:
    np.save(folder / "it.npy", np.arange(5.0))
    assert kept.array(folder / "it.npy") is not None
    put(kind, folder / "it.npy")
    with as_anybody():
        assert kept.array(folder / "it.npy") is None and kept.arrays(folder / "it.npy") == {}


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01\x00", b"x" * 1000, "shorter", "of another type"])
def test_features_whose_file_is_damaged_are_measured_again(
    damage: bytes | str, write_sound: WriteSound, tmp_path: Path
) -> None:
    sound = write_sound(np.random.default_rng(1).normal(size=48_000).astype(np.float32) * 0.1)
    first = measure_file(sound, FrameRate.parse("24"), ["rms"], cache=tmp_path / "cache")["rms"]
    (file,) = (tmp_path / "cache").iterdir()
    if isinstance(damage, bytes):
        file.write_bytes(damage)
    else:
        np.save(file, first[:3] if damage == "shorter" else first.astype(int))
    for _ in range(2):
        again = measure_file(sound, FrameRate.parse("24"), ["rms"], cache=tmp_path / "cache")["rms"]
        assert np.array_equal(first, again) and np.array_equal(np.load(file), first)


def test_a_sound_longer_than_the_memory_is_refused(write_sound: WriteSound, monkeypatch: Any) -> None:
    sound = write_sound(np.zeros(100, np.float32))

    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "empty", full)
    assert "memory" in refused(lambda: read_mono(sound)).message


@pytest.mark.parametrize(
    "numbers", [b"", b"\0" * 7, np.full(1024, np.nan, "<f4").tobytes(), np.full(8, np.inf, "<f4").tobytes()], ids=len
)
def test_a_vector_that_no_sound_becomes_is_refused(numbers: bytes, store: FrameStore) -> None:
    """The name is right: who made the file knew what it is named after."""
    import hashlib

    digest = hashlib.sha256(numbers).hexdigest()
    vector_path(store.folder, digest).parent.mkdir()
    vector_path(store.folder, digest).write_bytes(numbers)
    assert refused(lambda: StoredInputs(store).vector(digest)).code == Code.INPUT_MISSING


@unix
@each_kind
def test_strange_inputs_are_refused_at_once(kind: str, folder: Path) -> None:
    inputs, files = StoredInputs(FrameStore(folder)), [input_path(folder, KEY), vector_path(folder, KEY)]
    files[0].parent.mkdir()
    os.chmod(files[0].parent, 0o755)
    for file in files:
        file.write_bytes(b"")
        put(kind, file)
    with as_anybody():
        assert refused(lambda: inputs.source({"source": {"picture": KEY}})).code == Code.INPUT_MISSING
        assert refused(lambda: inputs.vector(KEY)).code == Code.INPUT_MISSING


@pytest.mark.parametrize("caption", [b"\xff\xfe", b"x" * 200_000], ids=["not UTF-8", "too long"])
def test_a_caption_that_is_none_is_named(caption: bytes, tmp_path: Path) -> None:
    (tmp_path / "it.txt").write_bytes(caption)
    assert "it.txt" in refused(lambda: dataset.caption_of(tmp_path / "it.wav")).message
