"""The built zip: it installs from disk, works, and leaves without a trace."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from timeline import MODULE, ROOT


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The zip, built and validated as ``tools/build.py`` does it, with the tool of this Blender."""
    sys.path.insert(0, str(ROOT / "tools"))
    import build

    tool = build.extension_tool(Path(sys.executable))
    target = tmp_path_factory.mktemp("dist") / "blender_bend.zip"
    build.run_tool(Path(sys.executable), tool, target)
    return target


@pytest.fixture(scope="module")
def seen(archive, tmp_path_factory):
    """What a Blender of its own saw while the extension came and went."""
    report = tmp_path_factory.mktemp("visit") / "report.json"
    command = [sys.executable, ROOT / "tests" / "blender" / "visit_extension.py", archive, report]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads(report.read_text())


def test_the_zip_installs_from_disk_and_works(seen):
    assert MODULE in seen["installed"]["addons"]
    assert seen["made"] == ["FINISHED"]
    assert "bend_settings" in seen["installed"]["properties"]["ImageStrip"]
    assert seen["installed"]["menus"]["SEQUENCER_MT_add"] == ["draw_add"]


def test_disabling_leaves_no_type_handler_property_menu_entry_or_operator(seen):
    for kind in ("types", "handlers", "properties", "menus", "operators", "addons"):
        assert seen["disabled"][kind] == seen["before"][kind], kind


def test_enabling_again_gives_the_same_again(seen):
    assert seen["enabled_again"] == seen["installed"]


def test_removing_leaves_nothing_at_all(seen):
    assert seen["removed"] == seen["before"]


def test_the_zip_is_small_and_holds_only_the_extension(archive):
    assert archive.stat().st_size < 40_000_000
    tops = {name.split("/")[0] for name in zipfile.ZipFile(archive).namelist()}
    assert tops <= {"__init__.py", "blender_manifest.toml", "blender_bend", "presets", "wheels", "README.md", "LICENSE"}


def test_manifest_and_project_have_one_version():
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == manifest["version"]
