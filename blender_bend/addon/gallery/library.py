"""What the gallery shows: presets that come with Bend, one's own, and operators, each with words and a picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...core import catalogue
from ...core.errors import BendError, Code
from ...core.presets import pictures, presets
from ...core.presets.presets import Preset
from ..host import preferences

#: The kinds of entries: name, label, what it is.
LOOKS, BENDS, OWN, OPERATORS = "looks", "bends", "own", "operators"
KINDS = (
    (LOOKS, "Looks", "Presets of several bends that make a whole film"),
    (BENDS, "Bends", "Presets of one bend with its routes"),
    (OWN, "My Presets", "Presets that you have saved"),
    (OPERATORS, "Operators", "Every operator, as a new bend without routes"),
)
#: Names that Windows keeps for devices.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(10))}
LONGEST_NAME = 60


@dataclass(frozen=True)
class Entry:
    """One cell of the gallery.

    Parameters
    ----------
    operator : the name of the operator; empty for a preset
    path : the preset's file; None for an operator
    picture : its picture, or where one would be
    problem : why the file cannot be used; empty if it can
    """

    kind: str
    name: str
    summary: str
    picture: Path
    operator: str = ""
    path: Path | None = None
    problem: str = ""

    def matches(self, words: str) -> bool:
        """Whether every word that is looked for is in its name or its description."""
        text = f"{self.name} {self.summary}".casefold()
        return all(word in text for word in words.casefold().split())


_read: dict[Path, tuple[tuple[int, int], Preset | BendError]] = {}


def preset_in(path: Path) -> Preset:
    """A preset, read again when its file has changed.

    Raises
    ------
    BendError(PRESET_INVALID)
    """
    try:
        status = path.stat()
        state = (status.st_mtime_ns, status.st_size)
    except OSError:
        state = (0, 0)
    known = _read.get(path)
    if known is None or known[0] != state:
        try:
            found: Preset | BendError = presets.read(path)
        except BendError as error:
            found = error
        known = _read[path] = (state, found)
    if isinstance(known[1], BendError):
        raise known[1]
    return known[1]


def folder() -> Path:
    """Where one's own presets are."""
    chosen = preferences.preferences().preset_folder
    return Path(bpy.path.abspath(chosen)) if chosen else preferences.user_folder("presets")


def renewed_folder() -> Path:
    """Where pictures are that were made anew with one's own film."""
    return preferences.user_folder("preset_pictures")


def entries(kind: str) -> list[Entry]:
    """What there is of a kind, by name; operators as the catalog has them."""
    if kind == OWN:
        return sorted((_own(path) for path in own_files()), key=lambda entry: entry.name.casefold())
    renewed = renewed_folder()
    if kind == OPERATORS:
        return [
            Entry(
                kind,
                operator.label,
                operator.summary,
                _either(renewed / renewed_name(operator.name), pictures.of_operator(operator.name)),
                operator.name,
            )
            for operator in catalogue.OPERATORS
        ]
    shipped = [(path, preset_in(path)) for path in presets.paths()]
    wanted = [(path, preset) for path, preset in shipped if (len(preset.bends) > 1) == (kind == LOOKS)]
    found = [
        Entry(
            kind,
            preset.name,
            preset.summary,
            _either(renewed / renewed_name("", path), pictures.of_preset(path)),
            path=path,
        )
        for path, preset in wanted
    ]
    return sorted(found, key=lambda entry: entry.name.casefold())


def renewed_name(operator: str, path: Path | None = None) -> str:
    """The name of the file with the renewed picture of an operator, or of the preset in a file."""
    return f"operator_{operator}.png" if path is None else f"{path.stem}.png"


def _either(renewed: Path, shipped: Path) -> Path:
    return renewed if renewed.is_file() else shipped


def own_files() -> list[Path]:
    """The files of one's own presets."""
    try:
        return sorted(folder().glob("*.json"))
    except OSError:
        return []


def _own(path: Path) -> Entry:
    try:
        preset = preset_in(path)
    except BendError as error:
        return Entry(OWN, path.stem, error.message, path.with_suffix(".png"), path=path, problem=error.message)
    return Entry(OWN, preset.name, preset.summary, path.with_suffix(".png"), path=path)


def file_for(name: str) -> Path:
    """The file of an own preset of that name.

    Raises
    ------
    BendError(PRESET_INVALID) for a name that cannot be used, with what to do
    """
    name = name.strip()
    stem = re.sub(r"\W+", "_", name.casefold()).strip("_")
    if not stem or len(name) > LONGEST_NAME:
        raise BendError(
            Code.PRESET_INVALID, "The preset needs a name.", f"Use letters or digits, at most {LONGEST_NAME}."
        )
    if any(preset_in(path).name.casefold() == name.casefold() for path in presets.paths()):
        raise BendError(Code.PRESET_INVALID, f"A preset called {name} comes with Bend.", "Choose another name.")
    return folder() / f"{stem}{'_' if stem in _DEVICES else ''}.json"


def is_own(path: Path) -> bool:
    """Whether a file is one of one's own presets."""
    return path in own_files()


def write(preset: Preset, path: Path) -> None:
    """Write an own preset.

    Raises
    ------
    BendError(STORE_UNWRITABLE), BendError(PRESET_INVALID)
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        presets.write(preset, path)
    except OSError as error:
        raise unwritable(path.parent, error) from error


def unwritable(folder: Path, error: OSError) -> BendError:
    """What to tell the artist when presets or their pictures cannot be written, or deleted."""
    return BendError(
        Code.STORE_UNWRITABLE,
        f"Presets can't be written to {folder}: {error.strerror}.",
        "Choose another preset folder in the preferences, or free some space.",
        "bend.open_preferences",
    )
