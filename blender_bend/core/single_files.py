"""Models in one ``.safetensors`` file, as artists share them: which kind one is, and whose settings fit it.

Such a file holds weights only. The configurations and the tokenizer, a few megabytes, come from the hub's model of the
same kind.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import hub, model_files
from .errors import BendError, Code

SUFFIX = ".safetensors"
#: What other programs call such files; they are refused by name, because they are pickles.
_PICKLES = {".ckpt", ".pt", ".pth", ".bin"}
_LONGEST_HEADER = 100_000_000
_FIRST_LAYER = "model.diffusion_model.input_blocks.0.0.weight"


@dataclass(frozen=True)
class Kind:
    """A kind of model that comes in one file.

    Parameters
    ----------
    marker : a tensor that only this kind has
    described_by : the hub's model whose settings fit
    pipeline : diffusers' class for it
    """

    label: str
    marker: str
    described_by: str
    pipeline: str


#: Names of tensors as in diffusers' ``loaders/single_file_utils.py``.
KINDS = (
    Kind(
        "Stable Diffusion 1",
        "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "StableDiffusionPipeline",
    ),
    Kind(
        "Stable Diffusion XL",
        "conditioner.embedders.1.model.positional_embedding",
        "stabilityai/stable-diffusion-xl-base-1.0",
        "StableDiffusionXLPipeline",
    ),
)
#: What a whole model consists of: a word for it, and the beginning of its tensors' names.
_PARTS = {
    "the UNet": ("model.diffusion_model.",),
    "the autoencoder": ("first_stage_model.",),
    "the text encoder": ("cond_stage_model.", "conditioner."),
}


def is_one(path: Path) -> bool:
    """Whether a path means a single file, there or not."""
    return not path.is_dir() and (path.is_file() or path.suffix in {SUFFIX, *_PICKLES})


def header(file: Path) -> dict[str, Any]:
    """The names, types and shapes of a safetensors file. Format: github.com/huggingface/safetensors#format

    Raises
    ------
    OSError, ValueError if it is none
    """
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > _LONGEST_HEADER:
            raise ValueError("too long")
        found = json.loads(stream.read(length))
    if not isinstance(found, dict):
        raise ValueError("not a header")
    return found


def kind_of(file: Path) -> Kind:
    """Which kind of model a file is.

    Raises
    ------
    BendError(MODEL_INVALID) naming what is missing in it
    """
    if file.suffix != SUFFIX:
        raise _unfit(file, f"it is not a {SUFFIX} file; others can carry programs and are never loaded")
    try:
        tensors = header(file)
    except (OSError, ValueError) as error:
        raise _unfit(file, "the file is not there" if not file.exists() else "the file is damaged") from error
    lacking = [part for part, names in _PARTS.items() if not any(name.startswith(names) for name in tensors)]
    if lacking:
        raise _unfit(file, f"it lacks {', '.join(lacking)}")
    kind = next((kind for kind in KINDS if kind.marker in tensors), None)
    if kind is None:
        raise _unfit(file, f"it is neither {' nor '.join(kind.label for kind in KINDS)}")
    shape = tensors.get(_FIRST_LAYER, {}).get("shape", [0, 4])
    if shape[1] != 4:
        raise _unfit(file, "it is made for inpainting")
    return kind


def _unfit(file: Path, why: str) -> BendError:
    return BendError(
        Code.MODEL_INVALID,
        f"{file.name} cannot be used as a model: {why}.",
        "Choose a checkpoint of Stable Diffusion 1 or XL, or a folder as diffusers writes it.",
        "bend.open_preferences",
    )


def description(kind: Kind) -> Path | None:
    """The folder with the settings of a kind, if they have been downloaded."""
    found = hub.snapshot(kind.described_by)
    return found if found is not None and not model_files.missing(found, weights=False) else None
