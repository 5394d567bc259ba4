"""LoRA files as trainers write them, and what they come to when they are merged by hand, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize

from blender_bend.core.job.job import Lora
from blender_bend.core.models.references import file_fingerprint

#: Tensors of a file by name, and float64 changes by part, path and tensor of the model.
Tensors = dict[str, Tensor]
Changes = dict[tuple[str, str, str], np.ndarray]


def save(folder: Path, tensors: Tensors, name: str = "ink", metadata: dict[str, str] | None = None) -> Path:
    """Write a file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path, metadata)
    return path


def lora_of(path: Path, strength: float = 1.0, name: str = "ink") -> Lora:
    """A file as a LoRA of a job."""
    return Lora(name, str(path), file_fingerprint(path), strength)


class Random:
    """Random tensors, from a seed."""

    def __init__(self, seed: int = 0) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int, size: float = 0.2) -> Tensor:
        return torch.randn(*shape, generator=self.generator) * size


def exact(tensor: Tensor) -> np.ndarray:
    """A tensor in float64, whatever it was kept in."""
    return tensor.detach().double().numpy()


def layers(network: nn.Module, *ends: str) -> dict[str, nn.Module]:
    """The layers of a network whose paths end so."""
    return {path: layer for path, layer in network.named_modules() if path.endswith(ends)}


def weight_of(network: nn.Module, path: str, tensor: str = "weight") -> Tensor:
    """A tensor of a layer as the layer works with it."""
    return getattr(network.get_submodule(path), tensor)


def pair(layer: nn.Module, rank: int, random: Random) -> tuple[Tensor, Tensor]:
    """down and up of a layer, in kohya's shapes."""
    outputs, inputs, *kernel = layer.weight.shape
    if not kernel:
        return random(rank, inputs), random(outputs, rank)
    return random(rank, inputs, *kernel), random(outputs, rank, 1, 1)


def merged(up: Tensor, down: Tensor, scale: float, shape: Iterable[int]) -> np.ndarray:
    """``scale * up @ down`` in the shape of the weight."""
    rank = up.shape[1]
    return (scale * exact(up).reshape(-1, rank) @ exact(down).reshape(rank, -1)).reshape(tuple(shape))


def kohya(
    network: nn.Module,
    part: str,
    name: Callable[[str], str],
    *ends: str,
    rank: Callable[[int], int] = lambda index: 4,
    alpha: Callable[[int, str], float | None] = lambda rank, path: 2.0,
    dtype: torch.dtype = torch.float32,
    ways: tuple[str, str, str] = (".lora_down.weight", ".lora_up.weight", ".alpha"),
    seed: int = 0,
) -> tuple[Tensors, Changes]:
    """A LoRA on the layers whose paths end so.

    Parameters
    ----------
    name : from a path to the beginning of its tensors' names
    rank : of the layer with an index
    alpha : of a layer by its rank and path; None for none
    ways : what down, up and alpha are called
    """
    random, tensors, changes = Random(seed), {}, {}
    for index, (path, layer) in enumerate(layers(network, *ends).items()):
        down, up = (tensor.to(dtype) for tensor in pair(layer, rank(index), random))
        told = alpha(rank(index), path)
        tensors |= {name(path) + ways[0]: down, name(path) + ways[1]: up}
        if told is not None:
            tensors[name(path) + ways[2]] = torch.tensor(told).to(dtype)
        scale = 1.0 if told is None else told / rank(index)
        changes[part, path, "weight"] = merged(up, down, scale, layer.weight.shape)
    return tensors, changes


def flat(prefix: str) -> Callable[[str], str]:
    """kohya's names: a prefix, and underscores for dots."""
    return lambda path: prefix + path.replace(".", "_")


def text(prefix: str) -> Callable[[str], str]:
    """The names of text encoders, which all have ``text_model`` in front, be it part of this version's paths or not."""
    return lambda path: prefix + f"text_model.{path.removeprefix('text_model.')}".replace(".", "_")


def text_lora(pipeline: Any) -> tuple[Tensors, Changes]:
    """A LoRA of a text encoder, strong enough to be seen in tiny pictures."""
    tensors, changes = kohya(
        pipeline.text_encoder,
        "text_encoder",
        text("lora_te_"),
        "q_proj",
        "v_proj",
        "fc2",
        alpha=lambda rank, path: 16.0,
    )
    return tensors, changes


#: Kinds of files.
KINDS = ("LoCon", "LoHa", "LoKr", "DoRA", "in full")


def of_kind(kind: str, pipeline: Any) -> Tensors:
    """A file of another kind, for some layers of the UNet."""
    random, tensors = Random(), {}
    for path, layer in layers(pipeline.unet, "to_q", "conv1").items():
        outputs, inputs, *kernel = layer.weight.shape
        columns = inputs * int(np.prod(kernel))
        low = {"lora_up.weight": random(outputs, 4), "lora_down.weight": random(4, columns)}
        own = {
            "LoHa": {"hada_w1_a": random(outputs, 2), "hada_w1_b": random(2, columns, size=1.0),
                     "hada_w2_a": random(outputs, 2), "hada_w2_b": random(2, columns, size=1.0)},
            "LoKr": {"lokr_w1": random(2, 2), "lokr_w2": random(outputs // 2, inputs // 2, *kernel)},
            "DoRA": {**low, "dora_scale": random(1, inputs, *[1] * len(kernel)).abs() + 0.2},
            "in full": {"diff": random(*layer.weight.shape)},
            "LoCon": low,
        }[kind]  # fmt: skip
        if kernel and kind == "LoCon":
            own = {
                name: t.reshape(4, inputs, *kernel) if "down" in name else t[..., None, None] for name, t in low.items()
            }
        tensors |= {f"{flat('lora_unet_')(path)}.{role}": tensor for role, tensor in own.items()}
    return tensors


def originals(pipeline: Any, changes: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], np.ndarray]:
    """The weights of a pipeline before a LoRA."""
    return {key: exact(weight_of(getattr(pipeline, key[0]), *key[1:])) for key in changes}


def largest_difference(pipeline: Any, before: Changes, changes: Changes, strength: float = 1.0) -> float:
    """How far the weights that the layers work with are from those merged by hand."""
    return max(
        float(np.abs(exact(weight_of(getattr(pipeline, key[0]), *key[1:])) - (before[key] + strength * change)).max())
        for key, change in changes.items()
    )


def changed_layers(pipeline: Any) -> set[tuple[str, str, str]]:
    """All tensors that LoRA files lie on."""
    return {
        (part, path, tensor)
        for part, network in pipeline.components.items()
        if isinstance(network, nn.Module)
        for path, layer in network.named_modules()
        if parametrize.is_parametrized(layer)
        for tensor in layer.parametrizations
    }
