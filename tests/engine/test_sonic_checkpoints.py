"""The published files: read strictly, written interchangeably, and each wrong file told what is wrong with it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.sonic import checkpoints
from blender_bend.engine.sonic.adapters import AudioAdapters
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.projector import AudioProjector
from blender_bend.engine.sonic.weights import read_weights

CHANNELS, EMBEDDING = (4, 4, 6, 6, 8, 8), 12
PROJECTOR = {"embedding": 32, "tokens": 7, "width": 32, "inner": 16, "heads": 2}


def published_clap() -> dict[str, Tensor]:
    """A small CLAP 2022 with all that its file holds beside the audio part."""
    torch.manual_seed(0)
    audio = {f"audio_encoder.{n}": t for n, t in AudioTower(CHANNELS, EMBEDDING).state_dict().items()}
    return {
        **audio,
        "audio_encoder.base.spectrogram_extractor.stft.conv_real.weight": torch.randn(513, 1, 1024),
        "audio_encoder.base.spectrogram_extractor.stft.conv_imag.weight": torch.randn(513, 1, 1024),
        "audio_encoder.base.fc_audioset.weight": torch.randn(527, 8),
        "audio_encoder.base.fc_audioset.bias": torch.randn(527),
        "caption_encoder.base.embeddings.word_embeddings.weight": torch.randn(5, 4),
        "logit_scale": torch.ones(()),
    }


@pytest.fixture
def files(tmp_path: Path, unet: Any) -> dict[str, Path]:
    """One file of each kind, as their authors save them."""
    torch.manual_seed(1)
    clap = published_clap()
    contents: dict[str, Any] = {
        "CLAP_weights_2022.pth": {"model": clap, "optimizer": {"state": {0: torch.zeros(3)}}, "epoch": 3},
        "CLAP_weights_2023.pth": {"model": {"audio_encoder.base.htsat.patch_embed.proj.weight": torch.zeros(2, 2)}},
        "laion.pt": {"state_dict": {"module.audio_branch.bn0.weight": torch.zeros(2)}},
        "clap-htsat.pt": {"audio_model.audio_encoder.layers.0.w": torch.zeros(2)},
        "projector.pth": AudioProjector(**PROJECTOR).state_dict(),
        "landscape.pt": {n: torch.nn.Parameter(t) for n, t in AudioAdapters.for_unet(unet, 32).state_dict().items()},
        "unet.pt": {"down_blocks.0.resnets.0.conv1.weight": torch.zeros(2)},
        "v1-5.pt": {"state_dict": {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2)}},
        "tokenizer.pt": {
            "head.0.weight": torch.zeros(2),
            "body.0.weight": torch.zeros(2),
            "last_layer.0.weight": torch.zeros(2),
        },
        "other.pt": {"weight": torch.zeros(2)},
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
    return {name: tmp_path / name for name in contents} | {"folder": tmp_path}


@pytest.fixture(scope="module")
def unet(load: Callable[..., Any]) -> Any:
    return load("sd15").unet


def convert(files: dict[str, Path]) -> Path:
    return checkpoints.convert_clap(
        files["CLAP_weights_2022.pth"], files["folder"] / "clap.safetensors", CHANNELS, EMBEDDING
    )


def refused(call: Callable[[], Any], *words: str, code: Code = Code.MODEL_INVALID) -> None:
    with pytest.raises(BendError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.hint
    for word in words:
        assert word in str(caught.value)


def test_clap_is_converted_once_and_only_its_audio_part(files: dict[str, Path]) -> None:
    path = convert(files)
    written, published = load_file(path), published_clap()
    audio = {name: tensor for name, tensor in published.items() if name.startswith("audio_encoder.")}
    assert len(written) == 88 and written.keys() == audio.keys()
    assert all(torch.equal(written[name], audio[name]) for name in audio)
    tower, original = checkpoints.load_tower(path), AudioTower(CHANNELS, EMBEDDING)
    original.load_state_dict({n.removeprefix("audio_encoder."): t for n, t in audio.items()}, strict=False)
    sound = torch.randn(1, 20000)
    assert torch.equal(tower(sound), original(sound))


def test_an_ear_of_another_size_is_written_lean_and_read_as_it_was(files: dict[str, Path]) -> None:
    torch.manual_seed(2)
    tower, sound = AudioTower(CHANNELS, EMBEDDING), torch.randn(1, 20000)
    path = checkpoints.save_tower(files["folder"] / "ear.safetensors", tower)
    assert len(load_file(path)) == 84
    assert torch.equal(checkpoints.load_tower(path)(sound), tower(sound))
    save_file(load_file(path), files["folder"] / "silent.safetensors")
    refused(lambda: checkpoints.load_tower(files["folder"] / "silent.safetensors"), "lacks 4 tensors")
    save_file(load_file(path), files["folder"] / "odd.safetensors", {"channels": "4 4 x"})
    refused(lambda: checkpoints.load_tower(files["folder"] / "odd.safetensors"), "sizes can't be read")


def test_names_with_the_prefix_of_a_parallel_training_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "clap.pth"
    torch.save({"model": {f"module.{name}": tensor for name, tensor in published_clap().items()}}, path)
    checkpoints.convert_clap(path, tmp_path / "clap.safetensors", CHANNELS, EMBEDDING)


def test_the_authors_files_are_read_and_written_interchangeably(files: dict[str, Path], unet: Any) -> None:
    projector = checkpoints.load_projector(files["projector.pth"], heads=2)
    adapters = checkpoints.load_adapters(files["landscape.pt"], unet)
    for suffix in (".pt", ".safetensors"):
        again = files["folder"] / f"again{suffix}"
        checkpoints.save_projector(again, projector)
        written = read_weights(again)
        published = torch.load(files["projector.pth"], weights_only=True)
        assert list(written) == list(published) or suffix == ".safetensors"
        assert all(torch.equal(written[name], published[name]) for name in published)
        assert checkpoints.load_projector(again, heads=2).variant == "official"
        checkpoints.save_adapters(again, adapters)
        written, published = read_weights(again), torch.load(files["landscape.pt"], weights_only=True)
        assert written.keys() == published.keys() and len(written) == 80
        assert all(torch.equal(written[name], published[name]) for name in published)
        checkpoints.load_adapters(again, unet)


def test_a_stacked_projector_says_so_in_its_file(files: dict[str, Path]) -> None:
    projector = AudioProjector("stacked", **PROJECTOR)
    path = checkpoints.save_projector(files["folder"] / "own.safetensors", projector)
    assert checkpoints.load_projector(path, heads=2).variant == "stacked"
    refused(
        lambda: checkpoints.save_projector(files["folder"] / "own.pth", projector),
        ".safetensors",
        code=Code.PARAMETER_INVALID,
    )


def test_what_is_in_an_adapter_file_besides_adapters_is_left_alone(files: dict[str, Path], unet: Any) -> None:
    weights = torch.load(files["landscape.pt"], weights_only=True)
    torch.save({**weights, "conv_in.weight": torch.zeros(2)}, files["landscape.pt"])
    checkpoints.load_adapters(files["landscape.pt"], unet)


TOWER_WORDS = {
    "CLAP_weights_2023.pth": ("CLAP 2023", "CLAP_weights_2022.pth"),
    "CLAP_weights_2022.pth": ("the whole of CLAP 2022", "sonic convert"),
    "laion.pt": ("LAION", "CLAP_weights_2022.pth"),
    "clap-htsat.pt": ("LAION", "CLAP_weights_2022.pth"),
    "projector.pth": ("an audio projector, not",),
    "landscape.pt": ("audio adapters, not",),
    "other.pt": ("unknown kind",),
}


@pytest.mark.parametrize(("name", "words"), TOWER_WORDS.items(), ids=TOWER_WORDS)
def test_a_file_that_is_no_audio_tower_is_named(files: dict[str, Path], name: str, words: tuple[str, ...]) -> None:
    refused(lambda: checkpoints.load_tower(files[name]), name, *words)


@pytest.mark.parametrize("name", ["CLAP_weights_2023.pth", "laion.pt", "projector.pth", "other.pt"])
def test_only_clap_2022_is_converted(files: dict[str, Path], name: str) -> None:
    refused(
        lambda: checkpoints.convert_clap(files[name], files["folder"] / "x.safetensors"),
        name,
        "not CLAP 2022's weights",
    )
    assert not (files["folder"] / "x.safetensors").exists()


PROJECTOR_WORDS = {
    "landscape.pt": ("audio adapters, not an audio projector", "as the adapters"),
    "tokenizer.pt": ("AudioTokenizer", "audio_projector_"),
    "CLAP_weights_2022.pth": ("the whole of CLAP 2022",),
}


@pytest.mark.parametrize(("name", "words"), PROJECTOR_WORDS.items(), ids=PROJECTOR_WORDS)
def test_a_file_that_is_no_projector_is_named(files: dict[str, Path], name: str, words: tuple[str, ...]) -> None:
    refused(lambda: checkpoints.load_projector(files[name]), *words)


ADAPTER_WORDS = {
    "projector.pth": ("an audio projector, not audio adapters", "as the projector"),
    "unet.pt": ("a UNet without audio adapters",),
    "v1-5.pt": ("a whole Stable Diffusion checkpoint",),
}


@pytest.mark.parametrize(("name", "words"), ADAPTER_WORDS.items(), ids=ADAPTER_WORDS)
def test_a_file_that_holds_no_adapters_is_named(
    files: dict[str, Path], unet: Any, name: str, words: tuple[str, ...]
) -> None:
    refused(lambda: checkpoints.load_adapters(files[name], unet), *words)


@pytest.mark.parametrize("other", ["mini", "sdxl"])
def test_adapters_of_another_base_model_are_refused(
    files: dict[str, Path], load: Callable[..., Any], other: str
) -> None:
    refused(lambda: checkpoints.load_adapters(files["landscape.pt"], load(other).unet), "another base model", "1.x")


def test_adapters_of_another_text_width_are_refused_although_their_blocks_fit(tmp_path: Path, unet: Any) -> None:
    """Stable Diffusion 2.x differs from 1.x in nothing else."""
    path = checkpoints.save_adapters(tmp_path / "sd2.pt", AudioAdapters.for_unet(unet, 40))
    refused(lambda: checkpoints.load_adapters(path, unet), "another base model", "tokens of width 40")


def broken(files: dict[str, Path], name: str, change: Callable[[dict[str, Tensor]], None]) -> Path:
    weights = dict(torch.load(files[name], weights_only=True))
    change(weights)
    path = files["folder"] / f"broken-{name}"
    torch.save(weights, path)
    return path


def test_a_lacking_tensor_is_named(files: dict[str, Path], unet: Any) -> None:
    gate = "mid_block.attentions.0.transformer_blocks.0.gate_adapter"
    path = broken(files, "landscape.pt", lambda weights: weights.pop(gate))
    refused(lambda: checkpoints.load_adapters(path, unet), "lacks 1 tensors", gate)


def test_a_tensor_of_another_shape_is_named(files: dict[str, Path]) -> None:
    path = broken(files, "projector.pth", lambda w: w.update({"cross_attention.2.to_k_adapter.weight": torch.zeros(3)}))
    refused(lambda: checkpoints.load_projector(path), "cross_attention.2.to_k_adapter.weight has the shape (3,)")


def test_a_surplus_tensor_of_a_projector_is_named(files: dict[str, Path]) -> None:
    path = broken(files, "projector.pth", lambda weights: weights.update({"cross_attention.4.x": torch.zeros(3)}))
    refused(lambda: checkpoints.load_projector(path), "1 more tensors", "cross_attention.4.x")


def test_a_tensor_that_is_no_number_is_named(files: dict[str, Path]) -> None:
    path = broken(files, "projector.pth", lambda weights: weights["to_out_adapter.0.bias"].fill_(float("nan")))
    refused(lambda: checkpoints.load_projector(path), "to_out_adapter.0.bias holds numbers that are not finite")


def test_a_tower_for_other_mel_bands_is_refused(files: dict[str, Path]) -> None:
    weights = load_file(convert(files))
    weights["audio_encoder.base.logmel_extractor.melW"] += 0.1
    sizes = {"channels": " ".join(map(str, CHANNELS)), "embedding": str(EMBEDDING)}
    save_file(weights, files["folder"] / "other.safetensors", sizes)
    refused(lambda: checkpoints.load_tower(files["folder"] / "other.safetensors"), "mel bands")


class Code_:
    """Runs a program when it is unpickled by anything careless."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.trace}'",)


