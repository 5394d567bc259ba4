"""Engines that compile librosa's functions at the same time leave a cache that is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from numba.core.caching import IndexDataCacheFile

ROOT = Path(__file__).resolve().parents[2]
WRITERS, FUNCTIONS = 3, 40
#: A child that writes functions of its own into one cache, as soon as all the others are there.
WRITER = """
import sys, time
from pathlib import Path
from numba.core.caching import IndexDataCacheFile
from blender_bend.engine import compiled_cache
folder, name, writers, functions = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
(folder / f"{name}.here").touch()
while len(list(folder.glob("*.here"))) < writers:
    time.sleep(0.001)
cache = IndexDataCacheFile(str(folder), "function", "stamp")
for number in range(functions):
    cache.save((name, number), f"code of {name} {number}")
"""


def test_functions_that_processes_compile_at_once_keep_their_own_code(tmp_path: Path) -> None:
    """Without the lock about half of the functions are lost, and many keys lead to another's code."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    names = [f"process {number}" for number in range(WRITERS)]
    children = [subprocess.Popen([*command, name, str(WRITERS), str(FUNCTIONS)], cwd=ROOT) for name in names]
    assert [child.wait() for child in children] == [0] * WRITERS
    cache = IndexDataCacheFile(str(tmp_path), "function", "stamp")
    for name in names:
        for number in range(FUNCTIONS):
            assert cache.load((name, number)) == f"code of {name} {number}"
