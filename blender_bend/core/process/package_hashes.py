"""The hashes of all wheels that may become part of the engine's environment, as pip reads them. Standard library only.

The file is made by ``tools/package_hashes.py`` from the list of pins. It also holds what no pin names: packages that
the pinned ones bring along on some systems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import BendError, Code
from ..files.whole import DIGEST
from .environment import Pin, canonical

_HASH = re.compile(rf"--hash=sha256:({DIGEST.pattern})")
_LINE = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^-]+?))?"
    rf"(?P<hashes>(?: --hash=sha256:{DIGEST.pattern})+)"
)
#: What torch from PyPI brings on Linux; other builds of torch bring their own.
_CUDA = ("cuda-", "nvidia-", "triton")


@dataclass(frozen=True)
class Package:
    """The wheels of a package.

    Parameters
    ----------
    marker : the systems that need it, as pip writes them; empty for all, or for those that its pin names
    hashes : SHA-256 of each wheel, as hexadecimal digits
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def is_cuda(self) -> bool:
        """Whether torch needs it for NVIDIA's GPUs only."""
        return self.name.startswith(_CUDA)

    def requirement(self) -> str:
        """As a file of requirements has it."""
        marker = f" ; {self.marker}" if self.marker else ""
        hashes = "".join(f" \\\n    --hash=sha256:{digest}" for digest in self.hashes)
        return f"{self.name}=={self.version}{marker}{hashes}\n"


def read(file: Path) -> dict[str, Package]:
    """The packages by name, as PyPI compares names.

    Raises
    ------
    ValueError for a line without a hash
    """
    found = {}
    for line in re.sub(r"\s*\\\n\s*", " ", file.read_text(encoding="utf-8")).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{file.name}: '{line[:80]}' is not a package with its hashes")
        hashes = tuple(_HASH.findall(match["hashes"]))
        found[canonical(match["name"])] = Package(match["name"], match["version"], match["marker"] or "", hashes)
    return found


def requirements(pins: Iterable[Pin], known: Mapping[str, Package]) -> str:
    """Pins as a file of requirements with hashes.

    Raises
    ------
    BendError(SETUP_FAILED) for one whose hashes are not known
    """
    lines = []
    for pin in pins:
        package = known.get(canonical(pin.name))
        if package is None or package.version != pin.version:
            raise BendError(
                Code.SETUP_FAILED,
                f"There is no hash for {pin.requirement}, so the download can't be verified.",
                "Reinstall Bend: its list of packages is incomplete.",
            )
        lines.append(package.requirement())
    return "".join(lines)


def brought(pins: Iterable[Pin], known: Mapping[str, Package], cuda: bool) -> str:
    """What the pinned packages bring along, as a file of requirements with hashes; pip leaves out other systems.

    Parameters
    ----------
    pins : all pins, of every tier and Python
    cuda : whether torch's packages for NVIDIA's GPUs are among it
    """
    named = {canonical(pin.name) for pin in pins}
    others = [package for name, package in sorted(known.items()) if name not in named]
    return "".join(package.requirement() for package in others if cuda or not package.is_cuda)
