"""Reading a LoRA file: its tensors, sorted by the layer that they belong to and by what they are there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ....core.checkpoints.safetensors_file import contents
from ....core.errors import BendError, Code
from ....core.files import foreign_json
from ..failures import reason

#: What a tensor is to its layer, by the end of its name. Everything before is the layer's name.
_ROLES = tuple(
    (re.compile(end), role)
    for end, role in (
        (r"\.lora_(?:down|A)(?:\.[\w-]+)?\.weight", "down"),
        (r"\.lora_(?:up|B)(?:\.[\w-]+)?\.weight", "up"),
        (r"\.lora_(?:up|B)(?:\.[\w-]+)?\.bias", "up_bias"),
        (r"(?:\.lora|\.lora_linear_layer|_lora)\.down\.weight", "down"),
        (r"(?:\.lora|\.lora_linear_layer|_lora)\.up\.weight", "up"),
        (r"\.lora_mid\.weight", "mid"),
        (r"\.alpha", "alpha"),
        (r"\.dora_scale", "dora"),
        (r"\.lora_magnitude_vector(?:\.[\w-]+)?(?:\.weight)?", "magnitude"),
        (r"\.diff|\.w_norm", "diff"),
        (r"\.diff_b|\.b_norm", "diff_bias"),
        *((rf"\.({name})(?:\.[\w-]+)?", name) for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")),
        *((rf"\.({name})(?:\.[\w-]+)?", name) for name in ("hada_t1", "hada_t2", "lokr_w1", "lokr_w2", "lokr_t2")),
        *((rf"\.({name})(?:\.[\w-]+)?", name) for name in ("lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b")),
    )
)
#: XLabs' names for FLUX: the number says which stream.
_XLABS = re.compile(r"\.processor\.(qkv|proj)_lora(\d?)\.(down|up)\.weight")
#: The kinds that Bend does not apply, by the end of a name.
_OTHER_KINDS = {
    r"\.(oft_blocks|oft_diag|oft_R(\.[\w-]+)?(\.weight)?)": "OFT",
    r"\.boft_\w+(\.[\w-]+)?": "BOFT",
    r"\.(a1|a2|b1|b2|bm)\.weight": "GLoRA",
    r"\.(on_input|ia3_l(\.[\w-]+)?)": "(IA)³",
    r"\.vera_\w+(\.[\w-]+)?": "VeRA",
    r"\.lora_E(\.[\w-]+)?": "AdaLoRA",
    r"\.lora_embedding_[AB](\.[\w-]+)?": "LoRA of word embeddings",
    r"\.(reshape_weight|set_weight)": "control LoRA",
}


@dataclass
class Entry:
    """The tensors of one layer, by what they are.

    Parameters
    ----------
    name : of the layer, as the file has it
    keys : the names of the tensors in the file, likewise
    """

    name: str
    parts: dict[str, Tensor] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def key(self, role: str = "") -> str:
        """The name of one of its tensors; without a role of the one that says most."""
        rest = [key for role, key in self.keys.items() if role != "alpha"]
        return self.keys.get(role) or (rest or list(self.keys.values()))[0]


@dataclass
class Contents:
    """A LoRA file.

    Parameters
    ----------
    others : names of tensors that are of no layer
    shapes : of all tensors by name
    settings : what diffusers and peft wrote about ranks and alphas, by the pipeline's parts
    metadata : the file's header
    """

    entries: list[Entry]
    others: list[str]
    shapes: dict[str, tuple[int, ...]]
    settings: dict[str, Any]
    metadata: dict[str, str]


def read(path: Path, name: str) -> Contents:
    """Read a LoRA file.

    Parameters
    ----------
    name : of the LoRA, for messages

    Raises
    ------
    BendError(MODEL_MISSING), BendError(LORA_INVALID), BendError(LORA_KIND)
    """
    if path.suffix.lower() != ".safetensors":
        raise _invalid(f"The LoRA {name} is not a .safetensors file: {path}.", "Choose a .safetensors file.")
    if not path.is_file():
        raise BendError(
            Code.MODEL_MISSING,
            f"The file of the LoRA {name} is missing: {path}.",
            "Choose its file.",
            "bend.open_preferences",
        )
    try:
        metadata = dict(contents(path).metadata)  # a header that would take gigabytes is refused here
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, ValueError, SafetensorError) as error:
        raise _invalid(f"The LoRA {name} can't be read: {reason(error)}.", "Download the file again.") from error
    return sort(tensors, metadata, name)


def sort(tensors: dict[str, Tensor], metadata: dict[str, str], name: str) -> Contents:
    """Sort tensors by their layers.

    Raises
    ------
    BendError(LORA_INVALID) if a number is not finite; BendError(LORA_KIND) if Bend does not apply this kind
    """
    entries: dict[str, Entry] = {}
    others = []
    for key, tensor in tensors.items():
        layer, role = _role(key)
        if not role:
            others.append(key)
            continue
        entry = entries.setdefault(layer, Entry(layer))
        if role in entry.parts:
            raise _invalid(f"The LoRA {name} names the same weight twice: {key}.", "Choose another file.")
        entry.parts[role] = tensor
        entry.keys[role] = key
        if tensor.is_complex() or not torch.isfinite(tensor.float()).all():
            raise _invalid(
                f"The LoRA {name} has numbers that are not finite, in {key}.",
                "Its training failed, or the file is damaged: use another one.",
            )
    for key in others:
        kind = next((kind for end, kind in _OTHER_KINDS.items() if re.search(end + "$", key)), "")
        if kind:
            raise BendError(
                Code.LORA_KIND,
                f"The LoRA {name} is of type {kind}, which Bend doesn't support: {key}.",
                "LoRA, LoCon, DoRA, LoHa, LoKr and full weight differences work; merge other kinds into a model.",
                "bend.open_preferences",
            )
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    return Contents(list(entries.values()), others, shapes, _settings(metadata), metadata)


def _role(key: str) -> tuple[str, str]:
    """The layer that a tensor belongs to, and what it is there; two empty texts if it is of no layer."""
    if (found := _XLABS.search(key)) and found.end() == len(key):
        return f"{key[: found.start()]}.{found[1]}{found[2]}", found[3]
    for end, role in _ROLES:
        found = re.search(f"(?:{end.pattern})$", key)
        if found and found.start():
            return key[: found.start()].replace(".processor.", "."), role
    return "", ""


def _settings(metadata: dict[str, str]) -> dict[str, Any]:
    """What diffusers writes beside the weights it saves: ``unet.lora_alpha`` and the like."""
    try:
        return foreign_json.parse(metadata.get("lora_adapter_metadata", "{}"))
    except foreign_json.Unreadable:
        return {}


def _invalid(message: str, hint: str) -> BendError:
    return BendError(Code.LORA_INVALID, message, hint, "bend.open_preferences")
