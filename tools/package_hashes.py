"""Write wheels/engine-hashes.txt: the hash of every wheel of the pinned packages that some system may install.

python3 tools/package_hashes.py     after every change of wheels/engine.txt; needs the program uv and a network
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_bend.core.process import environment  # noqa: E402
from blender_bend.core.process.environment import AUDIO, PYTHONS, canonical  # noqa: E402
from blender_bend.core.process.package_hashes import Package  # noqa: E402

PINS = ROOT / "wheels" / "engine.txt"
TARGET = ROOT / "wheels" / "engine-hashes.txt"
SYSTEMS = ("linux", "darwin", "win32")
#: The last part of the names of wheels that some Blender can install.
_PLATFORM = re.compile(r"any|.*manylinux\w*_(x86_64|aarch64)|macosx_\w+|win_(amd64|arm64)")
_ABI = re.compile(r"none|abi3|.*\babi3|cp3(11|12|13)")

_HEAD = """# The SHA-256 of every wheel that may become part of the engine's environment; pip refuses all others.
# Written by tools/package_hashes.py from engine.txt. What engine.txt doesn't name, others bring along on some systems.
"""


def locked() -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The pinned packages and all that they need, with their wheels, and the systems that need each, by its name.

    Raises
    ------
    SystemExit if there is no uv, or with its words
    """
    pins = [line.partition("#")[0].strip() for line in PINS.read_text(encoding="utf-8").splitlines()]
    least, most = PYTHONS
    project = {
        "project": {
            "name": "bend-engine",
            "version": "0",
            "requires-python": f">={least[0]}.{least[1]},<{most[0]}.{most[1] + 1}",
            "dependencies": [pin for pin in pins if pin],
        },
        "tool.uv": {"no-build": True, "environments": [f"sys_platform == '{system}'" for system in SYSTEMS]},
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_text("\n".join(_toml(project)), encoding="utf-8")
        _uv("lock", "--no-config", "--directory", folder)
        plain = ("--frozen", "--no-emit-project", "--no-hashes", "--no-annotate", "--no-header")
        listed = _uv("export", "--no-config", "--directory", folder, *plain)
        lock = tomllib.loads(Path(folder, "uv.lock").read_text(encoding="utf-8"))
    halves = [line.partition(" ; ") for line in listed.splitlines() if "==" in line]
    return lock["package"], {requirement.partition("==")[0]: marker.strip() for requirement, _, marker in halves}


def _uv(*arguments: str) -> str:
    """Run uv; what it says.

    Raises
    ------
    SystemExit if there is none, or with its words
    """
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("This needs uv: pip install uv")
    done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}\nuv could not find the packages of {PINS.name}.")
    return done.stdout


def _toml(tables: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, values in tables.items():
        yield f"[{name}]"
        yield from (f"{key} = {str(value).lower() if value is True else repr(value)}" for key, value in values.items())


def fits(wheel: dict[str, Any]) -> bool:
    """Whether some Blender's Python can install a wheel."""
    tags = wheel["url"].rpartition("/")[2].removesuffix(".whl").split("-")[-3:]
    return bool(_PLATFORM.fullmatch(tags[2]) and _ABI.fullmatch(tags[1]))


def require_audio_complete(packages: list[dict[str, Any]]) -> None:
    """Make sure that what the audio tier brings along is pinned in it: nothing else is installed with it.

    Raises
    ------
    SystemExit
    """
    audio = {canonical(pin.name) for pin in environment.read_pins(PINS) if pin.tier == AUDIO}
    for package in packages:
        for edge in package.get("dependencies", []) if package["name"] in audio else ():
            if edge["name"] not in audio:
                sys.exit(f"{package['name']} needs {edge['name']}: mark it '# audio' in {PINS.name}.")


def text() -> str:
    """The file."""
    packages, systems = locked()
    packages = [package for package in packages if package["name"] in systems]
    require_audio_complete(packages)
    pinned = {canonical(pin.name) for pin in environment.read_pins(PINS)}
    lines = [_HEAD]
    for package in sorted(packages, key=lambda package: package["name"]):
        name = package["name"]
        hashes = sorted(wheel["hash"].removeprefix("sha256:") for wheel in package["wheels"] if fits(wheel))
        marker = "" if name in pinned else systems[name]
        lines.append(Package(name, package["version"], marker, tuple(hashes)).requirement())
    return "".join(lines)


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)} is written")
