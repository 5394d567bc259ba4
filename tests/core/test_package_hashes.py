"""The list of hashes and the list of pins say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blender_bend.core.errors import BendError
from blender_bend.core.process import environment, package_hashes

ROOT = Path(__file__).resolve().parents[2]
PINS = environment.read_pins(ROOT / "wheels" / "engine.txt")
KNOWN = package_hashes.read(ROOT / "wheels" / "engine-hashes.txt")


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.name)
def test_every_pin_has_the_hashes_of_its_version(pin: environment.Pin) -> None:
    package = KNOWN[environment.canonical(pin.name)]
    assert package.version == pin.version, "run python3 tools/package_hashes.py"
    assert package.hashes and len(set(package.hashes)) == len(package.hashes)


def test_the_documentation_is_built_with_the_pinned_packages_and_hashed_ones_only() -> None:
    pins = environment.read_pins(ROOT / "wheels" / "docs.txt")
    known = package_hashes.read(ROOT / "wheels" / "docs-hashes.txt")
    assert pins and all(package.hashes for package in known.values())
    for pin in pins:
        assert known[environment.canonical(pin.name)].version == pin.version, "run python3 tools/docs_hashes.py"


def test_compiled_packages_have_wheels_for_many_systems_and_pythons() -> None:
    """Three Pythons on Linux, Windows and macOS: no wheel can be for two of them."""
    for name in ("numpy", "scipy", "numba", "torch", "scikit-learn"):
        assert len(KNOWN[name].hashes) >= 9, name


def test_what_is_brought_along_is_for_some_systems_only() -> None:
    listed = package_hashes.brought(PINS, KNOWN, cuda=True)
    assert "colorama" in listed and "setuptools" in listed and "nvidia-cublas" in listed
    lines = re.findall(r"^[a-z].*$", listed, re.MULTILINE)
    assert all(" ; " in line for line in lines)
    assert all("linux" in line for line in lines if line.startswith(("nvidia-", "cuda-", "triton")))
    without = package_hashes.brought(PINS, KNOWN, cuda=False)
    assert "setuptools" in without and not re.search(r"nvidia|cuda|triton", without)


def test_the_list_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "hashes.txt"
    file.write_text("# made\n\n" + "".join(package.requirement() for package in KNOWN.values()))
    assert package_hashes.read(file) == KNOWN


@pytest.mark.parametrize(
    "line", ["numpy==1.0", "numpy --hash=sha256:" + 64 * "a", "numpy==1.0 --hash=sha256:abc", "-r other.txt"]
)
def test_a_line_without_a_hash_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "hashes.txt").write_text(f"{line}\n")
    with pytest.raises(ValueError, match="hashes"):
        package_hashes.read(tmp_path / "hashes.txt")


def test_hashes_of_another_version_are_no_hashes() -> None:
    newer = environment.Pin("numpy", "99.0", environment.AUDIO)
    with pytest.raises(BendError, match=r"no hash for numpy==99\.0"):
        package_hashes.requirements([newer], KNOWN)