@pytest.mark.parametrize("modern", [True, False])
def test_nothing_in_a_pickle_is_ever_run(tmp_path: Path, modern: bool) -> None:
    trace, path = tmp_path / "it ran", tmp_path / "evil.pth"
    content = {"model": published_clap(), "x": Code_(trace)}
    torch.save(content, path, _use_new_zipfile_serialization=modern)
    refused(
        lambda: checkpoints.convert_clap(path, tmp_path / "x.safetensors"),
        "evil.pth",
        "contains code (posix.system)",
    )
    refused(lambda: checkpoints.load_tower(path), "evil.pth", "contains code")
    assert not trace.exists()
    torch.load(path, weights_only=False)  # this file would have run, had Bend let it
    assert trace.exists()


@pytest.mark.parametrize("name", ["CLAP_weights_2022.pth", "old.pth", "clap.safetensors"])
@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_download_that_broke_off_is_called_incomplete(files: dict[str, Path], name: str, kept: float) -> None:
    convert(files)
    torch.save(published_clap(), files["folder"] / "old.pth", _use_new_zipfile_serialization=False)
    whole, path = (files["folder"] / name).read_bytes(), files["folder"] / f"cut-{name}"
    path.write_bytes(whole[: int(len(whole) * kept)])
    refused(lambda: checkpoints.load_tower(path), f"cut-{name} is incomplete", "Download the file again")


IMPOSTORS = {
    "page.pth": (b"<!DOCTYPE html><html>quota exceeded</html>", "a web page"),
    "pointer.pt": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
    "text.pth": (b"hello", "is not a weight file"),
    "empty.pth": (b"", "is empty"),
    "list.txt": (b"{}", "is not a weight file"),
}


@pytest.mark.parametrize("name", IMPOSTORS)
def test_what_is_no_checkpoint_is_told_so(tmp_path: Path, name: str) -> None:
    content, words = IMPOSTORS[name]
    (tmp_path / name).write_bytes(content)
    refused(lambda: read_weights(tmp_path / name), name, words)


def test_other_archives_and_other_contents_are_no_weights(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as archive:
        archive.writestr("text.xml", "hello")
    refused(lambda: read_weights(tmp_path / "letter.docx"), "is not a weight file")
    torch.save([1, 2, 3], tmp_path / "list.pt")
    refused(lambda: read_weights(tmp_path / "list.pt"), "has no named weights")


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    refused(lambda: read_weights(tmp_path / "none.pt"), "none.pt", code=Code.MODEL_MISSING)
