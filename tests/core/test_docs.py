"""The documentation says what the tables say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from blender_bend.core.errors import Code

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["operators_page", "features_page", "samplers_page", "rooms_page"])
def test_a_page_is_its_tables(name: str) -> None:
    location = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert location and location.loader
    module = importlib.util.module_from_spec(location)
    location.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), f"run python3 tools/{name}.py"


def test_every_failure_stands_in_the_table_of_troubles() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert [code for code, _, _ in rows] == sorted(Code)


def test_every_promise_of_the_threat_model_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    promises = re.findall(r"^\| (\d+) \| \*\*.+\*\* \| .+ \| (.+) \|$", page, re.MULTILINE)
    assert [int(number) for number, _ in promises] == list(range(1, len(promises) + 1)) and len(promises) > 15
    assert all("::test_" in tests for _, tests in promises)
    for file, test in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page):
        written = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", written, re.MULTILINE), f"{file} has no {test}"


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_is_named_for_the_next_engineer_exists(page: str) -> None:
    written = (ROOT / page).read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`((?:python3 )?[\w./*-]+)`", written) if "/" in name or name.endswith(".py")}
    assert len(named) > 5
    last = ROOT
    for name in re.findall(r"`(?:python3 )?([\w./*-]+)`", written):
        if "/" not in name and not name.endswith(".py"):
            continue
        pattern = name.replace("FAMILY", "*").replace("-X", "-*").rstrip("/")
        places = [folder for folder in (ROOT, ROOT / "blender_bend", last) if list(folder.glob(pattern))]
        assert places, f"{page} names {name}"
        if "/" in name:
            last = (places[0] / pattern).parent
