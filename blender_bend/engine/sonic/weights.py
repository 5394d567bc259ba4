"""Reading weight files without ever running what is in them."""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...core.checkpoints import safetensors_file
from ...core.errors import BendError, Code
from ...core.files.whole import open_regular
from ..host.alignment import aligned

Weights = dict[str, Tensor]

#: What is often saved in place of a weight file, by its first bytes.
_IMPOSTORS = {
    b"version https://git-lfs": ("a Git LFS pointer", "Download the file itself with `git lfs pull`."),
    b"<": ("a web page", "Download the file again: the site returned a web page instead."),
    b"\x1f\x8b": ("a packed archive", "Unpack it first."),
}
_WRAPPERS = ("model", "state_dict", "module")


def read_weights(path: Path) -> Weights:
    """The tensors of a ``.safetensors`` or a torch file, by name, on the CPU; nothing in it is executed.

    Raises
    ------
    BendError(MODEL_MISSING) if there is no such file
    BendError(MODEL_INVALID) if it is cut off, holds more than tensors, or is something else
    """
    try:
        with open_regular(path, follow=True) as file:
            head = file.read(64)
    except OSError as error:
        message = f"The weight file {path} can't be opened: {error.strerror}."
        raise BendError(
            Code.MODEL_MISSING, message, "Choose the file in the preferences.", "bend.open_preferences"
        ) from error
    for beginning, (what, hint) in _IMPOSTORS.items():
        if head.lstrip().startswith(beginning):
            raise _invalid(path, f"is {what}, not a weight file", hint)
    if not head:
        raise _invalid(path, "is empty", "Download the file again.")
    if head[8:9] == b"{":
        return _read_safetensors(path)
    if head[:2] == b"PK":
        if not zipfile.is_zipfile(path):
            raise _truncated(path)
        return _named(path, load_torch(path, mapped=True))
    if head[:1] == b"\x80":  # as torch saved before 1.6
        return _named(path, load_torch(path))
    raise _invalid(path, "is not a weight file", "Choose a .safetensors, .pt or .pth file.")


def metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says about itself; empty for other files."""
    return dict(_contents(path).metadata) if path.suffix.lower() == ".safetensors" else {}


def _contents(path: Path) -> safetensors_file.Contents:
    try:
        return safetensors_file.contents(path)
    except safetensors_file.CutOff as error:
        raise _truncated(path) from error
    except (OSError, ValueError) as error:
        raise _invalid(path, f"can't be read: {error}", "Download the file again.") from error


def _read_safetensors(path: Path) -> Weights:
    _contents(path)  # a header that would take gigabytes is refused here
    try:
        with safe_open(path, "pt") as file:
            return {name: aligned(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except SafetensorError as error:
        raise _invalid(path, f"can't be read: {error}", "Download the file again.") from error


def load_torch(path: Path, mapped: bool = False) -> object:
    """What ``torch.save`` has written, if it is plain data; nothing in it is executed.

    Raises
    ------
    BendError(MODEL_INVALID) if it is damaged, or holds more than plain data
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise _truncated(path) from error
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"contains code ({code[1]}), which Bend doesn't run" if code else "isn't a plain weight file"
        raise _invalid(path, what, "Use the authors' file, or one saved as .safetensors.") from error
    except (EOFError, OSError, IndexError, struct.error) as error:
        raise _truncated(path) from error
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        if "PytorchStreamReader failed reading file" in str(error) or "unexpected EOF" in str(error):
            raise _truncated(path) from error
        raise _invalid(path, "is not a weight file", "Choose a .safetensors, .pt or .pth file.") from error


def _named(path: Path, loaded: object) -> Weights:
    """Names and tensors, taken out of what trainings wrap around them."""
    for wrapper in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
    tensors = loaded if isinstance(loaded, Mapping) else {}
    found = {
        name.removeprefix("module."): aligned(value.detach())
        for name, value in tensors.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    if not found:
        raise _invalid(path, "has no named weights", "Choose a file with a model's state.")
    return found


def _truncated(path: Path) -> BendError:
    size = path.stat().st_size / 2**20
    return _invalid(path, f"is incomplete: it ends after {size:.1f} MB", "Download the file again.")


def _invalid(path: Path, what: str, hint: str) -> BendError:
    return BendError(Code.MODEL_INVALID, f"{path.name} {what}.", hint, "bend.open_preferences")
