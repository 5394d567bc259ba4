"""Checks the types of all of Bend, the add-on with the stubs of every Blender that it supports.

python3 tools/check_types.py [mypy arguments]
"""

from __future__ import annotations

import os
import subprocess
import sys

import blender_stubs
import environments


def check(blender: str, arguments: list[str]) -> int:
    """Run mypy with the types of a Blender; what mypy answers."""
    environment = {**os.environ, "MYPYPATH": str(blender_stubs.ensure(blender))}
    mypy = [str(environments.ENGINE.interpreter), "-m", "mypy", "--python-version", blender_stubs.PYTHONS[blender]]
    print(f"With the types of Blender {blender}:", flush=True)
    return subprocess.run([*mypy, *arguments], cwd=environments.ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    first, *others = blender_stubs.PYTHONS
    answers = [check(first, sys.argv[1:])]
    answers += [check(blender, [*sys.argv[1:], "--package", "blender_bend.addon"]) for blender in others]
    sys.exit(max(answers))
