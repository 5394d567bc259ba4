"""Which model a name means, where its files are, and the fingerprint of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints import single_files, weight_files
from ..errors import BendError, Code
from ..prompts import embeddings
from . import file_hashes, hub_cache, known_models, model_checks, model_files

MINI = "mini"
MINI_PATH = Path(__file__).resolve().parents[2] / "models" / "mini"

#: The files of a folder that decide what its pictures look like.
_COUNTED = {".json", ".txt", ".safetensors", ".model"}


@dataclass(frozen=True)
class ModelReference:
    """A model whose files are on this machine."""

    name: str
    path: str
    fingerprint: str


@contextmanager
def readable() -> Iterator[None]:
    """Files of a person's choice are read; also to be written above a function.

    Raises
    ------
    BendError(MODEL_INVALID) if the system does not let us
    """
    try:
        yield
    except OSError as error:
        raise BendError(
            Code.MODEL_INVALID,
            f"{error.filename or 'A file'} can't be read: {error.strerror or error}.",
            "Check its permissions, or choose another one.",
            "bend.open_preferences",
        ) from error


@readable()
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
    if hub_cache.is_id(name):
        snapshot = hub_cache.snapshot(name)
        files = snapshot or hub_cache.begun(name)
        missing = model_files.missing(files) if files else []
        if snapshot is None or missing:
            raise _not_downloaded(name, len(missing))
        return _reference(name, snapshot, name)
    raise BendError(
        Code.MODEL_MISSING,
        f"Model '{name}' not found.",
        "Choose mini, enter a Hugging Face ID such as owner/model, or add its folder in the preferences.",
        "bend.open_preferences",
    )


def _not_downloaded(name: str, missing: int) -> BendError:
    known = known_models.known(name)
    size = f"about {known.gigabytes:.0f} GB" if known else "it may be several gigabytes"
    return BendError(
        Code.MODEL_MISSING,
        f"The download of {name} is not complete: {missing} {'file is' if missing == 1 else 'files are'} missing."
        if missing
        else f"Model {name} isn't downloaded yet.",
        f"Download it once ({size}); it stays on this machine.",
        "bend.download_model",
    )


def download_for(name: str, folders: Mapping[str, str]) -> str | None:
    """What the download button fetches for a model: a hub id; None if nothing is wanted of the hub."""
    return name if name not in folders and hub_cache.is_id(name) else None


@readable()
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


@readable()
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
            "Choose the file again in the preferences, or remove it from the strip.",
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


@readable()
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
            f"The embedding '{name}' is a pickle ({path.suffix}), which can run arbitrary code. Bend never loads "
            "those.",
            "Download it as .safetensors; most embedding pages offer both.",
            "bend.open_preferences",
        )
    if not path.is_file():
        raise BendError(
            Code.MODEL_MISSING,
            f"The file of the embedding '{name}' is missing: {path}.",
            "Choose the file again in the preferences, or remove its name from the prompt.",
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
            f"{what[:1].upper()}{what[1:]} '{name}' not found.",
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


@readable()
def fingerprint(path: Path) -> str:
    """A hash of all configurations, vocabularies and weights in a model folder, each of them as a whole.

    Raises
    ------
    BendError(MODEL_INVALID) if a file cannot be read, and what ``file_hashes.of`` raises
    """
    return _fingerprint_of(path, (file for file in path.rglob("*") if file.suffix in _COUNTED))


def _fingerprint_of(path: Path, files: Iterable[Path]) -> str:
    kept = sorted(file for file in files if file.is_file())
    digest = hashlib.sha256()
    for file, content in zip(kept, file_hashes.of_all(kept), strict=True):
        name = file.relative_to(path).as_posix()
        digest.update(f"{name}\0{content}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@readable()
def file_fingerprint(path: Path) -> str:
    """The hash of a single weight file: that of its content, under whatever name.

    Raises
    ------
    BendError(MODEL_INVALID) if it cannot be read, and what ``file_hashes.of`` raises
    """
    return file_hashes.of(path)
