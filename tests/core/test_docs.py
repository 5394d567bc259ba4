"""The documentation says what the tables say."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

from blender_bend.core.catalogue import OPERATORS
from blender_bend.core.errors import Code

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import pages  # noqa: E402


@pytest.mark.parametrize("name", pages.WRITERS)
def test_a_page_is_its_tables(name: str) -> None:
    module = importlib.import_module(name)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python3 tools/pages.py"


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


def test_what_the_pages_count_is_what_there_is() -> None:
    for page in pages.counting():
        text = page.read_text(encoding="utf-8")
        assert text == pages.counted(text), f"{page.name}: run python3 tools/pages.py"
    counted = pages.COUNTED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {thing for _, _, thing in counted} == {"operators", "features", "presets", "scenes", "samplers"}


def test_a_count_is_written_anew_wherever_a_line_ends() -> None:
    assert pages.counted("It has 3\noperators, 4 hands.") == f"It has {len(OPERATORS)}\noperators, 4 hands."


def test_the_moving_picture_of_the_readme_is_small_and_moves_on_and_on() -> None:
    picture = (ROOT / "docs" / "images" / "film.webp").read_bytes()
    assert len(picture) < 3_000_000 and picture[8:16] == b"WEBPVP8X"
    assert picture.count(b"ANMF") > 100
    header = picture.index(b"ANIM") + 8
    assert picture[header + 4 : header + 6] == bytes(2), "a count of loops; 0 is without end"


def test_the_changelog_tells_of_this_version_in_the_form_of_keep_a_changelog() -> None:
    written = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]
    headings = re.findall(r"^## (.+)$", written, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
    released = [heading.split("]")[0][1:] for heading in headings[1:]]
    assert version in released or f"This will be {version}" in written
    kinds = set(re.findall(r"^### (.+)$", written, re.MULTILINE))
    assert kinds and kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_button_and_panel_that_the_changelog_names_exists() -> None:
    written = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    named = {" ".join(name.split()) for name in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", written)}
    assert len(named) >= 5
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "blender_bend" / "addon").rglob("*.py"))
    assert {name for name in named if f'"{name}"' not in sources} == set()
