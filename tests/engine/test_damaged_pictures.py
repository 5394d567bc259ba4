"""A picture of impossible sides is refused by its header."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.resolve import input_path
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.store.inputs import StoredInputs


def line(width: int) -> bytes:
    """A black and white PNG, one pixel high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, 1, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1 + (width + 7) // 8), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("width", [70_000, 100_000_000])
def test_a_picture_of_impossible_width_is_refused(tmp_path: Path, width: int) -> None:
    data = line(width)
    store = FrameStore(tmp_path)
    digest = hashlib.sha256(data).hexdigest()
    path = input_path(tmp_path, digest)
    path.parent.mkdir()
    path.write_bytes(data)
    frame = {"source": {"picture": digest}, "size": [64, 64]}
    with pytest.raises(BendError) as caught:
        StoredInputs(store).source(frame)
    assert caught.value.code == Code.INPUT_MISSING
