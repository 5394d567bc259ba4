"""The repository of ``tools/build.py --repository``: Blender installs Bend from it over the network, and updates it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import tomllib
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from timeline import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import build

VERSION = tomllib.loads((ROOT / "blender_manifest.toml").read_text())["version"]
NEWER = "99.0.0"
PYTHON, TOOL = Path(sys.executable), build.extension_tool(Path(sys.executable))


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and notes what was asked for."""

    asked: list[str] = []

    def log_message(self, *_):
        """Note the path."""
        self.asked.append(self.path.partition("?")[0])


@contextmanager
def serving(folder):
    """A server of plain files on the loopback; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The zip."""
    target = tmp_path_factory.mktemp("dist") / f"blender_bend-{VERSION}.zip"
    build.run_tool(PYTHON, TOOL, target)
    return target


def of_version(archive, version, folder):
    """The same zip, but another version."""
    target = folder / f"blender_bend-{version}.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("blender_manifest.toml"):
                content = content.replace(f'version = "{VERSION}"'.encode(), f'version = "{version}"'.encode(), 1)
            new.writestr(name, content)
    return target


def test_blender_installs_from_the_repository_and_updates(archive, tmp_path):
    served, newer, report = tmp_path / "site" / "blender", tmp_path / "newer", tmp_path / "report.json"
    build.write_repository(PYTHON, TOOL, archive, served)
    build.write_repository(PYTHON, TOOL, of_version(archive, NEWER, tmp_path), newer)
    with serving(tmp_path / "site") as address:
        visit = [sys.executable, ROOT / "tests" / "blender" / "visit_repository.py"]
        done = subprocess.run(
            [*visit, f"{address}/blender/index.json", served, newer, report], capture_output=True, text=True
        )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(report.read_text())
    assert seen["before"] == {"version": "", "enabled": False, "registered": False}
    assert seen["installed"] == {"version": VERSION, "enabled": True, "registered": True}
    assert seen["updated"] == {"version": NEWER, "enabled": True, "registered": True}
    assert set(Quiet.asked) == {
        "/blender/index.json", f"/blender/blender_bend-{VERSION}.zip", f"/blender/blender_bend-{NEWER}.zip",
    }  # fmt: skip


def test_the_page_of_the_repository_has_the_zip_to_drag_and_fetches_nothing(archive, tmp_path):
    build.write_repository(PYTHON, TOOL, archive, tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert f"{archive.name}?repository=" in page and "://" not in page


def test_a_second_version_beside_the_first_is_refused(archive, tmp_path_factory, tmp_path):
    newer = of_version(archive, NEWER, tmp_path_factory.mktemp("newer"))
    build.write_repository(PYTHON, TOOL, archive, tmp_path)
    build.write_repository(PYTHON, TOOL, archive, tmp_path)
    with pytest.raises(SystemExit, match=f"other zips: blender_bend-{VERSION}.zip"):
        build.write_repository(PYTHON, TOOL, newer, tmp_path)
    listed = json.loads((tmp_path / "index.json").read_text())["data"]
    assert [package["version"] for package in listed] == [VERSION]
