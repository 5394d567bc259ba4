"""Every file appears complete: its writer uses ``core.files.whole.replacing``, or says here why not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "blender_bend"
#: Methods and functions that write to what they are given.
WRITERS = {"write_text", "write_bytes", "save", "savez", "savez_compressed", "save_file", "save_pretrained", "dump"}
MOVERS = {"copy", "copy2", "copyfile", "copytree", "move", "copyfileobj"}
#: Who may write otherwise, by file and function, and why.
ALLOWED = {
    ("core/files/leftovers.py", "temporary"): "is what replacing writes to",
    ("core/files/leftovers.py", "_is_written"): "asks the file system for its clock",
    ("core/files/leftovers.py", "_remove_if_left"): "locks a leftover",
    ("core/process/shared_picture.py", "__init__"): "a file that both sides map; a picture in it is whole or not taken",
    ("core/process/shared_picture.py", "publish"): "a file that both sides map; a picture in it is whole or not taken",
    ("core/process/logs.py", "open_new"): "a log grows while it is read",
    ("core/process/logs.py", "shorten"): "a log grows while it is read",
    ("core/process/logs.py", "_write"): "a log grows while it is read",
    (
        "addon/frames/generation.py",
        "_start",
    ): "a job in a folder that nobody else knows; fsync would stop Blender",
    ("addon/sound/switches.py", "join"): "a mixdown in a folder that nobody else knows; fsync would stop Blender",
    ("engine/host/compiled_cache.py", "_alone"): "a lock",
    ("engine/process/doctor.py", "_write_access"): "tries whether a folder can be written, and leaves nothing",
    ("engine/setup/download.py", "_fetch"): "a download that goes on where it was left; it is checked, then renamed",
    ("engine/setup/environments.py", "leased"): "a lock",
    ("engine/setup/environments.py", "is_used"): "a lock",
    ("engine/setup/environments.py", "locked"): "a lock",
    ("engine/store/frame_store.py", "write"): "memory",
    ("engine/setup/install.py", "_say_end"): "the null device",
    ("engine/process/server.py", "redirect_output"): "a pipe",
    ("engine/__main__.py", "_left_alone"): "the null device",
}


def opens_for_writing(call: ast.Call, name: str) -> bool:
    """Whether a call opens a file in a mode that writes."""
    if name not in {"open", "fdopen", "NamedTemporaryFile", "TemporaryFile"}:
        return False
    texts = [node.value for node in [*call.args, *(word.value for word in call.keywords)] if is_text(node)]
    flags = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    return name.endswith("TemporaryFile") or "O_WRONLY" in flags or any(is_mode(text) for text in texts)


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_mode(text: str) -> bool:
    return bool(set(text) & set("wax+")) and set(text) <= set("rwaxbt+")


def name_of(call: ast.Call) -> str:
    """What is called, without what it belongs to."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def writers(tree: ast.AST, function: str = "", replacing: bool = False) -> Iterator[tuple[str, int, str]]:
    """Function, line and name of each call that writes a file outside of ``replacing``."""
    for node in ast.iter_child_nodes(tree):
        inner, whole = function, replacing
        if isinstance(node, ast.FunctionDef):
            inner = node.name
        if isinstance(node, ast.With):
            items = [item.context_expr for item in node.items]
            whole |= any(isinstance(item, ast.Call) and name_of(item) in {"replacing", "_result"} for item in items)
        if isinstance(node, ast.Call) and not replacing:
            name = name_of(node)
            moves = name in MOVERS and isinstance(getattr(node.func, "value", None), ast.Name)
            moves = moves and node.func.value.id == "shutil"
            # ``self.save`` is a function of this package, which is looked at itself.
            own = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "self"
            writes = name in WRITERS and isinstance(node.func, ast.Attribute) and not own
            if opens_for_writing(node, name) or moves or writes:
                yield inner, node.lineno, name
        yield from writers(node, inner, whole)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=[file.relative_to(PACKAGE).as_posix() for file in FILES])
def test_a_file_is_written_whole(file: Path) -> None:
    name = file.relative_to(PACKAGE).as_posix()
    found = [found for found in writers(ast.parse(file.read_text(encoding="utf-8"))) if (name, found[0]) not in ALLOWED]
    assert found == [], "write it within core.files.replacing, or with core.files.write_whole"


def test_whoever_may_write_otherwise_does_so() -> None:
    """A name that no longer writes is taken out of the table."""
    for name, function in ALLOWED:
        found = {found[0] for found in writers(ast.parse((PACKAGE / name).read_text(encoding="utf-8")))}
        assert function in found, f"{name} {function}"


@pytest.mark.parametrize(
    "source",
    [
        "open(p, 'w')", "p.open('ab')", "p.write_text('')", "np.savez(p, x)", "picture.save(p)", "shutil.copy(a, b)",
        "os.open(p, os.O_WRONLY)", "open(p, mode='r+b')", "json.dump(x, file)", "torch.save(x, p)",
    ],
)  # fmt: skip
def test_the_reader_sees_who_writes(source: str) -> None:
    assert list(writers(ast.parse(f"def f():\n    {source}"))) != []
    assert list(writers(ast.parse(f"def f():\n    with replacing(p) as file:\n        {source}"))) == []


@pytest.mark.parametrize("source", ["open(p)", "open(p, 'rb')", "p.open(encoding='utf-8')", "PIL.Image.open(p)"])
def test_the_reader_lets_those_be_who_read(source: str) -> None:
    assert list(writers(ast.parse(source))) == []
