"""Which model a name means, where its files are, and the fingerprint of their content."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import embeddings, hub, known_models, model_checks, model_files, single_files, weight_files
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


def resolve(name: str, folders: Mapping[str, str], decoder: str = "") -> ModelReference:
    """Find the files of a model.

    Parameters
    ----------
    name : ``mini``, a name from the preferences, or a hub id
    folders : the preferences' model folders and single files by name
    decoder : the decoder that takes the place of the model's own; with one, a single file may lack its autoencoder

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
        return _single_file(name, path, decoder) if single_files.is_one(path) else _reference(name, path)
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


def download_for(name: str, folders: Mapping[str, str]) -> str | None:
    """What the download button fetches for a model: a hub id; None if nothing is wanted of the hub."""
    return name if name not in folders and hub.is_id(name) else None


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
    BendError(MODEL_MISSING) if there is no such LoRA or file here.
    BendError(LORA_INVALID) if it is not a ``.safetensors`` file.
    """
    path = _named(name, files, "LoRA")
    if not path.exists():
        raise BendError(
            Code.MODEL_MISSING,
            f"The file of the LoRA '{name}' is missing: {path}.",
            "Choose the file again in the preferences, or take it off the strip.",
            "bend.open_preferences",
        )
    if path.suffix.lower() != single_files.SUFFIX or not path.is_file():
        raise BendError(
            Code.LORA_INVALID,
            f"{path} is not a LoRA: it must be a .safetensors file.",
            "Choose the file in the preferences.",
            "bend.open_preferences",
        )
    return ModelReference(name, str(path), file_fingerprint(path))


def resolve_embedding(name: str, files: Mapping[str, str]) -> ModelReference:
    """Find the file of a textual inversion embedding.

    Parameters
    ----------
    files : the preferences' embeddings by name

    Raises
    ------
    BendError(MODEL_MISSING) if there is no such embedding or file here.
    BendError(MODEL_INVALID) if it is a pickle, or no ``.safetensors`` file.
    """
    path = _named(name, files, "embedding")
    if path.suffix.lower() in embeddings.PICKLES:
        raise BendError(
            Code.MODEL_INVALID,
            f"The embedding '{name}' is a pickle ({path.suffix}), which can run any program. Bend never loads those.",
            "Get it as .safetensors; most pages of embeddings offer both.",
            "bend.open_preferences",
        )
    if not path.is_file():
        raise BendError(
            Code.MODEL_MISSING,
            f"The file of the embedding '{name}' is missing: {path}.",
            "Choose the file again in the preferences, or take its name out of the prompt.",
            "bend.open_preferences",
        )
    if path.suffix.lower() != single_files.SUFFIX:
        raise BendError(
            Code.MODEL_INVALID,
            f"{path} is not an embedding: it must be a .safetensors file.",
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
    model_checks.check(called or f"the model in {path}", model_files.listing(path))
    return ModelReference(name, str(path), fingerprint(path))


def _single_file(name: str, path: Path, decoder: str) -> ModelReference:
    single_files.kind_of(path)
    if not decoder:
        single_files.require_decoder(path)
    return ModelReference(name, str(path), single_file_fingerprint(path))


def single_file_fingerprint(path: Path) -> str:
    """A hash of a checkpoint, of the settings that go with it, and of how it is sampled; not of the file's name.

    Raises
    ------
    BendError(MODEL_INVALID)
    """
    kind = single_files.kind_of(path)
    marks = json.dumps(single_files.marks(path, kind).to_dict(), sort_keys=True)
    settings = _fingerprint_of(single_files.SETTINGS, [kind.settings_file, *single_files.vocabulary_files()])
    parts = (file_fingerprint(path), single_files.named(path).digest, settings, marks)
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def model_fingerprint(path: Path) -> str:
    """The fingerprint that ``resolve`` gives a model, be it a folder or a single file.

    Raises
    ------
    BendError(MODEL_INVALID) if a single file is no model
    """
    return single_file_fingerprint(path) if path.is_file() else fingerprint(path)


def fingerprint(path: Path) -> str:
    """A hash of a model folder: of every configuration whole, and of every weight file's size and samples.

    Weights are probed at 16 places of 64 KiB besides their header, so that gigabytes take milliseconds; two
    trainings of one architecture differ in every probe.
    """
    files = (file for file in path.rglob("*") if file.suffix in {".json", ".txt", ".safetensors", ".model"})
    return _fingerprint_of(path, files)


def _fingerprint_of(path: Path, files: Iterable[Path]) -> str:
    kept = sorted(file for file in files if file.is_file())
    listing = tuple((file.relative_to(path).as_posix(), file.stat().st_size, file.stat().st_mtime_ns) for file in kept)
    return _fingerprint(str(path), listing)


def file_fingerprint(path: Path) -> str:
    """The same hash of a single weight file; under another name it is the same."""
    status = path.stat()
    return _fingerprint(str(path), (("", status.st_size, status.st_mtime_ns),))


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
