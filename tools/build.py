"""Builds the extension zip into dist/ and validates it, both with Blender's own tool.

python3 tools/build.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import environments
from environments import ROOT

DIST = ROOT / "dist"
LARGEST = 40_000_000


def extension_tool(interpreter: Path) -> Path:
    """Blender's command line for extensions, which comes with the bpy package."""
    pattern = "lib/python3*/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    return next(interpreter.parent.parent.glob(pattern))


def run_tool(python: Path, tool: Path, target: Path) -> None:
    """Let Blender's tool build the zip and validate it.

    Raises
    ------
    SystemExit with the tool's words if it refuses
    """
    for command in (["build", "--source-dir", ROOT, "--output-filepath", target], ["validate", target]):
        done = subprocess.run([python, tool, *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}{done.stderr}\nBlender's tool refused to {command[0]} the extension.")


def build() -> Path:
    """Build and validate the zip.

    Raises
    ------
    SystemExit with the tool's words if it refuses, or if the zip is too large
    """
    blenders = environments.available_blenders()
    if not blenders:
        sys.exit("Building needs Python 3.11 or 3.13 for Blender's own tool.")
    python = blenders[-1].interpreter
    tool = extension_tool(python)
    DIST.mkdir(exist_ok=True)
    manifest = (ROOT / "blender_manifest.toml").read_text().splitlines()
    version = next(line.split('"')[1] for line in manifest if line.startswith("version"))
    target = DIST / f"blender_bend-{version}.zip"
    run_tool(python, tool, target)
    size = target.stat().st_size
    if size > LARGEST:
        sys.exit(
            f"{target} has {size / 1e6:.1f} MB; an extension without wheels must stay below {LARGEST / 1e6:.0f} MB."
        )
    print(f"{target.relative_to(ROOT)}  {size / 1e6:.1f} MB, validated")
    return target


if __name__ == "__main__":
    build()
