"""The files that a folder must have to be a diffusers model, and those that it lacks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

INDEX = "model_index.json"
#: The parts that are networks, by the beginning of their names, and what their weights are called.
WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "transformer": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
#: The files of which a tokenizer needs at least one.
_VOCABULARIES = ("tokenizer.json", "vocab.json", "spiece.model")
_SHARD = re.compile(r".*-\d{5}-of-\d{5}.*\.safetensors")


def parts_of(folder: Path) -> list[str]:
    """The parts that a model's index names and does not leave out.

    Raises
    ------
    OSError, ValueError if the index cannot be read
    """
    return parts_in(json.loads((folder / INDEX).read_text(encoding="utf-8")))


def parts_in(index: dict[str, Any]) -> list[str]:
    """The parts of an index that Bend loads: networks, tokenizers and the scheduler.

    Raises
    ------
    ValueError if it is no index
    """
    if not isinstance(index, dict):
        raise ValueError("not an index")
    named = [name for name, value in index.items() if isinstance(value, list) and value != [None, None]]
    return [name for name in named if name.startswith((*WEIGHTS, "tokenizer", "scheduler")) and name.isidentifier()]


def weights_of(part: str) -> str:
    """What the weights of a part are called; empty for a part without weights."""
    return next((stem for beginning, stem in WEIGHTS.items() if part.startswith(beginning)), "")


def missing(folder: Path, weights: bool = True) -> list[str]:
    """The files that a model folder lacks, by their paths within it; empty if it is complete.

    Parameters
    ----------
    weights : whether the weights must be there as well
    """
    try:
        parts = parts_of(folder)
    except (OSError, ValueError):
        return [INDEX]
    return [f"{part}/{name}" for part in parts for name in _missing_in(folder / part, weights)]


def _missing_in(part: Path, weights: bool) -> list[str]:
    if part.name.startswith("scheduler"):
        return [] if (part / "scheduler_config.json").is_file() else ["scheduler_config.json"]
    if part.name.startswith("tokenizer"):
        if not any((part / name).is_file() for name in _VOCABULARIES):
            return ["tokenizer.json"]
        halved = (part / "vocab.json").is_file() and not (part / "tokenizer.json").is_file()
        return ["merges.txt"] if halved and not (part / "merges.txt").is_file() else []
    lacking = [] if (part / "config.json").is_file() else ["config.json"]
    return lacking + (_missing_weights(part) if weights else [])


def _missing_weights(part: Path) -> list[str]:
    """The shards that are not there; the whole file if there are neither shards nor a whole one."""
    present = {file.name for file in part.glob("*.safetensors")}
    if any(not _SHARD.fullmatch(name) for name in present):
        return []
    lacking = [_lacking_shards(index, present) for index in part.glob("*.safetensors.index*.json")]
    return min(lacking, key=len) if lacking else [f"{weights_of(part.name)}.safetensors"]


def _lacking_shards(index: Path, present: set[str]) -> list[str]:
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [index.name]
    return sorted(shards - present)


def is_setting(file: Path) -> bool:
    """Whether a file of a part is a configuration or a vocabulary; a list of shards is neither."""
    return file.suffix in {".json", ".txt", ".model"} and ".safetensors" not in file.name


def pickled(folder: Path) -> bool:
    """Whether a folder has weights in the form that Bend never loads."""
    return any(folder.glob("*/*.bin"))


def variant(folder: Path) -> str | None:
    """``fp16`` if a part has its weights in half precision only, as diffusers wants to be told; else None."""
    for part in parts_of(folder):
        names = [file.name for file in (folder / part).glob("*.safetensors")]
        if names and all(".fp16" in name for name in names):
            return "fp16"
    return None
