"""A picture shared by two processes is whole or not there; one that is kept is what it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.process import shared_picture
from blender_bend.core.process.shared_picture import Picture, Shared

ROOT = Path(__file__).resolve().parents[2]
#: Writes pictures of one color as fast as it can, until it is killed.
WRITER = """
import itertools, sys
from pathlib import Path
from blender_bend.core.process.shared_picture import Picture, publish
for number in itertools.count(1):
    color = number % 256
    size = (64 + 8 * (number % 5), 48 + 8 * (number % 3))
    publish(Path(sys.argv[1]), Picture(f"{number:064x}", size, bytes([color]) * (3 * size[0] * size[1])), number)
    if number == 1:
        print("began", flush=True)
"""


def picture(color: int, size: tuple[int, int] = (3, 2)) -> Picture:
    return Picture(f"{color:064x}", size, bytes([color]) * (3 * size[0] * size[1]))


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    return Shared(tmp_path / "picture", (128, 96))


def test_a_picture_is_taken_once(shared: Shared) -> None:
    assert shared.take() is None
    shared_picture.publish(shared.path, picture(7), 5)
    assert shared.take() == picture(7)
    assert shared.take() is None
    shared_picture.publish(shared.path, picture(8, (4, 4)), 6)
    assert shared.take() == picture(8, (4, 4))


def test_no_picture_is_torn_while_another_process_writes(shared: Shared) -> None:
    """Every picture of the writer has one color, which its key tells."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(shared.path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    try:
        assert writer.stdout is not None and writer.stdout.readline() == b"began\n"
        taken: list[int] = []
        until = time.monotonic() + 60
        while len(taken) < 100 and time.monotonic() < until:
            if (found := shared.take()) is not None:
                number = int(found.key, 16)
                assert set(found.pixels) == {number % 256}
                assert found.size == (64 + 8 * (number % 5), 48 + 8 * (number % 3))
                taken.append(number)
        assert len(taken) == 100 and taken == sorted(set(taken))
    finally:
        writer.kill()
        writer.wait()


@pytest.mark.parametrize("end", [9, 60, 100, 110, -1])
def test_a_writer_that_is_killed_half_way_leaves_nothing_to_take(shared: Shared, end: int) -> None:
    shared_picture.publish(shared.path, picture(7), 1)
    shared.take()
    data = shared_picture.packed(picture(9), 2)
    with open(shared.path, "r+b") as file:
        file.write(data[:end])
    assert shared.take() is None


def test_what_has_no_room_is_refused(shared: Shared) -> None:
    assert not shared.holds((129, 96)) and shared.holds((96, 128))
    with pytest.raises(OSError, match="no room"):
        shared_picture.publish(shared.path, picture(1, (256, 256)), 1)
    assert shared.take() is None


def test_no_link_is_written_through(shared: Shared, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(bytes(100_000))
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(OSError):
        shared_picture.publish(link, picture(1), 1)
    assert target.read_bytes() == bytes(100_000)


def test_the_file_goes_when_it_is_closed(shared: Shared) -> None:
    shared.close()
    assert not shared.path.exists()


def test_a_kept_picture_is_what_it_was(tmp_path: Path) -> None:
    path = shared_picture.kept_path(tmp_path, "a" * 64)
    assert shared_picture.read(path) is None
    path.write_bytes(shared_picture.packed(picture(3, (16, 8))))
    assert shared_picture.read(path) == picture(3, (16, 8))


@given(st.binary(max_size=300), st.integers(0, 200))
def test_any_bytes_are_a_whole_picture_or_none(noise: bytes, at: int) -> None:
    assert shared_picture.unpacked(noise) is None
    data = bytearray(shared_picture.packed(picture(3)))
    at = min(at, len(data) - 1)
    data[at] ^= 0xFF
    assert shared_picture.unpacked(bytes(data)) is None
