"""The three rooms import only what DESIGN allows; found by reading every import, also those inside functions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "blender_bend"

#: What each room may import besides the standard library and itself.
ROOMS = {
    "core": {"numpy"},
    "addon": {"bpy", "aud", "blf", "gpu", "gpu_extras", "numpy", "blender_bend.core"},
    "engine": {
        "numpy", "scipy", "sklearn", "librosa", "numba", "soundfile", "torch", "diffusers", "transformers",
        "safetensors", "accelerate", "PIL", "huggingface_hub", "psutil", "compel", "blender_bend.core",
    },
}  # fmt: skip
FILES = [(room, file) for room in ROOMS for file in sorted((PACKAGE / room).rglob("*.py"))]
TOOLS = sorted((ROOT / "tools").glob("*.py"))


def imports(source: str, package: str, inside_functions: bool = True) -> Iterator[str]:
    """Every module that a source file imports, with relative imports resolved against its package."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    if not inside_functions:
        hidden = {
            id(inner)
            for outer in nodes
            if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for inner in ast.walk(outer)
        }
        nodes = [node for node in nodes if id(node) not in hidden]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            kept = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*kept, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def package_of(file: Path) -> str:
    """The package that relative imports of a file start from."""
    return ".".join(file.relative_to(ROOT).parent.parts)


def allowed(module: str, names: set[str]) -> bool:
    """Whether a module is one of the names, lies below one, or belongs to the standard library."""
    return module.split(".")[0] in sys.stdlib_module_names or any(f"{module}.".startswith(f"{name}.") for name in names)


@pytest.mark.parametrize(("room", "file"), FILES, ids=[file.relative_to(PACKAGE).as_posix() for _, file in FILES])
def test_a_room_imports_only_what_it_may(room: str, file: Path) -> None:
    names = ROOMS[room] | {f"blender_bend.{room}"}
    found = imports(file.read_text(encoding="utf-8"), package_of(file))
    assert [module for module in found if not allowed(module, names)] == []


def test_every_room_has_files_to_look_at() -> None:
    assert {room for room, _ in FILES} == set(ROOMS)


@pytest.mark.parametrize("file", TOOLS, ids=[file.name for file in TOOLS])
def test_a_tool_needs_only_the_standard_library_and_core(file: Path) -> None:
    names = {tool.stem for tool in TOOLS} | {"blender_bend.core"}
    found = imports(file.read_text(encoding="utf-8"), "")
    assert [module for module in found if not allowed(module, names)] == []


@pytest.mark.parametrize("file", [ROOT / "__init__.py", PACKAGE / "__init__.py"], ids=["extension", "blender_bend"])
def test_the_entries_import_nothing_of_blender_at_module_level(file: Path) -> None:
    found = imports(file.read_text(encoding="utf-8"), package_of(file), inside_functions=False)
    assert [module for module in found if not allowed(module, set())] == []


def test_the_reader_sees_imports_inside_functions_and_resolves_relative_ones() -> None:
    source = "import os.path\ndef f():\n    from ..engine import models\n    import torch.nn\nfrom . import sites"
    assert set(imports(source, "blender_bend.core")) == {
        "os.path",
        "blender_bend.engine.models",
        "torch.nn",
        "blender_bend.core.bends.sites",
    }
    assert set(imports(source, "blender_bend.core", inside_functions=False)) == {
        "os.path",
        "blender_bend.core.bends.sites",
    }


def test_a_neighbouring_name_is_not_a_permission() -> None:
    assert not allowed("numpy_financial", {"numpy"})
    assert not allowed("blender_bend.core_extras", {"blender_bend.core"})
    assert allowed("numpy.linalg", {"numpy"})
