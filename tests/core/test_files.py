"""Files that are there are complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from blender_bend.core.files import replacing


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
