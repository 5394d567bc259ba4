"""The documentation says what the tables say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["operators_page", "features_page"])
def test_a_page_is_its_tables(name: str) -> None:
    location = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert location and location.loader
    module = importlib.util.module_from_spec(location)
    location.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), f"run python3 tools/{name}.py"
