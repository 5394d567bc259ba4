"""Where everything is: what each side may import, the floors of its rooms, and no circles.

Found by reading every import, also those inside functions; those for annotations alone do not count for the floors.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "blender_bend"
_location = importlib.util.spec_from_file_location("rooms_page", ROOT / "tools" / "rooms_page.py")
assert _location and _location.loader
rooms_page = importlib.util.module_from_spec(_location)
_location.loader.exec_module(rooms_page)
imports, package_of, room_of = rooms_page.imports, rooms_page.package_of, rooms_page.room_of
modules_of, neighbors = rooms_page.modules_of, rooms_page.neighbors

#: What each room may import besides the standard library and itself.
ROOMS = {
    "core": {"numpy"},
    "addon": {"bpy", "aud", "blf", "gpu", "gpu_extras", "numpy", "blender_bend.core"},
    "engine": {
        "numpy", "scipy", "sklearn", "librosa", "numba", "soundfile", "torch", "diffusers", "transformers",
        "safetensors", "accelerate", "PIL", "huggingface_hub", "psutil", "compel", "blender_bend.core",
    },
}  # fmt: skip
#: The rooms of each side from below: modules of a room import those of its own and of floors below it.
FLOORS = {
    "core": (
        ("", "files"),
        ("bends", "catalogue", "pictures", "process", "prompts", "samplers", "sound"),
        ("checkpoints", "curves"),
        ("job", "models"),
        ("presets", "resources"),
        ("sheets",),
    ),
    "engine": (
        ("host", "loras", "scenes", "setup"),
        ("analysis", "bending", "families", "store"),
        ("loading", "sonic"),
        ("prompts",),
        ("sampling",),
        ("studies",),
        ("rendering",),
        ("commands", "process"),
        ("",),
    ),
    "addon": (
        ("host",),
        ("process", "timeline"),
        ("settings", "sound"),
        ("capture", "measuring", "prompts"),
        ("baking", "condition"),
        ("film",),
        ("frames", "live", "store"),
        ("gallery",),
        ("explorer",),
        ("panels",),
        ("operators",),
        ("",),
    ),
}
#: How many modules a newcomer meets at once; a catalogue of like things may have some more.
MOST_MODULES = 13
FILES = [(room, file) for room in ROOMS for file in sorted((PACKAGE / room).rglob("*.py"))]
TOOLS = sorted((ROOT / "tools").glob("*.py"))


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
    source = "import os.path\ndef f():\n    from ..engine import lamps\n    import torch.nn\nfrom . import lamps"
    assert set(imports(source, "blender_bend.core")) == {
        "os.path",
        "blender_bend.engine.lamps",
        "torch.nn",
        "blender_bend.core.lamps",
    }
    assert set(imports(source, "blender_bend.core", inside_functions=False)) == {"os.path", "blender_bend.core.lamps"}


def test_a_neighbouring_name_is_not_a_permission() -> None:
    assert not allowed("numpy_financial", {"numpy"})
    assert not allowed("blender_bend.core_extras", {"blender_bend.core"})
    assert allowed("numpy.linalg", {"numpy"})


@pytest.mark.parametrize("side", FLOORS)
def test_imports_point_down_the_floors_only(side: str) -> None:
    floors = {room: number for number, rooms in enumerate(FLOORS[side]) for room in rooms}
    assert set(floors) == {room_of(module) for module in modules_of(side)} | {""}
    upward = [
        f"{module} -> {other}"
        for module, others in neighbors(side).items()
        for other in others
        if module.count(".") > 1 and other.count(".") > 1 and room_of(module) != room_of(other)
        if floors[room_of(other)] >= floors[room_of(module)]
    ]
    assert upward == []


@pytest.mark.parametrize("side", FLOORS)
def test_no_modules_import_each_other_in_a_circle(side: str) -> None:
    graph = dict(neighbors(side))
    while ends := [name for name, others in graph.items() if not others & set(graph)]:
        for name in ends:
            del graph[name]
    assert graph == {}, "these, and what imports them"


@pytest.mark.parametrize("side", FLOORS)
def test_no_room_is_crowded_and_each_says_what_it_is_for(side: str) -> None:
    for folder in {file.parent for file in modules_of(side).values()}:
        count = sum(file.name != "__init__.py" for file in folder.glob("*.py"))
        assert count <= MOST_MODULES, f"{folder.name} has {count} modules"
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder
