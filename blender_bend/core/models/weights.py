"""The weights of a model without loading them: how many numbers each part has, and in which format they are."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints import single_files, weight_files
from ..checkpoints.safetensors_file import contents
from ..errors import BendError
from ..files import foreign_json
from ..site_kinds import DENOISERS
from . import model_files
from .layouts import layout_of

#: The beginnings of tensors' names in a single file, by the part of a model that they belong to.
_IN_ONE_FILE = {
    "unet": ("model.diffusion_model.",),
    "vae": ("first_stage_model.",),
    "text_encoder": ("cond_stage_model.", "conditioner.embedders.0."),
    "text_encoder_2": ("conditioner.embedders.1.",),
}


@dataclass(frozen=True)
class Weights:
    """The weights of one part.

    Parameters
    ----------
    elements : how many numbers
    largest : how many the largest tensor has
    format : as safetensors calls the format of most of them: ``F32``, ``F16``, ``BF16`` …
    """

    elements: int
    largest: int
    format: str


def of_model(path: Path) -> dict[str, Weights]:
    """The weights of every part of a model folder or single file; empty if they cannot be told.

    Where a part is there in several formats, one of them counts: they are never loaded together.
    """
    try:
        files = tuple(sorted(_files(path)))
        return dict(_of_files(files, tuple(file.stat().st_mtime_ns for _, file in files)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, BendError):
        return {}


def asks_for_bfloat16(path: Path) -> bool:
    """Whether a model's network was published in bfloat16: its numbers may be too large for float16, as FLUX's are."""
    if path.is_dir():
        try:
            kind = (foreign_json.read(path / model_files.INDEX) or {}).get("_class_name")
        except foreign_json.Unreadable:
            kind = None
        layout = layout_of(kind) if isinstance(kind, str) else None
        if layout is not None and layout.overflows:
            return True
    weights = of_model(path)
    network = next((weights[part] for part in DENOISERS if part in weights), None)
    return network is not None and network.format == "BF16"


def _files(path: Path) -> Iterable[tuple[str, Path]]:
    """The files that hold weights, each with its part; a single file's part is empty."""
    if path.is_file():
        yield "", path
        return
    files = model_files.listing(path)
    for part in model_files.parts_of(path):
        if weight_files.stem_of(part):
            loaded = files.weights(part).files  # the list of shards is among them
            yield from ((part, path / part / name) for name in loaded if name.endswith(single_files.SUFFIX))


@functools.lru_cache(maxsize=32)
def _of_files(files: tuple[tuple[str, Path], ...], changed: tuple[int, ...]) -> tuple[tuple[str, Weights], ...]:
    tensors: dict[str, list[tuple[str, int]]] = {}
    for part, file in files:
        for name, entry in (contents(file) if part else single_files.named(file)).tensors.items():
            if owner := part or _owner(name):
                tensors.setdefault(owner, []).append((entry.dtype, math.prod(entry.shape)))
    return tuple((part, _sum(found)) for part, found in tensors.items())


def _owner(name: str) -> str:
    return next((part for part, beginnings in _IN_ONE_FILE.items() if name.startswith(beginnings)), "")


def _sum(tensors: list[tuple[str, int]]) -> Weights:
    by_format: dict[str, int] = {}
    for name, elements in tensors:
        by_format[name] = by_format.get(name, 0) + elements
    return Weights(
        sum(by_format.values()),
        max(elements for _, elements in tensors),
        max(by_format, key=lambda name: by_format[name]),
    )


def of_part(folder: Path) -> Weights | None:
    """The weights of one network's own folder, such as a decoder's; None if they cannot be told."""
    try:
        files = tuple(("it", file) for file in sorted(folder.glob("*.safetensors"))[:1])
        found = _of_files(files, tuple(file.stat().st_mtime_ns for _, file in files))
        return found[0][1] if found else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
