"""Every weight lies where torch itself would put it, whatever loaded it: the same content gives the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors import safe_open
from torch import Tensor, nn

from blender_bend.core.models.references import MINI_PATH
from blender_bend.engine.host.alignment import ALIGNMENT, align, aligned, is_aligned
from blender_bend.engine.loading import load_decoder, load_pipeline
from blender_bend.engine.sonic import checkpoints

SOUND = MINI_PATH.parent / "mini_sound"


def tensors(*modules: nn.Module) -> list[Tensor]:
    """Every weight and buffer."""
    return list(chain.from_iterable(chain(module.parameters(), module.buffers()) for module in modules))


def parts(pipeline: Any) -> list[nn.Module]:
    """Every network of a pipeline."""
    return [part for part in pipeline.components.values() if isinstance(part, nn.Module)]


def astray(found: Iterable[Tensor]) -> list[int]:
    """By how many bytes weights miss where torch would have put them."""
    return [tensor.data_ptr() % ALIGNMENT for tensor in found if tensor.data_ptr() % ALIGNMENT]


def test_mapped_weights_lie_anywhere() -> None:
    """Why anything must be done at all."""
    with safe_open(MINI_PATH / "unet" / "diffusion_pytorch_model.safetensors", "pt") as file:
        assert astray([file.get_tensor(name) for name in file.keys()])  # noqa: SIM118 - it is no mapping


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kind", ["mini", "sd15", "sdxl", "sd3", "flux"])
def test_weights_of_a_folder_are_aligned(kind: str, dtype: torch.dtype, model_folders: dict[str, Path]) -> None:
    found = tensors(*parts(load_pipeline(model_folders[kind], dtype, "cpu")))
    assert len(found) > 50 and astray(found) == []


def test_weights_of_a_decoder_are_aligned(tmp_path: Path) -> None:
    AutoencoderTiny().save_pretrained(tmp_path, safe_serialization=True)
    assert astray(tensors(load_decoder(tmp_path, torch.float32, "cpu"))) == []


def test_weights_of_what_hears_are_aligned(load: Callable[..., Any]) -> None:
    tower = checkpoints.load_tower(SOUND / "clap.safetensors")
    projector = checkpoints.load_projector(SOUND / "projector.safetensors")
    adapters = checkpoints.load_adapters(SOUND / "adapters.safetensors", load("mini").unet)
    assert astray(tensors(tower, projector, adapters)) == []


def test_an_aligned_copy_has_the_same_content_and_an_aligned_tensor_is_no_copy() -> None:
    shifted = torch.arange(100.0)[1:]
    assert not is_aligned(shifted) and is_aligned(aligned(shifted)) and torch.equal(aligned(shifted), shifted)
    whole = torch.arange(100.0)
    assert aligned(whole) is whole


def test_tied_weights_stay_tied_and_strides_stay() -> None:
    embedding, head = nn.Embedding(7, 5), nn.Linear(5, 7, bias=False)
    embedding.weight = head.weight = nn.Parameter(torch.arange(36.0)[1:].reshape(7, 5))
    picture = nn.Conv2d(3, 5, 3)
    picture.weight.data = torch.randn(5 * 27 + 1)[1:].reshape(5, 3, 3, 3).to(memory_format=torch.channels_last)
    both = nn.ModuleList([embedding, head, picture])
    align(both)
    assert embedding.weight is head.weight and astray(tensors(both)) == []
    assert picture.weight.is_contiguous(memory_format=torch.channels_last)
