"""The frame store: a file that is there is right and complete, and failures leave nothing behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.store.frame_store import FrameStore, read_origin

ROOT = Path(__file__).resolve().parents[2]
KEY = "ab" * 32
NOISE = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def files(store: FrameStore) -> list[str]:
    """Every file of a store, hidden ones too."""
    return sorted(path.name for path in store.folder.iterdir())


def test_a_stored_picture_comes_back_bit_for_bit(store: FrameStore) -> None:
    assert not store.has(KEY)
    store.write(KEY, Image.fromarray(NOISE), {"prompt": "a calm sea, ☾"})
    assert store.has(KEY)
    assert files(store) == [f"{KEY}.png"]
    with Image.open(store.path(KEY)) as picture:
        assert np.array_equal(np.asarray(picture), NOISE)
        assert not picture.text, "Blender's preview would print it over the picture"
    assert read_origin(store.path(KEY)) == {"prompt": "a calm sea, ☾"}


def test_a_picture_from_elsewhere_is_not_taken_for_a_frame(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "holiday.png")
    (tmp_path / "text.png").write_text("no picture")
    for name in ("holiday.png", "text.png", "missing.png"):
        with pytest.raises(BendError) as caught:
            read_origin(tmp_path / name)
        assert caught.value.code == Code.FRAME_INVALID


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    assert FrameStore(tmp_path / "some" / "where").folder.is_dir()


def test_a_store_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BendError) as caught:
        FrameStore(tmp_path / "file" / "frames")
    assert caught.value.code == Code.STORE_UNWRITABLE
    assert caught.value.action == "bend.open_preferences"


def test_a_folder_that_vanished_is_reported(store: FrameStore) -> None:
    store.folder.rmdir()
    with pytest.raises(BendError) as caught:
        store.write(KEY, Image.fromarray(NOISE), {})
    assert caught.value.code == Code.STORE_UNWRITABLE


def test_a_failed_write_leaves_no_temporary_file(store: FrameStore) -> None:
    store.path(KEY).mkdir()
    with pytest.raises(BendError) as caught:
        store.write(KEY, Image.fromarray(NOISE), {})
    assert caught.value.code == Code.STORE_UNWRITABLE
    assert files(store) == [f"{KEY}.png"]
    assert not store.has(KEY)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_neither_a_cut_picture_nor_a_temporary_file(store: FrameStore) -> None:
    script = f"""
import resource, signal, sys
from pathlib import Path
import numpy as np
from PIL import Image
from blender_bend.core.errors import BendError
from blender_bend.engine.store.frame_store import FrameStore, read_origin
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
noise = np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)
try:
    FrameStore(Path({str(store.folder)!r})).write({KEY!r}, Image.fromarray(noise), {{}})
except BendError as error:
    sys.exit(f"{{error.code}}: {{error}}")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("store_unwritable: ")
    assert "None" not in done.stderr
    assert files(store) == []


def test_many_writers_of_one_frame_leave_one_whole_picture(store: FrameStore) -> None:
    writers = [
        threading.Thread(target=store.write, args=(KEY, Image.fromarray(NOISE), {"writer": 0})) for _ in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert files(store) == [f"{KEY}.png"]
    with Image.open(store.path(KEY)) as picture:
        assert np.array_equal(np.asarray(picture), NOISE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_other_programs_may_read_a_frame(store: FrameStore) -> None:
    store.write(KEY, Image.fromarray(NOISE), {})
    assert store.path(KEY).stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize("name", ["EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM"])
def test_a_frame_is_stored_where_nothing_can_be_synced_or_permitted(
    name: str, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(getattr(errno, name), name)

    monkeypatch.setattr(os, "fsync", unsupported)
    monkeypatch.setattr(os, "chmod", unsupported)
    store.write(KEY, Image.fromarray(NOISE), {"prompt": "sea"})
    assert files(store) == [f"{KEY}.png"]
    assert read_origin(store.path(KEY)) == {"prompt": "sea"}


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_stale_handle_costs_no_frame_and_a_lasting_one_is_reported(
    name: str, store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, failures = getattr(os, name), [1]

    def stale(*arguments: object) -> object:
        if failures:
            failures.pop()
            raise OSError(errno.ESTALE, "stale")
        return own(*arguments)

    monkeypatch.setattr(os, name, stale)
    store.write(KEY, Image.fromarray(NOISE), {})
    assert files(store) == [f"{KEY}.png"]
    failures.extend([1] * 100)
    with pytest.raises(BendError) as caught:
        store.write("cd" * 32, Image.fromarray(NOISE), {})
    assert caught.value.code == Code.STORE_UNWRITABLE
    assert files(store) == [f"{KEY}.png"]
