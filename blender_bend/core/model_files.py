"""The files that a folder must have to be a diffusers model, and those that it lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from . import layouts, weight_files
from .weight_files import Weights

INDEX = "model_index.json"
#: The files of which a tokenizer needs at least one.
_VOCABULARIES = ("tokenizer.json", "vocab.json", "spiece.model")
#: No configuration is larger; a published list of shards has a tenth of it.
LARGEST_SETTING = 10_000_000


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
        if text is None:
            return None
        try:
            found = json.loads(text)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(found, dict):
            raise ValueError("not a JSON object")
        return found

    def within(self, part: str) -> frozenset[str]:
        """The names of the files in a part's folder."""
        return frozenset(name.removeprefix(f"{part}/") for name in self.names if name.startswith(f"{part}/"))

    def weights(self, part: str) -> Weights:
        """The weights of a part that are loaded."""

        def shards(name: str) -> set[str] | None:
            try:
                named = set((self.json(f"{part}/{name}") or {})["weight_map"].values())
                return named if all(isinstance(file, str) for file in named) else None
            except (ValueError, KeyError, TypeError, AttributeError):
                return None

        # diffusers takes shards where there is a list of them, transformers the one file where there is one.
        return weight_files.weights_of(part, self.within(part), shards, listed_first=not part.startswith("text_"))


def read_setting(file: Path) -> str | None:
    """The text of a configuration; None if it cannot be opened.

    Raises
    ------
    ValueError if it is too large to be one, or no text
    """
    try:
        if file.stat().st_size > LARGEST_SETTING:
            raise ValueError(f"{file.name} is too large")
        return file.read_text(encoding="utf-8")
    except OSError:
        return None


def listing(folder: Path) -> Listing:
    """The files of a folder; of one without an index only those at the top, for it may be anything."""
    patterns = ("*", "*/*") if (folder / INDEX).is_file() else ("*",)
    found = (file for pattern in patterns for file in folder.glob(pattern))
    names = frozenset(file.relative_to(folder).as_posix() for file in found if file.is_file())
    return Listing(names, lambda name: read_setting(folder / name))


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


def missing(folder: Path, weights: bool = True) -> list[str]:
    """The files that a model folder lacks, by their paths within it; empty if it is complete.

    Parameters
    ----------
    weights : whether the weights must be there as well
    """
    try:
        parts = parts_of(folder)
    except ValueError:
        return [INDEX]
    return missing_of(listing(folder), parts, weights)


def missing_of(files: Listing, parts: list[str], weights: bool = True) -> list[str]:
    """The files that a model's parts lack."""
    return [f"{part}/{name}" for part in parts for name in _missing_in(files, part, weights)]


def _missing_in(files: Listing, part: str, weights: bool) -> list[str]:
    names = files.within(part)
    if part.startswith("scheduler"):
        return [] if "scheduler_config.json" in names else ["scheduler_config.json"]
    if part.startswith("tokenizer"):
        if names.isdisjoint(_VOCABULARIES):
            return ["tokenizer.json"]
        halved = "vocab.json" in names and "tokenizer.json" not in names
        return ["merges.txt"] if halved and "merges.txt" not in names else []
    lacking = [] if "config.json" in names else ["config.json"]
    return lacking + (list(files.weights(part).missing) if weights else [])


def is_setting(file: PurePosixPath | Path) -> bool:
    """Whether a file of a part is a configuration or a vocabulary; a list of shards is neither."""
    return file.suffix in {".json", ".txt", ".model"} and not {".safetensors", ".bin"} & set(file.suffixes)
