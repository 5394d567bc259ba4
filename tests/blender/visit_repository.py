"""A Blender of its own adds a repository, installs Bend from it, updates it, and writes down what it saw.

python tests/blender/visit_repository.py URL SERVED NEWER REPORT.json

SERVED is the folder behind the URL; NEWER is put in its place before the update.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import tomllib
from pathlib import Path

RESOURCES = tempfile.mkdtemp(prefix="bend-repository-")
os.environ["BLENDER_USER_RESOURCES"] = RESOURCES
import bpy  # noqa: E402

NAME = "blender_bend"


def state(module: str) -> dict[str, object]:
    """What of Bend is installed and enabled."""
    manifest = Path(RESOURCES, "extensions", module, NAME, "blender_manifest.toml")
    return {
        "version": tomllib.loads(manifest.read_text())["version"] if manifest.is_file() else "",
        "enabled": f"bl_ext.{module}.{NAME}" in bpy.context.preferences.addons,
        "registered": "add_strip" in dir(bpy.ops.bend),
    }


def main(url: str, served: str, newer: str, report: str) -> None:
    """The visit."""
    preferences = bpy.context.preferences
    preferences.system.use_online_access = True
    while preferences.extensions.repos:  # of these, no server is here
        preferences.extensions.repos.remove(preferences.extensions.repos[0])
    bpy.ops.preferences.extension_repo_add(name="Bend", type="REMOTE", remote_url=url, use_sync_on_startup=False)
    (repository,), index = preferences.extensions.repos, 0
    bpy.ops.extensions.repo_sync(repo_index=index)
    seen = {"before": state(repository.module)}
    bpy.ops.extensions.package_install(repo_index=index, pkg_id=NAME, enable_on_install=True)
    seen["installed"] = state(repository.module)
    os.rename(served, f"{served}-old")
    os.rename(newer, served)
    bpy.ops.extensions.repo_sync(repo_index=index)
    bpy.ops.extensions.package_upgrade_all()
    seen["updated"] = state(repository.module)
    Path(report).write_text(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
