"""The documentation says what the catalogue says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from blender_bend.core.errors import Code

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_operators_is_the_catalogues() -> None:
    location = importlib.util.spec_from_file_location("operators_page", ROOT / "tools" / "operators_page.py")
    assert location and location.loader
    module = importlib.util.module_from_spec(location)
    location.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python3 tools/operators_page.py"


def test_every_failure_stands_in_the_table_of_troubles() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert [code for code, _, _ in rows] == sorted(Code)
