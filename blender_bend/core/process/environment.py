"""The engine's private environment as data: its tiers and pins, where it lies, and the record that says it is whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..files import foreign_json
from ..files.whole import replacing

AUDIO, DIFFUSION = "audio", "diffusion"
#: What each tier holds. A tier is installed with all those before it.
TIERS = (AUDIO, DIFFUSION)
#: The oldest and the newest Python that the pinned packages have wheels for.
PYTHONS = ((3, 11), (3, 13))

#: The file that names the environment in use. It is written last, by rename: what it does not name is a leftover.
RECORD = "current.json"
LOCK = "lock"
SCHEMA = 1
_LARGEST_RECORD = 10_000
#: A folder beside the record, and the version of a Python.
_FOLDER, _PYTHON = re.compile(r"(?!\.)[\w.+-]{1,100}"), re.compile(r"\d{1,3}\.\d{1,3}\b")

_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;#]+)\s*(?:;(?P<marker>[^#]*))?(?:#\s*(?P<note>\w+))?\s*")
_PYTHON_MARKER = re.compile(r"\s*python_version\s*(>=|<)\s*[\"'](\d+)\.(\d+)[\"']\s*")


@dataclass(frozen=True)
class Pin:
    """One line of the list of packages.

    Parameters
    ----------
    least, below : the Pythons it is for, as (major, minor); None for no limit
    """

    name: str
    version: str
    tier: str
    least: tuple[int, int] | None = None
    below: tuple[int, int] | None = None

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"{self.name}=={self.version}"

    def suits(self, python: tuple[int, int]) -> bool:
        """Whether a Python needs it."""
        return not (self.least and python < self.least) and not (self.below and python >= self.below)


def read_pins(file: Path) -> list[Pin]:
    """The pinned packages; those marked ``# audio`` belong to the audio tier, the others to the diffusion tier.

    Raises
    ------
    ValueError for a line that is no pin
    """
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _PIN.fullmatch(line)
        if match is None:
            raise ValueError(f"{file.name}: '{line}' is not a pinned package")
        limits: dict[str, tuple[int, int]] = {}
        if match["marker"]:
            marker = _PYTHON_MARKER.fullmatch(match["marker"])
            if marker is None:
                raise ValueError(f"{file.name}: '{match['marker']}' is not a limit of the Python version")
            limits["least" if marker[1] == ">=" else "below"] = (int(marker[2]), int(marker[3]))
        tier = AUDIO if match["note"] == AUDIO else DIFFUSION
        found.append(Pin(match["name"], match["version"], tier, **limits))
    return found


def pins_for(pins: Iterable[Pin], tier: str, python: tuple[int, int]) -> list[Pin]:
    """What a tier and those before it need under a Python."""
    tiers = TIERS[: TIERS.index(tier) + 1]
    return [pin for pin in pins if pin.tier in tiers and pin.suits(python)]


def digest_of(pins: Iterable[Pin]) -> str:
    """A hash of a list of pins: an environment made from another list is out of date."""
    return hashlib.sha256("\n".join(sorted(pin.requirement for pin in pins)).encode()).hexdigest()


def canonical(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def missing_wheels(folder: Path, pins: Iterable[Pin], python: tuple[int, int]) -> list[str]:
    """The packages that a folder has no wheel of for a Python; which system a wheel is for is left to pip."""
    present: dict[tuple[str, str], list[str]] = {}
    for file in folder.glob("*.whl"):
        parts = file.stem.split("-")
        if len(parts) >= 5:
            present.setdefault((canonical(parts[0]), parts[1].split("+")[0]), []).append("-".join(parts[-3:-1]))
    exact = f"cp{python[0]}{python[1]}"
    absent = []
    for pin in pins:
        tags = present.get((canonical(pin.name), pin.version), [])
        if not any(tag.startswith((exact, "py3", "py2.py3")) or "abi3" in tag for tag in tags):
            absent.append(pin.name)
    return absent


def fits(python: tuple[int, int]) -> bool:
    """Whether the engine can live in a Python."""
    return PYTHONS[0] <= python <= PYTHONS[1]


def range_text() -> str:
    """The Pythons that fit, in words."""
    return " to ".join(".".join(map(str, version)) for version in PYTHONS)


@dataclass(frozen=True)
class Record:
    """A complete environment.

    Parameters
    ----------
    folder : its name within the set-up folder
    python : version of its Python
    accelerator : what torch was chosen for; empty without the diffusion tier
    pins : ``digest_of`` what was asked for
    size : bytes on disk
    """

    folder: str
    python: str
    tier: str
    accelerator: str
    pins: str
    size: int
    schema: int = field(default=SCHEMA)

    def interpreter(self, base: Path) -> Path:
        """Its Python."""
        return interpreter(base / self.folder)

    def write(self, base: Path) -> None:
        """Make this environment the one in use, in one step."""
        with replacing(base / RECORD) as file:
            file.write(json.dumps(asdict(self)).encode())


def interpreter(folder: Path) -> Path:
    """Where the Python of an environment is."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_record(base: Path) -> Record | None:
    """The environment in use; None if there is none or the record cannot be read."""
    try:
        record = Record(**(foreign_json.read(base / RECORD, _LARGEST_RECORD) or {}))
    except (foreign_json.Unreadable, TypeError):
        return None
    return record if _is_possible(record) else None


def _is_possible(record: Record) -> bool:
    """Whether a record says what Bend writes, and leads to no other folder than one of its own."""
    kinds = {name: int if name in {"size", "schema"} else str for name in vars(record)}
    if not all(type(value) is kinds[name] for name, value in vars(record).items()):
        return False
    plain = _FOLDER.fullmatch(record.folder) and _PYTHON.match(record.python)
    return bool(plain) and record.tier in TIERS and record.schema == SCHEMA
