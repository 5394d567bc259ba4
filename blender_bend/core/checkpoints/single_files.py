"""Models in one ``.safetensors`` file, as artists share them: which kind one is, and the settings that it lacks.

Such a file holds weights only. The configurations of the three kinds, a few kilobytes, ship with Bend; so does CLIP's
vocabulary, which all of them share (openai/CLIP, MIT licence).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import BendError, Code
from . import file_kinds, tensor_names
from .safetensors_file import Contents, contents
from .training_marks import Marks, marks_of, scheduler_of

__all__ = ["KINDS", "SETTINGS", "Kind", "has_decoder", "is_one", "kind_of", "named", "require_decoder"]

SUFFIX = ".safetensors"
#: What other programs call such files. Pickles are refused by name, because they can carry programs.
_PICKLES = {".ckpt", ".pt", ".pth", ".bin"}
_QUANTIZED = ".gguf"
#: Where the configurations and the vocabulary are.
SETTINGS = Path(__file__).resolve().parents[2] / "models" / "settings"


@dataclass(frozen=True)
class Kind:
    """A kind of model that comes in one file.

    Parameters
    ----------
    name : that of its settings
    marker : what the names of a text encoder begin with that only this kind has
    """

    name: str
    label: str
    marker: str

    @property
    def settings_file(self) -> Path:
        """Its configurations."""
        return SETTINGS / f"{self.name}.json"

    def settings(self) -> dict[str, Any]:
        """The configurations of its parts by name, and under ``pipeline`` diffusers' class for it."""
        read: dict[str, Any] = json.loads(self.settings_file.read_text(encoding="utf-8"))
        return read


def vocabulary_files() -> list[Path]:
    """CLIP's vocabulary."""
    return sorted(file for file in (SETTINGS / "clip").iterdir() if file.suffix in {".json", ".txt"})


#: The order counts: a file of the second kind is told from one of the first by what is in it besides.
KINDS = (
    Kind("sdxl", "Stable Diffusion XL", tensor_names.OPEN_CLIP["sdxl"]),
    Kind("sd2", "Stable Diffusion 2", tensor_names.OPEN_CLIP["sd2"]),
    Kind("sd1", "Stable Diffusion 1", tensor_names.CLIP["sd1"][-1]),
)


def is_one(path: Path) -> bool:
    """Whether a path means a single file, there or not."""
    return not path.is_dir() and (path.is_file() or path.suffix.lower() in {SUFFIX, *_PICKLES, _QUANTIZED})


def named(file: Path) -> Contents:
    """What a checkpoint holds, by the names as published: some programs put words before all of them.

    Raises
    ------
    BendError(MODEL_INVALID) if it is no safetensors file, or damaged
    """
    if file.suffix.lower() == _QUANTIZED:
        why = "it is a GGUF file, whose weights are quantized for other programs"
        raise _unfit(file, why, code=Code.MODEL_QUANTIZED)
    if file.suffix.lower() != SUFFIX:
        why = f"it is not a {SUFFIX} file; other formats can run code and are never loaded"
        raise _unfit(file, why, code=Code.MODEL_PICKLED)
    try:
        status = file.stat()
        return _named(str(file), status.st_size, (status.st_mtime_ns, status.st_ctime_ns))
    except (OSError, ValueError) as error:
        raise _unfit(file, "the file doesn't exist" if not file.exists() else "the file is damaged") from error


@functools.lru_cache(maxsize=16)
def _named(file: str, _size: int, _changed: tuple[int, int]) -> Contents:
    found = contents(Path(file))
    wrapper = _wrapper(found)
    return replace(found, tensors={name.removeprefix(wrapper): entry for name, entry in found.tensors.items()})


def _wrapper(found: Contents) -> str:
    """What stands before the published names: nothing, or ``state_dict.``, ``model.`` …"""
    for mark in (tensor_names.UNET, tensor_names.AVERAGE):
        for name in found.tensors:
            before, here, _ = name.partition(mark)
            if here and (not before or before.endswith(".")):
                return before
    return ""


def kind_of(file: Path) -> Kind:
    """Which kind of model a file is; it may lack the autoencoder, see ``has_decoder``.

    Raises
    ------
    BendError(MODEL_INVALID) saying what is missing in it; MODEL_KIND, MODEL_PURPOSE, MODEL_QUANTIZED or MODEL_PICKLED
    saying what it is instead
    """
    found = named(file)
    kind, other = _judged(found.digest, str(file))
    if kind is None:
        raise _unfit(file, other.words, other.hint, other.code)
    return kind


@functools.lru_cache(maxsize=64)
def _judged(digest: str, file: str) -> tuple[Kind | None, file_kinds.Other]:
    """The kind of the file with a header, or what speaks against it; a panel asks whenever it is drawn."""
    found = named(Path(file))
    other = file_kinds.told(found)
    if other is not None:
        return None, other
    names = found.tensors
    if not any(name.startswith((tensor_names.UNET, f"{tensor_names.AVERAGE}diffusion_model")) for name in names):
        return None, file_kinds.Other("", "it lacks the UNet")
    kind = next((kind for kind in KINDS if any(name.startswith(kind.marker) for name in names)), None)
    if kind is None and any(name.startswith(tensor_names.CLIP["sdxl"]) for name in names):
        return None, file_kinds.Other("", "it lacks the second of the two text encoders")
    if kind is None:
        begun = any(name.startswith(("cond_stage_model.", "conditioner.")) for name in names)
        why = f"it is neither {' nor '.join(_labels())}" if begun else "it lacks the text encoder"
        return None, file_kinds.Other("", why)
    if kind.name == "sdxl" and not any(name.startswith(tensor_names.CLIP["sdxl"]) for name in names):
        return None, file_kinds.Other("", "it lacks the first of the two text encoders")
    return kind, file_kinds.Other("", "")


def _labels() -> list[str]:
    return sorted(kind.label for kind in KINDS)


def has_decoder(file: Path) -> bool:
    """Whether there is an autoencoder in a file.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    return any(name.startswith(tensor_names.AUTOENCODER) for name in named(file).tensors)


def require_decoder(file: Path) -> None:
    """See that there is an autoencoder in a file.

    Raises
    ------
    BendError(MODEL_INVALID) if there is none, and a decoder must be chosen
    """
    if not has_decoder(file):
        hint = "Choose a decoder under Prompt and Sampling to replace it, or a file with its autoencoder (VAE)."
        raise _unfit(file, "it lacks the autoencoder (VAE)", hint)


def marks(file: Path, kind: Kind) -> Marks:
    """How a file wants to be sampled.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    try:
        return marks_of(file, named(file), second=kind.name == "sd2")
    except OSError as error:
        raise _unfit(file, "the file cannot be read") from error


def scheduler(file: Path, kind: Kind) -> dict[str, Any]:
    """The configuration of a file's own scheduler.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    return scheduler_of(kind.settings()["scheduler"], marks(file, kind))


def _unfit(file: Path, why: str, hint: str = file_kinds.CHECKPOINT, code: Code = Code.MODEL_INVALID) -> BendError:
    return BendError(
        code,
        f"{file.name} can't be used as a model: {why}.",
        hint,
        "bend.open_preferences",
    )
