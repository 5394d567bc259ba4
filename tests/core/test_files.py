"""Files that are there are complete."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from blender_bend.core.files.whole import read_regular, replacing, sweep

ROOT = Path(__file__).resolve().parents[2]


def test_the_file_appears_whole_and_alone(tmp_path: Path) -> None:
    with replacing(tmp_path / "frame") as file:
        file.write(b"half")
        assert not (tmp_path / "frame").exists()
        file.write(b" and half")
    assert [path.name for path in tmp_path.iterdir()] == ["frame"]
    assert (tmp_path / "frame").read_bytes() == b"half and half"


def test_what_goes_wrong_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "frame").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "frame") as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["frame"]
    assert (tmp_path / "frame").read_bytes() == b"old"


def test_a_target_that_cannot_be_replaced_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "frame").mkdir()
    with pytest.raises(OSError), replacing(tmp_path / "frame") as file:
        file.write(b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["frame"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps what is young")
def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from blender_bend.core.files.whole import replacing
with replacing(Path({str(tmp_path / "frame")!r})) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert len(list(tmp_path.iterdir())) == 3
    with replacing(tmp_path / "other") as file:
        file.write(b"whole")
        assert sweep(tmp_path) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert (tmp_path / "other").read_bytes() == b"whole"


def test_sweeping_beside_many_writers_costs_none_of_them_its_file(tmp_path: Path) -> None:
    stop = threading.Event()

    def sweeping() -> None:
        while not stop.is_set():
            sweep(tmp_path)

    def writing(number: int) -> None:
        for turn in range(50):
            with replacing(tmp_path / f"{number} {turn}") as file:
                file.write(b"whole")

    sweeper = threading.Thread(target=sweeping)
    writers = [threading.Thread(target=writing, args=(number,)) for number in range(4)]
    for thread in (sweeper, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    sweeper.join()
    assert len(list(tmp_path.iterdir())) == 200
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"whole"}


def test_a_small_file_takes_little_memory_however_large_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(b"abc")
    tracemalloc.start()
    try:
        assert read_regular(path, 1 << 31) == b"abc"
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1e6
