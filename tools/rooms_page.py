"""Writes docs/rooms.md: every room of the code, what it is for, and a picture of what imports what.

python3 tools/rooms_page.py
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "blender_bend"
PAGE = ROOT / "docs" / "rooms.md"
SIDES = ("core", "addon", "engine")

INTRODUCTION = """# The rooms of the code

<!-- Written by tools/rooms_page.py from the imports; a test keeps it true. -->

Bend has three sides. `core` is the vocabulary that both programs share, `addon` runs inside Blender, and `engine` is
the child process that measures sound and makes pictures. `addon` and `engine` never import each other: they talk in
JSON lines (`core/process/messages.py`).

Within a side, modules stand in rooms by subject, and imports point down only; `tests/core/test_rooms.py` holds the
floors. [CONTRIBUTING](../CONTRIBUTING.md) tells where to add something, [architecture](architecture.md) why it is built
this way. Of the arrows between rooms, those that a longer way says too are left out.
"""


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


def modules_of(side: str) -> dict[str, Path]:
    """The modules of a side by name, packages included."""
    found = {}
    for file in sorted((PACKAGE / side).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@functools.cache
def neighbors(side: str) -> dict[str, set[str]]:
    """What each module of a side imports of the same side when it runs; imports for annotations alone are left out."""
    modules = modules_of(side)
    graph = {}
    for name, file in modules.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]
        found = imports(ast.unparse(tree), package_of(file))
        graph[name] = {module if module in modules else module.rpartition(".")[0] for module in found} & set(modules)
    return {name: others - {name} for name, others in graph.items()}


def room_of(module: str) -> str:
    """The room of a module within its side; empty for one that is in none."""
    parts = module.split(".")[2:]
    in_room = len(parts) > 1 or (parts and (ROOT / module.replace(".", "/")).is_dir())
    return parts[0] if in_room else ""


def between_rooms(side: str) -> dict[str, set[str]]:
    """Which rooms each room of a side imports from."""
    graph: dict[str, set[str]] = {}
    for module, others in neighbors(side).items():
        room = room_of(module)
        if room:
            graph.setdefault(room, set()).update(found for found in map(room_of, others) if found and found != room)
    return graph


def without_shortcuts(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same graph without arrows that a longer way says too."""

    def reached(room: str) -> set[str]:
        return graph[room].union(*map(reached, graph[room]))

    return {
        room: {other for other in others if not any(other in reached(way) for way in others - {other})}
        for room, others in graph.items()
    }


def floors(graph: dict[str, set[str]]) -> list[list[str]]:
    """The rooms from the ground up: each stands on those that it imports from."""
    left, found = dict(graph), []
    while left:
        floor = sorted(room for room, others in left.items() if not others & set(left))
        found.append(floor)
        left = {room: others for room, others in left.items() if room not in floor}
    return found


def page() -> str:
    """The page."""
    parts = [INTRODUCTION]
    for side in SIDES:
        graph = between_rooms(side)
        parts.append(f"## {side}\n\n{_purpose(PACKAGE / side)}\n")
        arrows = [(room, other) for room, others in without_shortcuts(graph).items() for other in others]
        drawn = [f"  {room} --> {other}" for room, other in sorted(arrows)]
        parts.append("\n".join(["```mermaid", "flowchart TD", *drawn, "```"]) + "\n")
        rows = ["| floor | room | what it is for |", "|---|---|---|"]
        for number, rooms in reversed(list(enumerate(floors(graph)))):
            rows += [f"| {number} | `{side}/{room}` | {_purpose(PACKAGE / side / room)} |" for room in rooms]
        parts.append("\n".join(rows) + "\n")
        loose = [file.name for file in sorted((PACKAGE / side).glob("*.py")) if file.name != "__init__.py"]
        parts.append("In no room: " + ", ".join(f"`{name}`" for name in loose) + ".\n")
    return "\n".join(parts)


def _purpose(folder: Path) -> str:
    words = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    return " ".join(words.split("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
