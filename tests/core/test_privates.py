"""Tests know the product from outside: what they name of it has a public name, or is seen by what it does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = sorted(file for file in (ROOT / "tests").rglob("*.py") if file.name != Path(__file__).name)
#: What begins with one underscore and ends without one.
_PRIVATE = re.compile(r"_(?!_)\w*(?<!_)")
#: The same in a script that a test gives to another process.
_IN_SCRIPT = re.compile(rf"(?<!\bself)(?<=[\w)\]])\.({_PRIVATE.pattern})\b")
#: Names of other libraries that the product has too; by the test's file.
OTHERS = {
    ("ghost_tensors.py", "_parameters"),  # of a torch module
}


def defined(tree: ast.Module) -> Iterator[str]:
    """The private names that a module gives to functions, classes, attributes and values of its own."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
                yield name


def named(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The private names that a test takes from something else: ``it._name``, an import, a text, or within a script."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name, value=owner) if ast.unparse(owner) not in {"self", "cls", "super()"}:
                yield node.lineno, name
            case ast.ImportFrom(names=names):
                yield from ((node.lineno, each.name) for each in names)
            case ast.Call(
                func=ast.Attribute(attr=call) | ast.Name(id=call), args=[_, ast.Constant(value=str(name)), *_]
            ):
                if call in {"setattr", "getattr", "delattr", "hasattr"}:
                    yield node.lineno, name
            case ast.Call(func=ast.Attribute(attr="setattr" | "setitem"), args=[ast.Constant(value=str(path)), *_]):
                yield node.lineno, path.rpartition(".")[2]
            case ast.Constant(value=str(script)):
                yield from ((node.lineno, found[1]) for found in _IN_SCRIPT.finditer(script))


PRIVATES = {
    name
    for file in (ROOT / "blender_bend").rglob("*.py")
    for name in defined(ast.parse(file.read_text(encoding="utf-8")))
    if _PRIVATE.fullmatch(name)
}


def reached(text: str, private: set[str]) -> list[tuple[int, str]]:
    """The lines of a test that name something private of the product, and what; what the test itself has is its own."""
    tree = ast.parse(text)
    own = set(defined(tree))
    return [(line, name) for line, name in named(tree) if name in private - own]


@pytest.mark.parametrize("file", TESTS, ids=[file.name for file in TESTS])
def test_no_test_reaches_into_a_private_of_the_product(file: Path) -> None:
    found = reached(file.read_text(encoding="utf-8"), PRIVATES)
    assert not [(line, name) for line, name in found if (file.name, name) not in OTHERS]


@pytest.mark.parametrize(
    "line",
    [
        "addon.status._count()",
        "monkeypatch.setattr(parts, '_count', 3)",
        "monkeypatch.setattr('blender_bend.core.it._count', 3)",
        "from blender_bend.core.it import _count",
        "assert getattr(work, '_count') == 3",
        "script = f'import sys; {name}; work()._count = 3'",
    ],
)
def test_a_private_is_found_in_whatever_way_it_is_named(line: str) -> None:
    assert set(reached(line, {"_count"})) == {(1, "_count")}
    assert not reached("script = 'class Own: self._count = 3'", {"_count"})


def test_every_excuse_is_needed() -> None:
    found = {(file.name, name) for file in TESTS for _, name in reached(file.read_text(encoding="utf-8"), PRIVATES)}
    assert found == OTHERS
