"""Sound adapters: the files that a name means, and the blocks that a text does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import BendError, Code
from .references import MINI, MINI_PATH, ModelReference, file_fingerprint, readable

#: Where mini's sound adapters are.
MINI_SOUND = MINI_PATH.parent / "mini_sound"
WEIGHTS = frozenset({".pt", ".pth", ".safetensors"})

_BLOCK = re.compile(r"\s*([a-z]\w*(?:\.\w+)*)\s+([-+]?[\d.]+)\s*")


@dataclass(frozen=True)
class SoundAdapterFiles:
    """The files of sound adapters: CLAP's audio tower, the projector and the adapters."""

    name: str
    tower: ModelReference
    projector: ModelReference
    adapters: ModelReference


@readable()
def resolve(name: str, folders: Mapping[str, str], clap: str = "") -> SoundAdapterFiles:
    """Find the files of a name.

    A folder holds one file of adapters and one with ``projector`` in its name; one with ``clap`` in its name is the
    tower that they were trained with.

    Parameters
    ----------
    name : ``mini``, or a name from the preferences
    folders : the preferences' folders by name
    clap : file of CLAP's audio tower, for folders without one of their own; may be empty

    Raises
    ------
    BendError(MODEL_MISSING), BendError(MODEL_INVALID)
    """
    folder = MINI_SOUND if name == MINI and name not in folders else _folder(name, folders)
    if not folder.is_dir():
        raise _missing(
            "mini has no sound adapters yet." if folder == MINI_SOUND else f"Folder {folder} not found.",
            "Choose other Sound Adapters, or add a folder with some in the preferences.",
        )
    found: dict[str, list[Path]] = {"clap": [], "projector": [], "adapters": []}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in WEIGHTS:
            found[next((kind for kind in found if kind in path.stem.lower()), "adapters")].append(path)
    if not found["clap"] and clap:
        found["clap"] = [Path(clap)]
    for kind, words in (("adapters", "adapters"), ("projector", "projector"), ("clap", "CLAP")):
        if len(found[kind]) > 1:
            names = ", ".join(path.name for path in found[kind])
            raise BendError(
                Code.MODEL_INVALID,
                f"{folder} has more than one file of {words}: {names}.",
                "Keep only one adapters file and one projector in the folder.",
                "bend.open_preferences",
            )
    for kind, words, hint in (
        ("adapters", "audio adapters", "Add a file such as landscape.pt."),
        ("projector", "an audio projector", "Add the audio_projector file that belongs to the adapters."),
        ("clap", "CLAP's audio tower", "Choose the file in the preferences: Sound, CLAP File."),
    ):
        if not found[kind] or not found[kind][0].is_file():
            raise _missing(f"{words[0].upper()}{words[1:]} for '{name}' not found.", hint)
    tower, projector, adapters = (_reference(found[kind][0]) for kind in ("clap", "projector", "adapters"))
    return SoundAdapterFiles(name, tower, projector, adapters)


def _folder(name: str, folders: Mapping[str, str]) -> Path:
    if name not in folders:
        raise _missing(
            f"Sound adapters '{name}' not found." if name else "No sound adapters are chosen.",
            "Choose others, or add their folder in the preferences.",
        )
    return Path(folders[name])


def _missing(message: str, hint: str) -> BendError:
    return BendError(Code.MODEL_MISSING, message, hint, "bend.open_preferences")


def _reference(path: Path) -> ModelReference:
    return ModelReference(path.name, str(path), file_fingerprint(path))


def parse_blocks(text: str) -> dict[str, float]:
    """Factors by the beginning of a block's path, from text such as ``mid_block 0.5, up_blocks.1 0``.

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    factors = {}
    for part in filter(str.strip, text.split(",")):
        match = _BLOCK.fullmatch(part)
        try:
            path, number = match.groups() if match else ("", "")
            factors[path] = float(number)
        except ValueError as error:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"'{part.strip()}' isn't a block with a factor.",
                "For example: mid_block 0.5, up_blocks.1 0.",
            ) from error
    return factors
