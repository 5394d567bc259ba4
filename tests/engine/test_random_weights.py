"""Weights with a tensor gone, renamed or of another shape are refused by its name, or the same in every engine.

Never is anything left to chance: what loads, loads to the same bytes twice, whatever the random numbers of the process.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny
from lora_files import Random, layers, lora_of
from safetensors.torch import load_file, save_file
from single_file import write_checkpoint, write_settings
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel

from blender_bend.core.checkpoints import single_files
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Embedding
from blender_bend.core.models import model_files
from blender_bend.core.models.references import file_fingerprint
from blender_bend.engine.analysis.features import learned
from blender_bend.engine.loading import add_embeddings, add_loras, load_decoder, load_pipeline
from blender_bend.engine.loading.failures import UNLOADABLE
from blender_bend.engine.loading.folders import load_part
from blender_bend.engine.sonic import checkpoints
from blender_bend.engine.sonic.adapters import AudioAdapters
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.projector import AudioProjector

LONG = os.environ.get("BEND_TEST_ALL") == "1"
#: Changes of each kind of file: 500 over all of them with BEND_TEST_ALL.
CHANGES = 36 if LONG else 3
Tensors = dict[str, Tensor]
#: The parts of folders, with those that are spread over shards.
PARTS = (
    ("sd15", "unet"),
    ("sd15", "vae"),
    ("sd15", "text_encoder"),
    ("sdxl", "text_encoder_2"),
    ("sd3", "transformer"),
    ("flux", "text_encoder_2"),
    ("sharded", "unet"),
)
KINDS = (*map("-".join, PARTS), "file", "decoder", "lora", "embedding", "tower", "projector", "adapters", "encodec")


@dataclass
class Kind:
    """A kind of weight file.

    Parameters
    ----------
    file : the one that is changed
    load : loads it as the engine does; what came of it
    """

    file: Path
    load: Callable[[], Any]


def digest(found: Any) -> str:
    """Of every number of a network or a pipeline."""
    parts = found.components.values() if hasattr(found, "components") else [found]
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, nn.Module):
            for name, tensor in sorted(part.state_dict().items()):
                sha.update(name.encode() + tensor.detach().float().contiguous().numpy().tobytes())
    return sha.hexdigest()


def changed(tensors: Tensors, chance: random.Random) -> tuple[Tensors, list[str]]:
    """Tensors with some of them gone, renamed or of another shape, and the names of those."""
    how, names = chance.choice(["gone", "renamed", "shaped"]), sorted(tensors)
    chosen = chance.sample(names, min(len(names), chance.choice([1, 1, 1, 2, 5])))
    if chance.random() < 0.06:
        chosen = names
    new = {name: tensor.clone() for name, tensor in tensors.items()}
    for name in chosen:
        tensor = new.pop(name)
        if how == "renamed":
            other = chance.choice([f"x.{name}", name + "_", name.replace(".", "..", 1), name[:-1]])
            new[other] = tensor
        elif how == "shaped":
            ways = [tensor[None], tensor.flatten(), torch.zeros(0), torch.zeros(())]
            if tensor.ndim and tensor.shape[0] > 1:
                ways += [tensor[1:], torch.cat([tensor, tensor])]
            if tensor.ndim > 1:
                ways.append(tensor.transpose(0, 1))
            other_shapes = [way for way in ways if way.shape != tensor.shape] or [tensor[None, None]]
            new[name] = chance.choice(other_shapes).contiguous().clone()
    return new, chosen


@pytest.fixture
def make(
    model_folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Kind]:
    """Makes a kind of file, of which nothing else is left that could be read."""

    def part_of(model: str, part: str, folder: Path) -> Kind:
        shutil.copytree(model_folders["sd15" if model == "sharded" else model], folder)
        path = folder / part
        pair = (model_files.listing(folder).json(model_files.INDEX) or {})[part]
        if model == "sharded":
            network = load_part(path, pair, model_files.listing(folder), torch.float32)
            (path / "diffusion_pytorch_model.safetensors").unlink()
            network.save_pretrained(path, max_shard_size="100KB")

        def load() -> Any:
            return load_part(path, pair, model_files.listing(folder), torch.float32)

        return Kind(sorted(path.glob("*.safetensors"))[0], load)

    def make(name: str) -> Kind:
        folder = tmp_path_factory.mktemp("kind")
        base = load_pipeline(model_folders["sd15"], torch.float32, "cpu")
        file = folder / "it.safetensors"
        torch.manual_seed(0)
        if "-" in name:
            return part_of(*name.split("-"), folder / "model")
        if name == "file":
            write_settings({"sd1": base}, folder / "settings")
            monkeypatch.setattr(single_files, "SETTINGS", folder / "settings")
            write_checkpoint(base, file)
            return Kind(file, lambda: load_pipeline(file, torch.float32, "cpu"))
        if name == "decoder":
            widths = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
            AutoencoderTiny(**widths).save_pretrained(folder)
            return Kind(next(folder.glob("*.safetensors")), lambda: load_decoder(folder, torch.float32, "cpu"))
        if name == "encodec":
            config = EncodecConfig(num_filters=2, hidden_size=8, codebook_size=8, codebook_dim=8)
            EncodecModel(config).save_pretrained(folder)
            return Kind(folder / "model.safetensors", lambda: learned.load(folder))
        if name == "lora":
            chance, tensors = Random(), {}
            for path, layer in list(layers(base.unet, "to_q", "to_v").items())[:6]:
                tensors[f"unet.{path}.lora_A.weight"] = chance(2, layer.in_features)
                tensors[f"unet.{path}.lora_B.weight"] = chance(layer.out_features, 2)
            save_file(tensors, file)

            def with_lora() -> Any:
                pipeline = load_pipeline(model_folders["sd15"], torch.float32, "cpu")
                add_loras(pipeline, [lora_of(file)])
                return pipeline

            return Kind(file, with_lora)
        if name == "embedding":
            width = base.text_encoder.get_input_embeddings().weight.shape[1]
            save_file({"emb_params": torch.randn(3, width)}, file)

            def with_embedding() -> Any:
                pipeline = load_pipeline(model_folders["sd15"], torch.float32, "cpu")
                add_embeddings(pipeline, [Embedding("it", str(file), file_fingerprint(file))])
                return pipeline

            return Kind(file, with_embedding)
        if name == "tower":
            checkpoints.save_tower(file, AudioTower((4, 4, 6, 6, 8, 8), 12))
            return Kind(file, lambda: checkpoints.load_tower(file))
        if name == "projector":
            sizes = {"embedding": 32, "tokens": 7, "width": 32, "inner": 16, "heads": 2}
            checkpoints.save_projector(file, AudioProjector(**sizes))
            return Kind(file, lambda: checkpoints.load_projector(file, heads=2))
        checkpoints.save_adapters(file, AudioAdapters.for_unet(base.unet, 32))
        return Kind(file, lambda: checkpoints.load_adapters(file, base.unet))

    return make


def outcome(kind: Kind, seed: int) -> str | BendError:
    """What comes of loading; with random numbers of its own, as in another process."""
    torch.manual_seed(seed)
    try:
        return digest(kind.load())
    except BendError as error:
        return error
    except UNLOADABLE as error:  # which load_pipeline says in words of its own
        return BendError(Code.MODEL_INVALID, str(error))


@pytest.mark.parametrize("name", KINDS)
def test_every_change_is_refused_by_name_or_the_same_everywhere(name: str, make: Callable[[str], Kind]) -> None:
    kind = make(name)
    whole = kind.file.read_bytes()
    tensors, metadata = load_file(kind.file), {"format": "pt"}
    good = outcome(kind, 1)
    assert isinstance(good, str) and good == outcome(kind, 2)
    for number in range(CHANGES):
        new, chosen = changed(tensors, random.Random(f"{name} {number}"))
        save_file(new, kind.file, metadata)
        first = outcome(kind, 1)
        if isinstance(first, str):
            assert first == outcome(kind, 2), chosen
            continue
        words = first.message
        assert first.code == Code.MODEL_INVALID or str(first.code).startswith("lora_"), words
        assert names_one(words, [*chosen, *new]) or kind.file.name in words or named(words), (words, chosen)
    kind.file.write_bytes(whole)
    assert outcome(kind, 3) == good


def named(words: str) -> bool:
    """Whether words name the file instead: one without tensors has no other name, nor has an embedding's."""
    return "embedding 'it'" in words or "LoRA ink is empty" in words


def names_one(words: str, names: list[str]) -> bool:
    """Whether words name a tensor, as the file or the network calls it."""
    return any(name.removeprefix("text_model.").rstrip("_") in words for name in names)


def test_a_list_of_shards_that_lies_is_refused(make: Callable[[str], Kind]) -> None:
    kind = make("sharded-unet")
    shard = sorted(kind.file.parent.glob("*.safetensors"))[1]
    tensors = load_file(shard)
    lost = sorted(tensors)[0]
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, shard, {"format": "pt"})
    error = outcome(kind, 1)
    assert isinstance(error, BendError) and lost in error.message
    save_file({**tensors, **load_file(kind.file)}, shard, {"format": "pt"})
    error = outcome(kind, 1)
    assert isinstance(error, BendError) and "both in" in error.message
    save_file({**tensors, lost: tensors[lost].to(torch.int64)}, shard, {"format": "pt"})
    error = outcome(kind, 1)
    assert isinstance(error, BendError) and lost in error.message and "I64" in error.message
