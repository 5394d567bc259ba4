"""Pictures that somebody put into the frame folder: each is read or refused, and none fills the memory."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mutations import scratched
from PIL import Image
from processes import resident_bytes

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.resolve import input_path
from blender_bend.engine.store.frame_store import CHUNK, FrameStore, read_origin
from blender_bend.engine.store.inputs import StoredInputs

ALL = os.environ.get("BEND_TEST_ALL") == "1"
FILES = 10_000 if ALL else 1_000
KEY = "ab" * 32
NOISE = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*, width: int = 8, height: int = 8, pixels: bytes | None = None, origin: bytes | None = None) -> bytes:
    """A PNG as nobody's encoder makes it."""
    rows = b"".join(b"\0" + bytes(3 * width) for _ in range(height)) if pixels is None else pixels
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    if origin is not None:
        parts.append(chunk(CHUNK, origin))
    return b"".join([*parts, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")])


def refused(read: Callable[[], object], code: Code) -> bool:
    """Whether a file is refused, with this code."""
    try:
        read()
    except BendError as error:
        assert error.code == code and error.message
        return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux tells it")
def test_mutated_frames_are_read_or_refused(store: FrameStore) -> None:
    store.write(KEY, Image.fromarray(NOISE), {"prompt": "a calm sea", "bends": [{"name": "Turn"}] * 5})
    honest, chance = store.path(KEY).read_bytes(), random.Random(8)
    inputs, counts, before = StoredInputs(store), [0, 0], 0
    source = {"source": {"previous": KEY, "warp": [1.0, 0.0, 0.0, 0.0], "colour": None, "start": 1}}
    for number in range(FILES):
        store.path(KEY).write_bytes(scratched(honest, chance))
        counts[0] += refused(lambda: read_origin(store.path(KEY)), Code.FRAME_INVALID)
        counts[1] += refused(lambda: inputs.source(source), Code.INPUT_MISSING)
        if number == FILES // 10:
            before = resident_bytes()
    # A frame has checksums over everything: whatever is changed is noticed, where Pillow looks away in parts.
    assert FILES * 0.98 < counts[0] <= FILES and FILES / 4 < counts[1] < FILES
    store.path(KEY).write_bytes(honest)
    assert read_origin(store.path(KEY))["prompt"] == "a calm sea"
    assert resident_bytes() - before < 32 * 2**20


@pytest.mark.parametrize(
    "data",
    [
        png(width=100_000, height=100_000, pixels=b""),
        png(width=2**31 - 1, height=2**31 - 1, pixels=b""),
        png(width=0, height=0, pixels=b""),
        png(pixels=b""),
        png(width=4000, height=4000, pixels=b"\0"),
        b"",
        b"GIF89a" + bytes(100),
        b"<svg onload='alert(1)'/>",
    ],
    ids=["bomb", "larger than all", "nothing", "no pixels", "few pixels", "empty", "gif", "svg"],
)
def test_a_picture_that_is_none_is_refused(data: bytes, store: FrameStore) -> None:
    store.path(KEY).write_bytes(data)
    source = {"source": {"previous": KEY, "warp": [1.0, 0.0, 0.0, 0.0], "colour": None, "start": 1}}
    assert refused(lambda: StoredInputs(store).source(source), Code.INPUT_MISSING)
    assert refused(lambda: read_origin(store.path(KEY)), Code.FRAME_INVALID)


@pytest.mark.parametrize(
    "origin",
    [
        zlib.compress(bytes(1 << 28)),
        zlib.compress(b"[" * 1_000_000),
        zlib.compress(b"7"),
        zlib.compress(b"null"),
        zlib.compress(b'{"a": ' + b"9" * 10_000 + b"}"),
        b"\xff" * 100,
        b"",
    ],
    ids=["bomb", "deep", "number", "null", "digits", "noise", "empty"],
)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux tells it")
def test_an_origin_that_is_none_is_refused(origin: bytes, tmp_path: Path) -> None:
    path = tmp_path / "frame.png"
    path.write_bytes(png(origin=origin))
    before = resident_bytes()
    assert refused(lambda: read_origin(path), Code.FRAME_INVALID)
    assert resident_bytes() - before < 128 * 2**20
    path.write_bytes(png(origin=zlib.compress(json.dumps({"seed": 7}).encode())))
    assert read_origin(path) == {"seed": 7}


def test_an_input_must_be_what_it_is_named_after(store: FrameStore) -> None:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, format="PNG")
    path = input_path(store.folder, KEY)
    path.parent.mkdir()
    path.write_bytes(buffer.getvalue())
    assert refused(lambda: StoredInputs(store).source({"source": {"picture": KEY, "start": 1}}), Code.INPUT_MISSING)
