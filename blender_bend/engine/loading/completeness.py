"""Text encoders are compared with their files before they are loaded: transformers does not name a wrong shape."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
import transformers

from ...core import model_files
from ...core.safetensors_file import header

#: The text encoders of the pipelines that Bend knows.
_TEXT_ENCODERS = ("CLIPTextModel", "CLIPTextModelWithProjection", "T5EncoderModel")
#: Marks of weight files that stand beside the ones that are loaded.
_VARIANTS = (".fp16", ".bf16", ".non_ema")


def require_text_encoders(folder: Path) -> None:
    """See that the files of a model's text encoders hold all of their weights, before they are loaded.

    Raises
    ------
    ValueError naming a weight that is missing or has another shape; OSError if a file cannot be read
    """
    index = json.loads((folder / model_files.INDEX).read_text(encoding="utf-8"))
    for part in model_files.parts_in(index):
        kind = index[part][1]
        if part.startswith("text_encoder") and kind in _TEXT_ENCODERS:
            _require_whole(folder / part, getattr(transformers, kind))


def _require_whole(folder: Path, kind: Any) -> None:
    config = kind.config_class.from_pretrained(str(folder), local_files_only=True)
    if getattr(config, "quantization_config", None):
        return
    stored = _stored(folder)
    with torch.device("meta"):
        network = kind(config)
    spellings = defaultdict(list)  # weights that two layers share have two names
    for name, weight in network.named_parameters(remove_duplicate=False):
        spellings[id(weight)].append((name, tuple(weight.shape)))
    absent = []
    for names in spellings.values():
        found = next((short for name, _ in names if (short := _short(name)) in stored), None)
        name, shape = names[0]
        if found is None:
            absent.append(name)
        elif stored[found] != shape:
            raise ValueError(f"{folder.name}: {name} is {times(stored[found])}, and {times(shape)} is wanted")
    if absent:
        raise ValueError(f"{folder.name} lacks {some(absent)}")


def _stored(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights that would be loaded."""
    files = sorted(folder.glob("*.safetensors"))
    plain = [file for file in files if not any(mark in file.name for mark in _VARIANTS)]
    tensors = (item for file in plain or files for item in header(file).items())
    return {_short(name): tuple(value["shape"]) for name, value in tensors if name != "__metadata__"}


def _short(name: str) -> str:
    """A weight's name without the word that some versions of transformers put before it."""
    return name.removeprefix("text_model.")


def times(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return " × ".join(map(str, shape)) or "a single number"


def some(found: list[str]) -> str:
    """The first of many names, and how many more there are."""
    more = f" and {len(found) - 2} more" if len(found) > 3 else ""
    return ", ".join(found[: 2 if more else 3]) + more
