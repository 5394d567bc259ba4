"""The documentation says what the catalogue says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_operators_is_the_catalogues() -> None:
    location = importlib.util.spec_from_file_location("operators_page", ROOT / "tools" / "operators_page.py")
    assert location and location.loader
    module = importlib.util.module_from_spec(location)
    location.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python3 tools/operators_page.py"
