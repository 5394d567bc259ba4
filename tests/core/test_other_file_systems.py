"""Network and user-space file systems: what they cannot do, and what they lose sight of, costs nobody a file."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blender_bend.core.files import leftovers, whole
from blender_bend.core.files.whole import copy_whole, open_regular, replacing, sweep, write_whole

ROOT = Path(__file__).resolve().parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
UNSUPPORTED = ("EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM", "EACCES")


def failing(error: int, times: int = 10**9, work: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A function of the system that fails so many times, and then does its work."""
    left = [times]

    def call(*arguments: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(error, os.strerror(error))
        return work(*arguments, **more) if work else None

    return call


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_file_is_stored_where_nothing_can_be_synced_permitted_or_locked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for function in ("fsync", "chmod", "utime"):
        monkeypatch.setattr(os, function, failing(getattr(errno, name)))
    if leftovers.fcntl is not None:
        monkeypatch.setattr(leftovers.fcntl, "flock", failing(errno.ENOLCK))
    with replacing(tmp_path / "frame") as file:
        file.write(b"whole")
    copy_whole(tmp_path / "frame", tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "frame"]
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"whole"}


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_to_take_a_file_is_told_of(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(error))
    with pytest.raises(OSError) as caught, replacing(tmp_path / "frame") as file:
        file.write(b"half")
    assert caught.value.errno == error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_stale_handle_is_tried_again_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = getattr(os, name)
    monkeypatch.setattr(os, name, failing(errno.ESTALE, 1, own))
    with replacing(tmp_path / "frame") as file:
        file.write(b"whole")
    assert (tmp_path / "frame").read_bytes() == b"whole"
    monkeypatch.setattr(os, name, failing(errno.ESTALE))
    with pytest.raises(OSError), replacing(tmp_path / "other") as file:
        file.write(b"never")
    assert [path.name for path in tmp_path.iterdir()] == ["frame"]


def test_what_went_stale_while_it_was_written_or_copied_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = leftovers.temporary

    def stale(folder: Path) -> Any:
        file = own(folder)
        written = [True]

        def write(data: bytes) -> int:
            if written:
                written.clear()
                monkeypatch.setattr(leftovers, "temporary", own)
                raise OSError(errno.ESTALE, "stale")
            return len(data)

        file.write = write  # type: ignore[method-assign]
        return file

    monkeypatch.setattr(leftovers, "temporary", stale)
    write_whole(tmp_path / "frame", b"whole")
    assert (tmp_path / "frame").read_bytes() == b"whole"
    monkeypatch.setattr(leftovers, "temporary", stale)
    copy_whole(tmp_path / "frame", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "frame"]


def test_folders_whose_files_have_no_count_of_links_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.fstat

    def without_links(handle: int) -> os.stat_result:
        found = list(own(handle))
        found[3] = 0
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", without_links)
    write_whole(tmp_path / "frame", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["frame"]


_KILLED = """
import errno, fcntl, os, signal, sys
from pathlib import Path
def without_locks(*_):
    raise OSError(errno.ENOLCK, "no locks")
fcntl.flock = without_locks
from blender_bend.core.files.whole import replacing
with replacing(Path(sys.argv[1]) / "frame") as file:
    file.write(b"half")
    file.flush()
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.read()
"""


def writer(folder: Path, what: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(folder), what],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@POSIX
def test_without_locks_what_a_killed_writer_left_goes_and_what_is_being_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with writer(tmp_path, "die"):
            pass
    assert len(list(tmp_path.iterdir())) == 2
    with writer(tmp_path, "live") as other, replacing(tmp_path / "own") as file:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "writing\n"
        file.write(b"whole")
        monkeypatch.setattr(leftovers.fcntl, "flock", failing(errno.ENOLCK))
        assert sweep(tmp_path) == 2
        other.stdin.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frame", "own"]


@POSIX
def test_without_locks_what_another_machine_left_goes_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers.fcntl, "flock", failing(errno.EOPNOTSUPP))
    for name in (".0badcafe_1_abc.tmp", ".tmpabc123.tmp"):
        (tmp_path / name).write_bytes(b"half")
    assert sweep(tmp_path) == 0
    for path in tmp_path.iterdir():
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 3600))
    assert sweep(tmp_path) == 2
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_only_what_is_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"whole")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with open_regular(tmp_path / "file", 5) as file:
        assert file.read() == b"whole"
    with open_regular(tmp_path / "link", follow=True) as file:
        assert file.read() == b"whole"
    for path in (tmp_path / "link", tmp_path / "pipe", tmp_path / "folder", Path("/dev/zero"), tmp_path / "none"):
        with pytest.raises(OSError):
            open_regular(path)
    with pytest.raises(OSError):
        open_regular(tmp_path / "file", 4)
    with pytest.raises(OSError):
        copy_whole(tmp_path / "pipe", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert whole.size_of(tmp_path) >= 5
