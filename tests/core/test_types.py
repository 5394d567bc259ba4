"""What the type checker is told to overlook, and that it knows every Blender."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "blender_bend"
MYPY = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
EXCUSED = [
    pattern
    for part in MYPY["overrides"]
    for pattern in part["module"]
    if "valid-type" in part.get("disable_error_code", ())
]
#: Blenders, as the environments name them.
_ENVIRONMENTS = (ROOT / "tools" / "environments.py").read_text(encoding="utf-8")
BLENDERS = re.findall(r'Environment\("blender-([\d.]+)"', _ENVIRONMENTS)


def has_properties(file: Path) -> bool:
    """Whether a class of a file has an annotation that is a Blender property."""
    return any(
        isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.Call)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    )


@pytest.mark.parametrize("file", sorted((PACKAGE / "addon").rglob("*.py")), ids=lambda file: file.stem)
def test_the_addon_needs_no_excuse(file: Path) -> None:
    assert "type: ignore" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("pattern", EXCUSED)
def test_annotations_that_are_no_types_are_excused_only_where_blender_has_properties(pattern: str) -> None:
    place = PACKAGE.parent / pattern.removesuffix(".*").replace(".", "/")
    files = place.rglob("*.py") if pattern.endswith("*") else [place.with_suffix(".py")]
    assert any(map(has_properties, files))


def test_the_types_of_every_blender_are_pinned() -> None:
    assert BLENDERS
    for blender in BLENDERS:
        pinned = (ROOT / "wheels" / f"stubs-{blender}.txt").read_text(encoding="utf-8")
        assert re.fullmatch(rf"fake-bpy-module-{re.escape(blender)}==\d+\n", pinned)


def test_all_three_sides_are_checked() -> None:
    assert {name.rpartition(".")[2] for name in MYPY["packages"]} == {"core", "engine", "addon"}
