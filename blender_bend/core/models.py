"""Which model a name means, where its files are, and the fingerprint of their content."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import BendError, Code

MINI = "mini"
MINI_PATH = Path(__file__).resolve().parent.parent / "models" / "mini"

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PROBES = 16
_PROBE_BYTES = 1 << 16


@dataclass(frozen=True)
class ModelReference:
    """A model whose files are on this machine."""

    name: str
    path: str
    fingerprint: str


def is_hub_id(name: str) -> bool:
    """Whether the name has the form ``owner/model`` of the Hugging Face hub."""
    return bool(_HUB_ID.fullmatch(name)) and ".." not in name


def hub_cache() -> Path:
    """The folder in which huggingface_hub keeps its downloads."""
    if "HF_HUB_CACHE" in os.environ:
        return Path(os.environ["HF_HUB_CACHE"])
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "huggingface"
    return Path(home) / "hub"


def resolve(name: str, folders: Mapping[str, str]) -> ModelReference:
    """Find the files of a model.

    Parameters
    ----------
    name : ``mini``, a name from the preferences, or a hub id
    folders : the preferences' model folders by name

    Raises
    ------
    BendError(MODEL_MISSING) if there is no such model here; for a hub id the action is the download.
    BendError(MODEL_INVALID) if its folder is not a diffusers model.
    """
    if name == MINI:
        return _reference(name, MINI_PATH)
    if name in folders:
        return _reference(name, Path(folders[name]))
    if is_hub_id(name):
        snapshot = _hub_snapshot(name)
        if snapshot is None:
            raise BendError(
                Code.MODEL_MISSING,
                f"The model {name} is not downloaded yet.",
                "Download it once; it stays on this machine.",
                "bend.download_model",
            )
        return _reference(name, snapshot)
    raise BendError(
        Code.MODEL_MISSING,
        f"There is no model called '{name}'.",
        "Choose mini, write a hub id such as owner/model, or add its folder in the preferences.",
        "bend.open_preferences",
    )


def resolve_decoder(name: str, folders: Mapping[str, str]) -> ModelReference:
    """Find the files of a decoder.

    Parameters
    ----------
    folders : the preferences' decoder folders by name

    Raises
    ------
    BendError(MODEL_MISSING) if there is no such decoder here.
    BendError(MODEL_INVALID) if its folder has no ``config.json`` or no ``.safetensors``.
    """
    path = _named(name, folders, "decoder")
    if not (path / "config.json").is_file() or not any(path.glob("*.safetensors")):
        raise BendError(
            Code.MODEL_INVALID,
            f"{path} is not a decoder: it lacks config.json or .safetensors weights.",
            "Choose the folder of an autoencoder, such as TAESD.",
            "bend.open_preferences",
        )
    return ModelReference(name, str(path), fingerprint(path))


def resolve_lora(name: str, files: Mapping[str, str]) -> ModelReference:
    """Find the file of a LoRA.

    Parameters
    ----------
    files : the preferences' LoRA files by name

    Raises
    ------
    BendError(MODEL_MISSING) if there is no such LoRA here.
    BendError(MODEL_INVALID) if it is not a ``.safetensors`` file.
    """
    path = _named(name, files, "LoRA")
    if path.suffix != ".safetensors" or not path.is_file():
        raise BendError(
            Code.MODEL_INVALID,
            f"{path} is not a LoRA: it must be a .safetensors file.",
            "Choose the file in the preferences.",
            "bend.open_preferences",
        )
    return ModelReference(name, str(path), file_fingerprint(path))


def _named(name: str, paths: Mapping[str, str], what: str) -> Path:
    if name not in paths:
        raise BendError(
            Code.MODEL_MISSING,
            f"There is no {what} called '{name}'.",
            f"Choose another one, or add this {what} in the preferences.",
            "bend.open_preferences",
        )
    return Path(paths[name])


def _hub_snapshot(name: str) -> Path | None:
    folder = hub_cache() / ("models--" + name.replace("/", "--"))
    reference = folder / "refs" / "main"
    if not reference.is_file():
        return None
    snapshot = folder / "snapshots" / reference.read_text().strip()
    return snapshot if _is_complete(snapshot) else None


def _is_complete(snapshot: Path) -> bool:
    """Whether a download got through: every part of the network has its weights."""
    try:
        parts = json.loads((snapshot / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    networks = [
        name
        for name in parts
        if name.startswith(("unet", "transformer", "vae", "text_encoder")) and parts[name] != [None, None]
    ]
    return all(any((snapshot / name).glob("*.safetensors")) for name in networks)


def _reference(name: str, path: Path) -> ModelReference:
    if not (path / "model_index.json").is_file():
        raise BendError(
            Code.MODEL_INVALID,
            f"{path} is not a diffusers model: it has no model_index.json.",
            "Choose a folder that diffusers' save_pretrained has written.",
            "bend.open_preferences",
        )
    return ModelReference(name, str(path), fingerprint(path))


def fingerprint(path: Path) -> str:
    """A hash of a model folder: of every configuration whole, and of every weight file's size and samples.

    Weights are probed at 16 places of 64 KiB besides their header, so that gigabytes take milliseconds; two
    trainings of one architecture differ in every probe.
    """
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and file.suffix in {".json", ".txt", ".safetensors", ".model"}
    )
    listing = tuple((file.relative_to(path).as_posix(), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return _fingerprint(str(path), listing)


def file_fingerprint(path: Path) -> str:
    """The same hash of a single weight file."""
    status = path.stat()
    return _fingerprint(str(path.parent), ((path.name, status.st_size, status.st_mtime_ns),))


@functools.lru_cache(maxsize=32)
def _fingerprint(path: str, listing: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, size, _ in listing:
        digest.update(f"{name}\0{size}\0".encode())
        with open(Path(path) / name, "rb") as file:
            if size <= _PROBES * _PROBE_BYTES:
                digest.update(file.read())
                continue
            for probe in range(_PROBES + 1):
                file.seek((size - _PROBE_BYTES) * probe // _PROBES)
                digest.update(file.read(_PROBE_BYTES))
    return digest.hexdigest()
