"""The environments under .venv/: which Python each needs, and how it is made from the pinned files in wheels/.

python3 tools/environments.py               makes those of the tests, or brings them up to their pinned files
python3 tools/environments.py engine        only one
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


@dataclass(frozen=True)
class Environment:
    """A private Python with pinned packages."""

    name: str
    python: str
    requirements: tuple[str, ...]

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return VENV / self.name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


ENGINE = Environment("engine", "3.11", ("engine.txt", "test.txt", "check.txt"))
BLENDERS = (
    Environment("blender-4.5", "3.11", ("blender-4.5.txt", "test.txt")),
    Environment("blender-5.2", "3.13", ("blender-5.2.txt", "test.txt")),
)
#: What builds the documentation; made when it is asked for.
DOCS = Environment("docs", "3.11", ("docs-hashes.txt",))


class PythonMissing(Exception):
    """No interpreter of a version was found; the text says how to get one."""


def find_python(version: str) -> Path:
    """An interpreter of that minor version, from this process, the PATH, pyenv, uv or the Windows launcher.

    Raises
    ------
    PythonMissing
    """
    names = [sys.executable, f"python{version}", "python3", "python"]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python"))
    names += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    names += [str(path) for path in sorted(uv.glob(f"cpython-{version}.*/bin/python3"), reverse=True)]
    commands = [[name] for name in names] + ([["py", f"-{version}"]] if os.name == "nt" else [])
    for command in commands:
        if shutil.which(command[0]) is None:
            continue
        question = "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}', sys.executable)"
        answer = subprocess.run([*command, "-c", question], capture_output=True, text=True, check=False).stdout.split(
            " ", 1
        )
        if answer[0] == version:
            return Path(answer[1].strip())
    raise PythonMissing(
        f"Python {version} was not found. Install it (python.org, 'pyenv install {version}' or 'uv python install "
        f"{version}') and run this again."
    )


def ensure(environment: Environment) -> Path:
    """Make an environment, or bring it up to its pinned files; says what it does.

    Returns
    -------
    its interpreter

    Raises
    ------
    PythonMissing, and SystemExit with pip's words if an installation fails
    """
    files = [ROOT / "wheels" / name for name in environment.requirements]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = VENV / environment.name / "made-from"
    if stamp.is_file() and stamp.read_text() == digest:
        return environment.interpreter
    python = find_python(environment.python)
    began = time.monotonic()
    _say(f"{environment.name}: making {stamp.parent} with Python {environment.python}")
    if not environment.interpreter.exists():
        subprocess.run([python, "-m", "venv", "--clear", stamp.parent], check=True)
    packages = sum(file.read_text().count("==") for file in files)
    _say(f"{environment.name}: installing {packages} packages ({', '.join(environment.requirements)})")
    command = [environment.interpreter, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    for file in files:
        command += ["-r", file]
    _install(environment.name, command)
    stamp.write_text(digest)
    _say(f"{environment.name}: ready after {time.monotonic() - began:.0f} s")
    return environment.interpreter


def _install(name: str, command: list[object]) -> None:
    """Run pip, with one line for what it is at; all its words if it fails."""
    said = []
    pip = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert pip.stdout is not None
    for line in pip.stdout:
        said.append(line)
        if line.startswith(("Collecting", "  Downloading", "Installing")):
            _say(f"{name}: {line.strip()[:100]}", passing=True)
    if pip.wait() != 0:
        sys.exit("".join(said[-30:]) + f"\npip could not install the packages of {name}.")


def available_blenders() -> list[Environment]:
    """The Blender environments whose Python exists here; says which are left out and why."""
    found = []
    for environment in BLENDERS:
        try:
            ensure(environment)
        except PythonMissing as missing:
            _say(f"{environment.name} is left out: {missing}")
            continue
        found.append(environment)
    return found


def _say(text: str, passing: bool = False) -> None:
    """A line of progress; a passing one is overwritten by the next where that is possible."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="" if passing else "\n", flush=True)
    elif not passing:
        print(text, flush=True)


if __name__ == "__main__":
    names = sys.argv[1:]
    for each in (ENGINE, *BLENDERS, DOCS):
        if each.name in names or (not names and each is not DOCS):
            ensure(each)
