"""The files that a folder must have to be a diffusers model, and those that it lacks."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..checkpoints import weight_files
from ..checkpoints.weight_files import Weights
from ..files import foreign_json
from ..files.foreign_json import Unreadable
from . import layouts

INDEX = "model_index.json"
#: The files of which a tokenizer needs at least one.
_VOCABULARIES = ("tokenizer.json", "vocab.json", "spiece.model")
#: A file in the same folder.
_SHARD = re.compile(r"(?!\.)[^/\\\0\r\n]{1,200}")
#: So many files are looked at; published models have fewer than 100.
_MOST_FILES = 20_000


@dataclass(frozen=True)
class Listing:
    """The files of a model, on this machine or still on the hub.

    Parameters
    ----------
    names : their paths within it, at the top and one folder down
    read : the text of one of the small files; None if it is not there, ValueError if it is no text
    """

    names: frozenset[str]
    read: Callable[[str], str | None]

    def json(self, name: str) -> dict[str, Any] | None:
        """A configuration; None if it is not there.

        Raises
        ------
        ValueError if it is none
        """
        text = self.read(name)
        return None if text is None else foreign_json.parse(text)

    def within(self, part: str) -> frozenset[str]:
        """The names of the files in a part's folder."""
        return frozenset(name.removeprefix(f"{part}/") for name in self.names if name.startswith(f"{part}/"))

    def weights(self, part: str) -> Weights:
        """The weights of a part that are loaded."""

        def shards(name: str) -> set[str] | None:
            return _shards(self.json(f"{part}/{name}"))

        # diffusers takes shards where there is a list of them, transformers the one file where there is one.
        return weight_files.weights_of(part, self.within(part), shards, listed_first=not part.startswith("text_"))


def _shards(listed: dict[str, Any] | None) -> set[str] | None:
    """The files that a list of shards names; None if it is not there yet.

    Raises
    ------
    Unreadable if it is no such list
    """
    if listed is None:
        return None
    found = listed.get("weight_map")
    names = list(found.values()) if isinstance(found, dict) else []
    if not names or not all(isinstance(name, str) and _SHARD.fullmatch(name) for name in names):
        raise Unreadable("not a list of shards")
    return set(names)


def listing(folder: Path) -> Listing:
    """The files of a folder; of one without an index only those at the top, for it may be anything."""
    patterns = ("*", "*/*") if os.path.isfile(folder / INDEX) else ("*",)
    found = (file for pattern in patterns for file in folder.glob(pattern))
    # os.path.isfile takes what nobody may look at for no file, where a Path of older Pythons raises.
    files = itertools.islice((file for file in found if os.path.isfile(file)), _MOST_FILES)
    names = frozenset(name for file in files if is_text(name := file.relative_to(folder).as_posix()))
    return Listing(names, lambda name: foreign_json.read_text(folder / name))


def is_text(name: str) -> bool:
    """Whether a file's name is Unicode: others can be neither shown nor sent."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def parts_of(folder: Path) -> list[str]:
    """The parts of a folder that Bend loads.

    Raises
    ------
    ValueError if the index cannot be read
    """
    index = listing(folder).json(INDEX)
    if index is None:
        raise ValueError(f"there is no {INDEX}")
    return parts_in(index)


def parts_in(index: dict[str, Any]) -> list[str]:
    """The parts of an index that Bend loads: those of its kind of model that it does not leave out."""
    layout = layouts.layout_of(str(index.get("_class_name")))
    return [part for part in layout.parts if names_part(index.get(part))] if layout else []


def names_part(value: Any) -> bool:
    """Whether an index's entry names a part; one that it leaves out is a pair of nulls."""
    return isinstance(value, list) and value != [None, None]


def missing(folder: Path) -> list[str]:
    """The files that a model folder lacks, by their paths within it; empty if it is complete."""
    try:
        parts = parts_of(folder)
    except ValueError:
        return [INDEX]
    return missing_of(listing(folder), parts)


def missing_of(files: Listing, parts: list[str]) -> list[str]:
    """The files that a model's parts lack."""
    return [f"{part}/{name}" for part in parts for name in _missing_in(files, part)]


def _missing_in(files: Listing, part: str) -> list[str]:
    names = files.within(part)
    if part.startswith("scheduler"):
        return [] if "scheduler_config.json" in names else ["scheduler_config.json"]
    if part.startswith("tokenizer"):
        if names.isdisjoint(_VOCABULARIES):
            return ["tokenizer.json"]
        halved = "vocab.json" in names and "tokenizer.json" not in names
        return ["merges.txt"] if halved and "merges.txt" not in names else []
    lacking = [] if "config.json" in names else ["config.json"]
    return lacking + list(files.weights(part).missing)


def is_setting(file: PurePosixPath | Path) -> bool:
    """Whether a file of a part is a configuration or a vocabulary; a list of shards is neither."""
    return file.suffix in {".json", ".txt", ".model"} and not {".safetensors", ".bin"} & set(file.suffixes)
