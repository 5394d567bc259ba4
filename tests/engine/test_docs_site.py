"""The documentation as a site: it builds strictly, and its pages need nothing from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import docs_check  # noqa: E402
from docs_parts import diagram  # noqa: E402
from mini.sounds import SOUNDS  # noqa: E402

import docs  # noqa: E402

HOME = '<h1 id="bend">Bend</h1><a href="#bend">here</a><img src="film.png"><p>One<br>two</p>'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``tools/docs.py`` does it."""
    return docs.build(tmp_path_factory.mktemp("docs") / "site")


def test_every_page_of_the_documentation_is_on_the_site(site: Path) -> None:
    written = {file.relative_to(ROOT / "docs").with_suffix(".html") for file in (ROOT / "docs").rglob("*.md")}
    assert len(written) > 15
    for page in written - {Path("pictures/README.html")}:
        assert (site / page.parent / page.name.replace("README", "index")).is_file(), page
    assert {"index.html", "contributing.html", "changelog.html"} <= {file.name for file in site.glob("*.html")}


def test_links_from_the_readme_and_back_lead_to_pages_of_the_site(site: Path) -> None:
    assert 'href="bending.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert 'href="contributing.html"' in (site / "rooms.html").read_text(encoding="utf-8")


def test_the_rooms_are_drawn_without_a_program_from_elsewhere(site: Path) -> None:
    page = (site / "rooms.html").read_text(encoding="utf-8")
    assert page.count("<svg viewBox=") >= 3 and ">flowchart" not in page and "mermaid" not in page


def test_boxes_of_a_flowchart_keep_apart_and_arrows_lead_down() -> None:
    source = (ROOT / "docs" / "rooms.md").read_text(encoding="utf-8")
    charts = re.findall(r"```mermaid\n(.+?)```", source, re.DOTALL)
    assert len(charts) == 3
    for chart in charts:
        graph = diagram.read(chart)
        drawn = diagram.svg(graph)
        assert all(f">{room}</text>" in drawn for room in graph)
        boxes = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)"', drawn)
        places = sorted((int(y), int(x), int(width)) for x, y, width in boxes)
        assert len(places) == len(graph)
        for (y, x, width), (below, right, _) in pairwise(places):
            assert below > y or right > x + width
        for _, start, bend, end in re.findall(r"M(\d+),(\d+)(?:V\d+)?C\d+,(\d+) \d+,\d+ \d+,(\d+)", drawn):
            assert int(start) < int(bend) < int(end)


@pytest.mark.parametrize("source", ["sequenceDiagram\n a --> b", "flowchart TD\n a --> b\n a -.-> c"])
def test_a_diagram_that_is_more_than_arrows_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="more than arrows"):
        diagram.read(source)


def test_the_readme_counts_the_sites_of_mini_and_the_sounds_it_knows() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = [sys.executable, "-m", "blender_bend.engine", "sites", "mini", "--depth", "0", "--json"]
    sites = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert re.findall(r"(\d+) sites", readme) == [str(len(sites))]
    assert re.findall(r"(\d+) kinds of sound", readme) == [str(len(SOUNDS))]


def test_a_page_without_faults_has_none(tmp_path: Path) -> None:
    write(tmp_path, HOME)
    assert docs_check.faults(tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
        ('<a href="#gone">x</a>', "#gone leads nowhere"),
        ('<a href="index.html#gone">x</a>', "index.html#gone leads nowhere"),
        ('<img src="gone.png">', "gone.png leads nowhere"),
        ('<script src="https://cdn.example/m.js"></script>', "fetches https://cdn.example/m.js"),
        ('<link rel="stylesheet" href="//fonts.example/f.css">', "fetches //fonts.example/f.css"),
        ("<p>Choose:\n- one\n- two</p>", "a list lacks the empty line"),
    ],
)
def test_a_fault_on_a_page_is_named(tmp_path: Path, wrong: str, fault: str) -> None:
    write(tmp_path, HOME + wrong)
    (found,) = docs_check.faults(tmp_path)
    assert found.startswith("index.html: ") and fault in found


def test_a_style_sheet_that_fetches_a_font_is_named(tmp_path: Path) -> None:
    write(tmp_path, HOME)
    (tmp_path / "a.css").write_text("@font-face { src: url(https://fonts.example/f.woff2) }")
    assert docs_check.faults(tmp_path) == ["a.css: fetches https://fonts.example/f.woff2"]


def write(folder: Path, page: str) -> None:
    """A site of one page."""
    (folder / "index.html").write_text(page)
    (folder / "film.png").write_bytes(b"")
