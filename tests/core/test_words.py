"""Everything that Bend shows is American English, in the form that Blender gives its own labels and tooltips."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from words import british, faults, label_faults, tooltip_faults

import blender_bend.core
from blender_bend.core import catalogue
from blender_bend.core.wording import titled

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
#: Words that mini was trained with: other words would be other pictures.
TRAINED = {"palettes.py", "table.py", "moods.py"}
#: Options are part of the names of frames and keep their spelling; the interface shows them in the American one.
STORED = {option for operator in catalogue.OPERATORS for choice in operator.choices for option in choice.options}


def _described(value: Any) -> Iterator[tuple[str, str]]:
    """Label and tooltip of whatever a table describes: entries with both, and rows of name, label and tooltip."""
    if is_dataclass(value) and not isinstance(value, type):
        label, summary = getattr(value, "label", None), getattr(value, "summary", None)
        if isinstance(label, str) and isinstance(summary, str):
            yield label, summary
        for field in fields(value):
            yield from _described(getattr(value, field.name))
    elif isinstance(value, tuple) and len(value) == 3 and all(isinstance(part, str) for part in value):
        if value[1][:1].isupper() and " " in value[2]:
            yield value[1], value[2]
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _described(part)
    elif isinstance(value, dict):
        yield from _described(list(value.values()))


def _tables() -> Iterator[tuple[str, str, str]]:
    """Module, label and tooltip of every entry of core's tables."""
    for found in pkgutil.walk_packages(blender_bend.core.__path__, "blender_bend.core."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, tuple | dict):
                yield from ((found.name, label, tooltip) for label, tooltip in _described(value))


def test_labels_and_tooltips_of_the_tables_are_in_blenders_form() -> None:
    entries = sorted(set(_tables()))
    assert len(entries) > 300
    wrong = [(label, label_faults(label)) for _, label, _ in entries if label_faults(label)]
    wrong += [(tooltip, tooltip_faults(tooltip)) for _, _, tooltip in entries if tooltip_faults(tooltip)]
    assert not wrong


def _said(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module that somebody reads: sentences, whole or with values in them, and Blender's tooltips."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    inside -= {id(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    aside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.startswith("BEND_") and ast.get_docstring(node):
            yield node.lineno, ast.get_docstring(node) or ""
        elif isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else " … " for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | aside:
            yield node.lineno, node.value


def test_every_message_and_tooltip_is_american_english() -> None:
    wrong = []
    for path in sorted((ROOT / "blender_bend").rglob("*.py")):
        if path.name in TRAINED and path.parent.name == "scenes":
            continue
        for line, text in _said(path):
            if text not in STORED and " " in text.strip() and re.search(r"[a-z]{3}", text):
                plain = re.sub(r"[`'\"][^`'\" ]*[`'\"]|\w+[/_.]\w+", " ", text)
                wrong += [(path.name, line, text, fault) for fault in faults(plain)]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_american_english(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)|<!--.*?-->", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not faults(text)


@pytest.mark.parametrize("preset", sorted((ROOT / "presets").glob("*.json")), ids=lambda path: path.stem)
def test_a_preset_is_american_english(preset: Path) -> None:
    data = json.loads(preset.read_text(encoding="utf-8"))
    assert not label_faults(data["name"]) and not tooltip_faults(data["summary"])
    assert not list(british(preset.stem.replace("_", " ")))
    assert data["name"] == titled(preset.stem.replace("_", " ")), "the menu shows what the file is called"


@pytest.mark.parametrize("text", ["The colours are normalised", "It was cancelled", "to analyse", "towards the centre"])
def test_british_words_are_found(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize("text", ["Nobody has listened", "Model mini is whole", "so many beats", "the the sound"])
def test_phrases_of_a_translation_and_doubled_words_are_found(text: str) -> None:
    assert faults(text)


def test_what_is_american_is_not_called_wrong() -> None:
    assert not faults(
        "Otherwise noise raises a precise surprise; revised, advised, and comprised analyses rise; a promise"
    )
    assert not label_faults("Noise at the End") and not label_faults("Bake to mini.safetensors")
    assert label_faults("Add bend") and label_faults("Bake Of Sound") and tooltip_faults("Does this.")
