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
from blender_bend.engine.host import compiled_cache
folder, name, writers, functions = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
(folder / f"{name}.here").touch()
while len(list(folder.glob("*.here"))) < writers:
    time.sleep(0.001)
cache = IndexDataCacheFile(str(folder), "function", "stamp")
for number in range(functions):
    cache.save((name, number), f"code of {name} {number}")
"""

#: A module with a generalized ufunc like librosa's of pitch; its code refers to data by names of its process.
UFUNC = """
import numba
@numba.stencil
def sums(x):
    return x[-1] + x[0] + x[1]
@numba.guvectorize(["void(float64[:], float64[:])"], "(n)->(n)", cache=True, nopython=True)
def summed(x, y):
    y[:] = sums(x)
"""
#: A child that compiles it. The second has compiled others before, so that it counts otherwise than the first. Both
#: look into the empty cache, the second writes all, and only then the first writes the loop.
COMPILER = """
import sys, time
from pathlib import Path
import numba, numpy
from blender_bend.engine.host import compiled_cache
from numba.core.caching import IndexDataCacheFile
folder, name, before = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
sys.path.insert(0, str(folder))
for number in range(before):
    numba.njit(lambda x: numpy.empty(number))(1.0)
load, save, written = IndexDataCacheFile.load, IndexDataCacheFile.save, []
def wait(mark):
    until = time.monotonic() + 4
    while not (folder / mark).exists() and time.monotonic() < until:
        time.sleep(0.01)
def looking(*arguments):
    (folder / f"{name}.looked").touch()
    return load(*arguments)
def writing(*arguments):
    written.append(name)
    if name == "first":
        wait("second.looked" if len(written) == 1 else "second.ended")
    elif name == "second" and len(written) == 1:
        wait("first.wrote")
    save(*arguments)
    (folder / f"{name}.wrote").touch()
IndexDataCacheFile.load, IndexDataCacheFile.save = looking, writing
if name == "second":
    wait("first.looked")
import ufunc
print(ufunc.summed(numpy.arange(4.0)).tolist())
(folder / f"{name}.ended").touch()
"""


def test_a_ufunc_that_two_processes_compile_at_once_can_be_loaded_by_a_third(tmp_path: Path) -> None:
    """Without the lock the second replaces the function before the first writes its loop, and the third crashes."""
    (tmp_path / "ufunc.py").write_text(UFUNC)

    def start(name: str, before: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", COMPILER, str(tmp_path), name, str(before)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    both = [start("first", 0), start("second", 2)]
    assert [child.communicate()[0].strip() for child in both] == ["[0.0, 3.0, 6.0, 0.0]"] * 2
    third = start("third", 0)
    assert third.communicate()[0].strip() == "[0.0, 3.0, 6.0, 0.0]" and third.returncode == 0


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
