"""Write wheels/docs-hashes.txt: what the documentation is built with, each wheel with its hash.

python3 tools/docs_hashes.py     after every change of wheels/docs.txt; needs a network
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from environments import DOCS, ROOT, find_python

sys.path.insert(0, str(ROOT))

from blender_bend.core.process.environment import canonical
from blender_bend.core.process.package_hashes import Package

PINS = ROOT / "wheels" / "docs.txt"
TARGET = ROOT / "wheels" / "docs-hashes.txt"
#: Where someone may build the site, as pip calls it.
PLATFORMS = (
    ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    ("macosx_11_0_arm64", "macosx_11_0_x86_64", "macosx_10_9_universal2"),
    ("win_amd64",),
)
_HEAD = """# The SHA-256 of every wheel that may become part of .venv/docs; pip refuses all others.
# Written by tools/docs_hashes.py from docs.txt.
"""


def download(folder: Path, tags: tuple[str, ...]) -> None:
    """Fetch the wheels that pip would install on a platform.

    Raises
    ------
    SystemExit with pip's words
    """
    command = [find_python(DOCS.python), "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d", folder]
    command += ["--python-version", DOCS.python, "-r", PINS]
    for tag in tags:
        command += ["--platform", tag]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}\npip could not find the packages of {PINS.name} for {tags[0]}.")


def text() -> str:
    """The file."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    with tempfile.TemporaryDirectory() as folder:
        for tags in PLATFORMS:
            download(Path(folder), tags)
        for wheel in Path(folder).glob("*.whl"):
            name, version = wheel.name.split("-")[:2]
            found[canonical(name), version].add(hashlib.sha256(wheel.read_bytes()).hexdigest())
    packages = [Package(name, version, "", tuple(sorted(hashes))) for (name, version), hashes in sorted(found.items())]
    return _HEAD + "".join(package.requirement() for package in packages)


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)} is written")
