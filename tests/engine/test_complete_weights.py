"""A model folder or a decoder that lacks a weight is refused with the weight's name; none is filled at random."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file, save_file
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.loading import load_decoder, load_pipeline

PARTS = [
    ("sd15", "unet"),
    ("sd15", "vae"),
    ("sd15", "text_encoder"),
    ("sdxl", "text_encoder_2"),
    ("sd3", "transformer"),
    ("flux", "text_encoder_2"),
]
Tensors = dict[str, Tensor]


def refused(load: Callable[[], object]) -> str:
    with pytest.raises(BendError) as caught:
        load()
    assert caught.value.code == Code.MODEL_INVALID and caught.value.hint
    return caught.value.message


def change(folder: Path, how: Callable[[Tensors], Tensors]) -> Tensors:
    """Rewrite the weights of a part; what they were."""
    (file,) = folder.glob("*.safetensors")
    was = load_file(file)
    save_file({name: tensor.clone() for name, tensor in how(was).items()}, file, {"format": "pt"})
    return was


@pytest.fixture(params=PARTS, ids=lambda part: "-".join(part))
def part(request: pytest.FixtureRequest, model_folders: dict[str, Path], tmp_path: Path) -> Path:
    """A network's folder in a copy of a model."""
    kind, name = request.param
    shutil.copytree(model_folders[kind], tmp_path / "model")
    return tmp_path / "model" / name


def load(part: Path) -> object:
    return load_pipeline(part.parent, torch.float32, "cpu")


def without(names: list[str]) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if name not in names}


def test_a_missing_weight_is_named(part: Path) -> None:
    was = change(part, lambda tensors: tensors)
    load(part)
    lost = sorted(name for name in was if name.endswith("layer_norm1.weight") or "norm" in name)[-1]
    change(part, without([lost]))
    message = refused(lambda: load(part))
    assert part.name in message and lost.removeprefix("text_model.") in message


def test_weights_by_other_names_are_missing(part: Path) -> None:
    change(part, lambda tensors: {f"other.{name}": tensor for name, tensor in tensors.items()})
    message = refused(lambda: load(part))
    assert part.name in message and "more" in message


def test_a_weight_of_another_shape_is_named_with_both(part: Path) -> None:
    name = sorted(change(part, lambda tensors: tensors))[-1]

    def longer(tensors: Tensors) -> Tensors:
        return tensors | {name: torch.cat([tensors[name], tensors[name][:1]])}

    was = change(part, longer)[name]
    message = refused(lambda: load(part))
    assert name.removeprefix("text_model.") in message
    assert str(was.shape[0]) in message and str(was.shape[0] + 1) in message


@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_a_file_that_was_cut_is_refused(part: Path, share: float) -> None:
    (file,) = part.glob("*.safetensors")
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    refused(lambda: load(part))


def test_a_decoder_lacks_nothing(tmp_path: Path) -> None:
    AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4).save_pretrained(tmp_path)
    load_decoder(tmp_path, torch.float32, "cpu")
    lost = "decoder.layers.3.conv.0.weight"
    change(tmp_path, without([lost]))
    assert lost in refused(lambda: load_decoder(tmp_path, torch.float32, "cpu"))
    change(tmp_path, lambda tensors: {f"other.{name}": tensor for name, tensor in tensors.items()})
    assert "coder.layers" in refused(lambda: load_decoder(tmp_path, torch.float32, "cpu"))
