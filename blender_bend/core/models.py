"""Which model a name means, where its files are, and the fingerprint of their content."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import hub, known_models, model_checks, model_files, single_files, weight_files
from .errors import BendError, Code

MINI = "mini"
MINI_PATH = Path(__file__).resolve().parent.parent / "models" / "mini"

_PROBES = 16
_PROBE_BYTES = 1 << 16


@dataclass(frozen=True)
class ModelReference:
    """A model whose files are on this machine."""

    name: str
    path: str
    fingerprint: str


def resolve(name: str, folders: Mapping[str, str]) -> ModelReference:
    """Find the files of a model.

    Parameters
    ----------
    name : ``mini``, a name from the preferences, or a hub id
    folders : the preferences' model folders and single files by name

    Raises
    ------
    BendError(MODEL_MISSING) if there is no such model here; for a hub id the action is the download.
    BendError(MODEL_INVALID) if its folder is not a diffusers model, or its file not a whole one; and what
    ``model_checks.check`` raises for models that Bend can't bend.
    """
    if name == MINI:
        return _reference(name, MINI_PATH)
    if name in folders:
        path = Path(folders[name])
        return _single_file(name, path) if single_files.is_one(path) else _reference(name, path)
    if hub.is_id(name):
        snapshot = hub.snapshot(name)
        files = snapshot or hub.begun(name)
        missing = model_files.missing(files) if files else []
        if snapshot is None or missing:
            raise _not_downloaded(name, len(missing))
        return _reference(name, snapshot, name)
    raise BendError(
        Code.MODEL_MISSING,
        f"There is no model called '{name}'.",
        "Choose mini, write a hub id such as owner/model, or add its folder in the preferences.",
        "bend.open_preferences",
    )


def _not_downloaded(name: str, missing: int) -> BendError:
    known = known_models.known(name)
    size = f"about {known.gigabytes:.0f} GB" if known else "it may be several gigabytes"
    return BendError(
        Code.MODEL_MISSING,
        f"The download of {name} is not complete: {missing} {'file is' if missing == 1 else 'files are'} missing."
        if missing
        else f"The model {name} is not downloaded yet.",
        f"Download it once, {size}; it stays on this machine.",
        "bend.download_model",
    )


@dataclass(frozen=True)
class Download:
    """What must be fetched for a model.

    Parameters
    ----------
    model : hub id
    weights : whether the weights are wanted, or only the settings
    """

    model: str
    weights: bool = True


def download_for(name: str, folders: Mapping[str, str]) -> Download | None:
    """What the download button fetches for a model; None if nothing is wanted of the hub.

    Raises
    ------
    BendError(MODEL_INVALID) for a single file that is no model
    """
    if name in folders:
        path = Path(folders[name])
        single = single_files.is_one(path)
        return Download(single_files.kind_of(path).described_by, weights=False) if single else None
    return Download(name) if hub.is_id(name) else None


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
    names = model_files.listing(path).names
    if "config.json" not in names or weight_files.weights_of("vae", names).missing:
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


def _reference(name: str, path: Path, called: str = "") -> ModelReference:
    model_checks.check(called or f"The model in {path}", model_files.listing(path))
    return ModelReference(name, str(path), fingerprint(path))


def _single_file(name: str, path: Path) -> ModelReference:
    kind = single_files.kind_of(path)
    description = single_files.description(kind)
    if description is None:
        raise BendError(
            Code.MODEL_MISSING,
            f"The settings of {kind.label}, which {path.name} needs, are not downloaded yet.",
            "Download them once; they are a few megabytes.",
            "bend.download_model",
        )
    both = file_fingerprint(path) + _settings_fingerprint(description)
    return ModelReference(name, str(path), hashlib.sha256(both.encode()).hexdigest())


def model_fingerprint(path: Path) -> str:
    """The fingerprint that ``resolve`` gives a model, be it a folder or a single file.

    Raises
    ------
    BendError(MODEL_MISSING) if the settings of a single file are not downloaded.
    """
    return _single_file(path.name, path).fingerprint if path.is_file() else fingerprint(path)


def fingerprint(path: Path) -> str:
    """A hash of a model folder: of every configuration whole, and of every weight file's size and samples.

    Weights are probed at 16 places of 64 KiB besides their header, so that gigabytes take milliseconds; two
    trainings of one architecture differ in every probe.
    """
    files = (file for file in path.rglob("*") if file.suffix in {".json", ".txt", ".safetensors", ".model"})
    return _fingerprint_of(path, files)


def _settings_fingerprint(description: Path) -> str:
    """The same hash of a folder's configurations only; whether there are weights as well makes no difference."""
    files = (file for part in model_files.parts_of(description) for file in (description / part).iterdir())
    return _fingerprint_of(description, filter(model_files.is_setting, files))


def _fingerprint_of(path: Path, files: Iterable[Path]) -> str:
    kept = sorted(file for file in files if file.is_file())
    listing = tuple((file.relative_to(path).as_posix(), file.stat().st_size, file.stat().st_mtime_ns) for file in kept)
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
