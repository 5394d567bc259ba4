"""The tables "What you have → what happens" of docs/models.md: each row has a case that ends as the row says."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_downloads import Downloads
from hub_server import Hub
from what_you_have import Bench, Case, cases

from blender_bend.core.errors import BendError
from blender_bend.core.job.job import Job
from blender_bend.engine.rendering.render import Renderer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
CASES = dict(cases())
#: Its marker, what one has, what happens, and how it ends: "renders", or the code of an error.
ROW = re.compile(
    r"^\| <!-- (?P<marker>[\w-]+) -->(?P<have>.+) \| (?P<happens>.+) \| `?(?P<end>\w+)`? \|$", re.MULTILINE
)
ROWS = {row["marker"]: row for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub for one model after the other."""
    server = Hub({})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def bench(
    hub: Hub, renderer: Renderer, make_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """What a case works with."""
    downloads = Downloads(hub.address, tmp_path / "hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(downloads.cache))
    return Bench(tmp_path, renderer, make_job, hub, downloads)


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert set(ROWS) == set(CASES)
    assert len(ROWS) == len(re.findall(r"^\| <!-- ", text, re.MULTILINE)), "a row is not in its form, or there twice"


@pytest.mark.parametrize(("marker", "case"), CASES.items(), ids=CASES)
def test_what_you_have_ends_as_the_row_says(marker: str, case: Case, bench: Bench) -> None:
    try:
        case(bench)
        end = "renders"
    except BendError as error:
        end = str(error.code)
        assert error.hint and "Error" not in error.message, error.message
    assert end == ROWS[marker]["end"]
