"""What of the Hugging Face hub lies on this machine, in the cache that all programs share which use huggingface_hub."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..files import foreign_json
from ..files.whole import size_of
from . import model_files

_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PREFIX = "models--"
#: A commit, or whatever else stands for one: never a way to another folder.
_REVISION = re.compile(r"(?!\.)[\w.-]{1,100}")


def is_id(name: str) -> bool:
    """Whether the name has the form ``owner/model``."""
    return bool(_ID.fullmatch(name)) and ".." not in name


def _place(variable: str, usual: Path) -> Path:
    """A folder that huggingface_hub lets its users choose."""
    named = os.environ.get(variable)
    return Path(os.path.expandvars(named)).expanduser() if named else usual


def _home() -> Path:
    return _place("HF_HOME", _place("XDG_CACHE_HOME", Path.home() / ".cache") / "huggingface")


def cache() -> Path:
    """The folder in which huggingface_hub keeps its downloads."""
    return _place("HF_HUB_CACHE", _home() / "hub")


def has_token() -> bool:
    """Whether huggingface_hub has a token to show; what it is nobody here reads."""
    return bool(os.environ.get("HF_TOKEN")) or _place("HF_TOKEN_PATH", _home() / "token").is_file()


def folder_of(name: str) -> Path:
    """Where the downloads of a model are, or will be."""
    return cache() / (_PREFIX + name.replace("/", "--"))


def snapshot(name: str) -> Path | None:
    """The files of a model as they were downloaded last, complete or not; None if there are none."""
    folder = folder_of(name)
    try:
        revision = (foreign_json.read_text(folder / "refs" / "main", 1000) or "").strip()
    except foreign_json.Unreadable:
        return None
    found = folder / "snapshots" / revision
    return found if _REVISION.fullmatch(revision) and found.is_dir() else None


def begun(name: str) -> Path | None:
    """The files of a model whose download has not got through; None if there are none."""
    return next((index.parent for index in folder_of(name).glob(f"snapshots/*/{model_files.INDEX}")), None)


@dataclass(frozen=True)
class Stored:
    """A model of the hub that takes room on this machine.

    Parameters
    ----------
    size : bytes on disk
    missing : the files that are not there yet
    """

    name: str
    size: int
    missing: tuple[str, ...] = ()


class Found(list[Stored]):
    """Models, and how many folders beside them cannot be read."""

    unreadable: int = 0


def stored() -> Found:
    """The diffusion models in the cache, also those whose download was interrupted; others are not Bend's concern."""
    found = Found()
    try:
        folders = sorted(cache().glob(f"{_PREFIX}*"))
    except OSError:
        return found
    for folder in folders:
        name = folder.name.removeprefix(_PREFIX).replace("--", "/", 1)
        try:
            if not model_files.is_text(name) or not is_id(name):
                found.unreadable += folder.is_dir()
                continue
            files = snapshot(name) or begun(name)
            if files is not None and (files / model_files.INDEX).is_file():
                found.append(Stored(name, size_of(folder), tuple(model_files.missing(files))))
        except (OSError, ValueError):  # what a damaged disk answers, or a name that no file can have
            found.unreadable += 1
    return found


def delete(name: str) -> None:
    """Take a model off the disk.

    Raises
    ------
    OSError if a file is held by a program
    """
    shutil.rmtree(folder_of(name))
    shutil.rmtree(cache() / ".locks" / folder_of(name).name, ignore_errors=True)
